"""What the voice functions hear: log mel bands of 16 kHz audio, 62.5 frames a second."""

import numpy as np

from functions.kit.spectrum import Floats, Spectrogram, hann, mel_filterbank

RATE = 16_000
"""Sample rate of the analysis, in Hz."""
HOP = 256
"""Samples from one frame to the next: 16 ms."""
FPS = RATE / HOP
"""Frames a second."""
WINDOW, SIZE = 640, 1_024
"""Samples in one Hann window (40 ms), and in the transform that it is padded to."""
BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 50.0, 7_600.0
FLOOR = 1e-10
"""Power (-100 dB of full scale) that is added to each band before its logarithm."""


class LogMel:
    """Log mel bands over a stream: `push` blocks of samples at `RATE`, then `finish`.

    Both give natural logarithms of band power, shape (frames, 64); a full-scale sine reads 0 to 1.
    """

    def __init__(self) -> None:
        window = np.pad(hann(WINDOW), (SIZE - WINDOW) // 2)
        self._spectrogram = Spectrogram(window, HOP, level=True)
        self._mel = mel_filterbank(RATE, SIZE, BANDS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ)

    def push(self, samples: Floats) -> Floats:
        """The frames that `samples`, shape (n,), complete."""
        return self._logs(self._spectrogram.push(samples))

    def finish(self) -> Floats:
        """The frames that were waiting for samples to come."""
        return self._logs(self._spectrogram.finish())

    def _logs(self, power: Floats) -> Floats:
        logs: Floats = np.log(power @ self._mel + np.float32(FLOOR)).astype(np.float32)
        return logs
