"""What the voice networks hear: bands finer in time and at the top than `functions.kit.mel`."""

from functools import cache

import numpy as np

from functions.kit.mel import HOP, RATE
from functions.kit.spectrum import Floats, Spectrogram, hann, triangles

BANDS = 96
PER_ROW = 2
"""Frames of 8 ms in one row of 16 ms."""
WINDOW, SIZE = 400, 512
"""Samples in one Hann window (25 ms), and in the transform that it is padded to."""
LOWEST_HZ, HIGHEST_HZ = 30.0, 7_900.0
BEND_HZ = 2_000.0
"""Up to about here bands are of one width, above of one interval; mel scales bend at 700 to 1000.

Vocoders give themselves away in the fine structure at the top, which mel bands smear.
"""
FLOOR = 1e-14
"""Power (-140 dB of full scale) that is added to each band before its logarithm.

So low that even a recording that is 40 dB too soft is heard as others are.
"""


class FineBands:
    """Log bands over a stream: `push` blocks of samples at 16 kHz, then `finish`.

    Both give natural logarithms of band power, shape (rows, 192): a row for each frame of
    `LogMel`, of two frames that are 8 ms apart.
    """

    def __init__(self) -> None:
        window = np.pad(hann(WINDOW), (SIZE - WINDOW) // 2)
        self._spectrogram = Spectrogram(window, HOP // PER_ROW, level=True)
        self._filters = filters()
        self._odd: Floats = np.zeros((0, BANDS), np.float32)

    def push(self, samples: Floats) -> Floats:
        """The rows that `samples`, shape (n,), complete."""
        logs = np.concatenate([self._odd, self._logs(self._spectrogram.push(samples))])
        whole = len(logs) // PER_ROW * PER_ROW
        self._odd = logs[whole:]
        return logs[:whole].reshape(-1, PER_ROW * BANDS)

    def finish(self) -> Floats:
        """The rows that were waiting for samples to come."""
        logs = np.concatenate([self._odd, self._logs(self._spectrogram.finish())])
        missing = -len(logs) % PER_ROW
        return np.concatenate([logs, logs[len(logs) - missing :]]).reshape(-1, PER_ROW * BANDS)

    def _logs(self, power: Floats) -> Floats:
        logs: Floats = np.log(power @ self._filters + np.float32(FLOOR)).astype(np.float32)
        return logs


def corners() -> Floats:
    """Where the triangles begin and end, in Hz, shape (98,)."""
    ends = np.arcsinh(np.array([LOWEST_HZ, HIGHEST_HZ]) / BEND_HZ)
    return np.asarray(BEND_HZ * np.sinh(np.linspace(ends[0], ends[1], BANDS + 2)))


@cache
def filters() -> Floats:
    """From a power spectrum to the bands, shape (257, 96)."""
    return triangles(corners(), RATE, SIZE)
