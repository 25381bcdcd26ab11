"""The speech gate: every quarter of a second, how likely it is that somebody speaks."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from functions.kit.mel import BANDS, FLOOR
from functions.kit.spectrum import Floats

WEIGHTS = Path(__file__).with_name("speech.npz")
STEP = 16
"""Frames of `LogMel` from one judgement to the next: 0.256 s."""
SPEECH = 0.5
"""Probability from which a step counts as speech."""
AROUND = 96
"""Frames heard before and after a step: half of them by the network, all for the level."""
STRIDES = ((2, 4), (3, 2), (1, 1), (1, 2), (1, 1), (1, 1), (1, 1))
"""Bands and frames from one patch to the next, in each layer of the network."""
_AT_ONCE = 64  # steps, lest a long block cost memory


@cache
def weights() -> Mapping[str, Floats]:
    """The network's arrays in single precision, read once in the life of the process."""
    with np.load(WEIGHTS) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def levelled(logs: Floats) -> Floats:
    """Bands relative to the level around them, shape (frames - 95, 64) of `logs` (frames, 64).

    The level is the mean power over 1.5 s of each frame's loudest band.
    """
    loudest = np.exp(logs.max(axis=1))
    level = np.log(sliding_window_view(loudest, AROUND).mean(axis=1))
    middle = logs[AROUND // 2 :][: len(level)]
    return np.asarray((middle - level[:, None]).clip(-12.0, 3.0) / 4.0 + 1.0, np.float32)


def judged(logs: Floats) -> Floats:
    """Probability of speech of each step of `logs`, less the `AROUND` frames at either end."""
    w = weights()
    x = levelled(logs)[:-1].T[None]
    for i, stride in enumerate(STRIDES):
        x = _layer(x, w[f"weight{i}"], w[f"bias{i}"], stride)
        if i < len(STRIDES) - 1:
            np.maximum(x, 0.0, out=x)
    return np.asarray(1.0 / (1.0 + np.exp(-x[0, 0])), np.float32)


def _layer(x: Floats, weight: Floats, bias: Floats, stride: tuple[int, int]) -> Floats:
    """A convolution: x (channels, bands, frames), weight (out, channels, bands, frames)."""
    out, channels, bands, frames = weight.shape
    patches = sliding_window_view(x, (bands, frames), axis=(1, 2))
    patches = patches[:, :: stride[0], :: stride[1]].transpose(0, 3, 4, 1, 2)
    columns = patches.reshape(channels * bands * frames, -1)
    y: Floats = weight.reshape(out, -1) @ columns
    y += bias[:, None]
    return y.reshape(out, *patches.shape[3:])


class Gate:
    """Whether it is speech, over a stream of log mels: `push` blocks, the last one marked.

    A small convolutional network hears some 2 s around each step relative to their level, so a
    quiet voice is as good as a loud one. The stream is taken as silent outside itself. However it
    is cut into blocks, the judgements are the same.
    """

    def __init__(self) -> None:
        self._held = _silence(AROUND)
        self._frames = 0
        self._steps = 0

    def push(self, logs: Floats, *, last: bool = False) -> Floats:
        """Probabilities of speech, shape (n,), of the steps that `logs` (frames, 64) complete.

        They come 1.5 s behind the frames; the last push gives all that is left, a begun step too.
        """
        self._frames += len(logs)
        tail = _silence(AROUND + STEP if last else 0)
        held = np.concatenate([self._held, logs, tail])
        count = (len(held) - 2 * AROUND) // STEP
        if last:
            count = -(-self._frames // STEP) - self._steps
        self._steps += max(0, count)
        parts = [
            judged(held[first * STEP : min(first + _AT_ONCE, count) * STEP + 2 * AROUND])
            for first in range(0, count, _AT_ONCE)
        ]
        self._held = held[max(0, count) * STEP :]
        return np.concatenate([np.zeros(0, np.float32), *parts])


def _silence(frames: int) -> Floats:
    return np.full((frames, BANDS), np.log(FLOOR), np.float32)
