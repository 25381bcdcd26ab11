"""From a stream of samples to power spectra and mel bands, however the stream is cut."""

from functools import cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
_AT_ONCE = 64
"""Frames that are transformed together: what is made of more does not stay in the cache."""


def hann(samples: int) -> Floats:
    """A periodic Hann window, shape (samples,), through which a full-scale sine reads 1."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(samples) / samples)
    scaled: Floats = (window / (window.sum() / 2.0)).astype(np.float32)
    return scaled


@cache
def mel_filterbank(
    rate: int, size: int, bands: int, *, lowest_hz: float, highest_hz: float
) -> Floats:
    """Triangles evenly spaced on O'Shaughnessy's mel scale, shape (size // 2 + 1, bands)."""
    low, high = (2595.0 * np.log10(1.0 + f / 700.0) for f in (lowest_hz, highest_hz))
    return triangles(
        700.0 * (10.0 ** (np.linspace(low, high, bands + 2) / 2595.0) - 1.0), rate, size
    )


def triangles(corners: Floats, rate: int, size: int) -> Floats:
    """Filters that rise from one of `corners` in Hz to the next, and fall to the one after.

    Shape (size // 2 + 1, corners - 2), for power spectra of `size` samples at `rate`.
    """
    hz = np.linspace(0.0, rate / 2, size // 2 + 1)
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising = (hz[:, None] - left) / (middle - left)
    falling = (right - hz[:, None]) / (right - middle)
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


class Frames:
    """A stream cut into overlapping frames: `push` blocks of samples, then `finish`.

    Frame i is centred on sample i * hop; the signal is taken as zero outside itself. However the
    stream is cut into blocks, the frames are the same.
    """

    def __init__(self, size: int, hop: int) -> None:
        self._size, self._hop = size, hop
        self._rest: Floats = np.zeros(size // 2, np.float32)
        self._samples = 0
        self._frames = 0

    def push(self, samples: Floats) -> Floats:
        """The frames that `samples`, shape (n,), complete: (frames, size), not to be written to."""
        self._samples += samples.size
        return self._emit(samples)

    def finish(self) -> Floats:
        """The frames that were waiting for samples to come: as many in all as hops were begun."""
        due = -(-self._samples // self._hop) - self._frames
        return self._emit(np.zeros(self._size + self._hop, np.float32))[:due]

    def _emit(self, samples: Floats) -> Floats:
        held = np.concatenate([self._rest, samples])
        count = max(0, (held.size - self._size) // self._hop + 1)
        self._rest = held[count * self._hop :]
        self._frames += count
        if not count:
            return np.zeros((0, self._size), np.float32)
        return sliding_window_view(held, self._size)[:: self._hop][:count]


class Spectrogram:
    """A short-time Fourier transform over a stream: `push` blocks of samples, then `finish`.

    Its frames are those of `Frames`. With `level` each is brought to a weighted mean of zero first,
    lest a constant offset leak into all the bands.
    """

    def __init__(self, window: Floats, hop: int, *, level: bool = False) -> None:
        inside = np.flatnonzero(window)
        self._inside = slice(inside[0], inside[-1] + 1)
        self._window = window[self._inside].astype(np.float64)
        self._mean = window[self._inside] / window.sum() if level else None
        self._size = window.size
        self._frames = Frames(window.size, hop)

    def push(self, samples: Floats) -> Floats:
        """The power spectra that `samples`, shape (n,), complete: (frames, window / 2 + 1)."""
        return self._power(self._frames.push(samples))

    def finish(self) -> Floats:
        """Those that were waiting for samples to come: as many in all as hops were begun."""
        return self._power(self._frames.finish())

    def _power(self, frames: Floats) -> Floats:
        pieces = [self._few(frames[i : i + _AT_ONCE]) for i in range(0, len(frames), _AT_ONCE)]
        return np.concatenate([np.zeros((0, self._size // 2 + 1), np.float32), *pieces])

    def _few(self, frames: Floats) -> Floats:
        heard = frames[:, self._inside]
        # In double precision numpy's transform takes a quarter of the time that it takes in single.
        shaped = heard.astype(np.float64)
        if self._mean is not None:
            shaped -= (heard @ self._mean)[:, None]
        shaped *= self._window
        # Zeros around the window move only the phase, so that they may all stand behind it.
        parts = np.fft.rfft(shaped, self._size).view(np.float64)
        parts *= parts
        power: Floats = (parts[:, ::2] + parts[:, 1::2]).astype(np.float32)
        return power
