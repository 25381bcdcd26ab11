"""The five features of the earlier ensemble, over what is speech in a window."""

import numpy as np
from numpy.typing import NDArray

from functions.kit.mel import HOP
from functions.kit.spectrum import Floats, Frames

NAMES = (
    "energy",
    "energy_variance",
    "zero_crossing_rate",
    "temporal_variation",
    "embedding_variance",
)
SIZE = 2 * HOP
"""Samples in a frame: 32 ms, every 16 ms."""
LOUD = 1e-3
"""A frame counts as sound down to 30 dB below the mean power of the window's speech."""
_TINY = 1e-12


class Measures:
    """Power and zero crossings of each frame of 16 kHz samples: `push` blocks, then `finish`.

    Both give shape (frames, 2), a row for each frame of `LogMel`: the mean square of the samples
    about the frame's mean, and the share of them that have another sign about it than the last.
    """

    def __init__(self) -> None:
        self._frames = Frames(SIZE, HOP)

    def push(self, samples: Floats) -> Floats:
        """The rows that `samples`, shape (n,), complete."""
        return _measured(self._frames.push(samples))

    def finish(self) -> Floats:
        """The rows that were waiting for samples to come."""
        return _measured(self._frames.finish())


def _measured(frames: Floats) -> Floats:
    about = frames - frames.mean(axis=1, keepdims=True)
    above = about >= 0
    crossings = np.count_nonzero(above[:, 1:] != above[:, :-1], axis=1)
    power = np.einsum("ij,ij->i", about, about) / SIZE
    return np.stack([power, crossings / (SIZE - 1)], axis=1).astype(np.float32)


def of(measures: Floats, speech: NDArray[np.bool_], embedding: Floats) -> Floats:
    """The features of a window, shape (5,), in the order of `NAMES`.

    measures : what `Measures` gave for its frames, shape (frames, 2).
    speech : which of them are speech, shape (frames,); at least one is.
    embedding : what the network made of the window, shape (n,).

    energy: the mean power of speech; it alone depends on the recording's level. energy_variance:
    the variance of that power over its squared mean. zero_crossing_rate: crossings a sample.
    temporal_variation: the mean change in dB from one frame to the next. embedding_variance: of
    the embedding's elements about their mean. The third and fourth are over frames of speech that
    are not far below the rest.
    """
    power, crossings = measures.T.astype(float)
    mean = power[speech].mean()
    loud = speech & (power >= LOUD * mean)
    level = 10 * np.log10(power + _TINY)
    steps = np.abs(np.diff(level))[loud[1:] & loud[:-1]]
    return np.array(
        [
            mean,
            power[speech].var() / (mean**2 + _TINY**2),
            crossings[loud].mean(),
            steps.mean() if steps.size else 0.0,
            embedding.var(),
        ]
    )
