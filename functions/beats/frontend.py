"""From samples to what an ear for rhythm needs: log-magnitude mel bands, 50 frames a second."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from functions.kit.spectrum import Floats, Spectrogram, hann
from functions.kit.spectrum import mel_filterbank as triangles

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
POWER_GAIN = np.float32(1.0 / 3.0)
"""From bins to mean-square amplitude, by Parseval: a bin of the one-sided spectrum stands for two,
and the Hann window's own power goes out."""


class Frames(NamedTuple):
    """What the front end says of n consecutive frames."""

    bands: Floats
    """Mel band magnitudes, shape (n, 64); a full-scale sine reads 1 to 2."""
    power: Floats
    """Mean-square amplitude, low, mid and high, shape (n, 3); a full-scale sine reads 0.5."""


def mel_filterbank() -> Floats:
    """Triangles evenly spaced on O'Shaughnessy's mel scale, shape (513, 64)."""
    return triangles(RATE, WINDOW, BANDS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ)


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
        self._spectrogram = Spectrogram(hann(WINDOW), HOP)
        self._mel = mel_filterbank()
        self._splits = band_splits()

    def push(self, samples: Floats) -> Frames:
        """The frames that `samples`, shape (n,), complete."""
        return self._frames(self._spectrogram.push(samples))

    def finish(self) -> Frames:
        """The frames that were waiting for samples to come: as many in all as hops were begun."""
        return self._frames(self._spectrogram.finish())

    def _frames(self, power: Floats) -> Frames:
        return Frames(np.sqrt(power) @ self._mel, (power @ self._splits) * POWER_GAIN)


def compress(bands: Floats) -> Floats:
    """What the network reads: log(1 + 1000 x), so that a quiet passage still shows its onsets."""
    compressed: Floats = np.log1p(np.float32(1000.0) * bands)
    return compressed
