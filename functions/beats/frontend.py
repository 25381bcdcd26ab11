"""From samples to what an ear for rhythm needs: log-magnitude mel bands, 50 frames a second."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

RATE = 22_050
"""Sample rate of the analysis, in Hz."""
HOP = 441
"""Samples from one frame to the next: 20 ms."""
FPS = RATE / HOP
"""Frames a second."""
WINDOW = 1_024
"""Samples in one Hann window: 46 ms."""
BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 30.0, 10_500.0
SPLITS_HZ = (200.0, 2_000.0)
"""Where low ends and mid begins, where mid ends and high begins."""


class Frames(NamedTuple):
    """What the front end says of n consecutive frames."""

    bands: Floats
    """Mel band magnitudes, shape (n, 64); a full-scale sine reads 1 to 2."""
    power: Floats
    """Mean-square amplitude, low, mid and high, shape (n, 3); a full-scale sine reads 0.5."""


def mel_filterbank() -> Floats:
    """Triangles evenly spaced on O'Shaughnessy's mel scale, shape (513, 64)."""
    hz = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)
    low, high = (2595.0 * np.log10(1.0 + f / 700.0) for f in (LOWEST_HZ, HIGHEST_HZ))
    corners = 700.0 * (10.0 ** (np.linspace(low, high, BANDS + 2) / 2595.0) - 1.0)
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising = (hz[:, None] - left) / (middle - left)
    falling = (right - hz[:, None]) / (right - middle)
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def band_splits() -> Floats:
    """Which bin counts as low, mid or high, shape (513, 3); below 30 Hz nothing does."""
    hz = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)
    edges = (LOWEST_HZ, *SPLITS_HZ, RATE / 2 + 1)
    inside = [(hz >= a) & (hz < b) for a, b in pairwise(edges)]
    return np.stack(inside, axis=1).astype(np.float32)


class Frontend:
    """A short-time Fourier transform over a stream: `push` blocks of samples, then `finish`.

    Frame i is centred on sample i * 441, so it speaks of the time i / 50 s; the signal is taken as
    zero outside itself. However the stream is cut into blocks, the frames are the same.
    """

    def __init__(self) -> None:
        hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
        self._window = (hann / (hann.sum() / 2.0)).astype(np.float32)
        # Parseval: a bin of the one-sided spectrum stands for two; the window's power goes out.
        self._power_gain = np.float32(hann.sum() ** 2 / (2.0 * WINDOW * (hann**2).sum()))
        self._mel = mel_filterbank()
        self._splits = band_splits()
        self._rest: Floats = np.zeros(WINDOW // 2, np.float32)
        self._samples = 0
        self._frames = 0

    def push(self, samples: Floats) -> Frames:
        """The frames that `samples`, shape (n,), complete."""
        self._samples += samples.size
        return self._emit(samples)

    def finish(self) -> Frames:
        """The frames that were waiting for samples to come: as many in all as hops were begun."""
        due = -(-self._samples // HOP)
        frames = self._emit(np.zeros(WINDOW + HOP, np.float32))
        extra = self._frames - due
        keep = len(frames.bands) - extra
        return Frames(frames.bands[:keep], frames.power[:keep])

    def _emit(self, samples: Floats) -> Frames:
        held = np.concatenate([self._rest, samples])
        count = max(0, (held.size - WINDOW) // HOP + 1)
        self._rest = held[count * HOP :]
        self._frames += count
        if not count:
            return Frames(np.zeros((0, BANDS), np.float32), np.zeros((0, 3), np.float32))
        windows = np.lib.stride_tricks.sliding_window_view(held, WINDOW)[::HOP]
        spectrum = np.fft.rfft(windows[:count] * self._window)
        power: Floats = spectrum.real**2 + spectrum.imag**2
        low_mid_high = (power @ self._splits) * self._power_gain
        return Frames(np.sqrt(power) @ self._mel, low_mid_high)


def compress(bands: Floats) -> Floats:
    """What the network reads: log(1 + 1000 x), so that a quiet passage still shows its onsets."""
    compressed: Floats = np.log1p(np.float32(1000.0) * bands)
    return compressed
