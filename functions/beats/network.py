"""A small temporal convolutional network in plain numpy, run over a stream without a seam."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from functions.kit.spectrum import Floats

TAPS = 5
"""Frames that one dilated convolution sees, `dilation` frames apart."""


@cache
def load(path: Path) -> Mapping[str, Floats]:
    """The arrays of a model's file in single precision, read once in the life of the process."""
    with np.load(path) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


class _Delay:
    """Frames held back so that a convolution can see both ways; zeros surround the stream."""

    def __init__(self, reach: int, channels: int) -> None:
        self._held: Floats = np.zeros((reach, channels), np.float32)
        self._reach = reach

    def push(self, x: Floats, last: bool) -> Floats:
        """`x` with the 2 * reach frames before it in front; at the end, `reach` zeros behind."""
        tail = np.zeros((self._reach, x.shape[1]), np.float32) if last else x[:0]
        joined = np.concatenate([self._held, x, tail])
        self._held = joined[-2 * self._reach :]
        return joined


class Network:
    """Compressed mel bands in, logits of beat and downbeat out; `push` blocks, the last one marked.

    Two convolutions over time and frequency shared along frequency, a dense layer, and residual
    blocks of dilated convolutions that see 20 s either way, after Davies and Böck, "Temporal
    convolutional networks for musical audio beat tracking", EUSIPCO 2019. Each layer keeps the
    frames that its own reach needs, so the memory is constant and any cut into blocks gives the
    logits of one pass over the whole.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._w = weights
        bands, channels = self._w["mean"].size, self._w["heads"].shape[0]
        blocks = len(self._w["dilated"])
        self._near = _Delay(1, bands)
        self._delays = [_Delay(TAPS // 2 * 2**i, channels) for i in range(blocks)]

    def push(self, bands: Floats, *, last: bool = False) -> Floats:
        """Logits, shape (m, 2), of the frames that `bands`, shape (n, 64), make certain.

        The logits come about 20 s behind the bands; the last push gives all that is left, so that
        in all there are as many as bands were pushed.
        """
        w = self._w
        x: Floats = (bands - w["mean"]) * w["scale"]
        x = self._near.push(x, last)
        frames = len(x) - 2
        if frames <= 0:
            return np.zeros((0, 2), np.float32)
        patches = sliding_window_view(x, (3, 3))[:, ::2]
        x = np.maximum(patches.reshape(-1, 9) @ w["near"] + w["near_bias"], 0.0)
        patches = sliding_window_view(x.reshape(frames, -1, x.shape[1]), 5, axis=1)[:, ::3]
        x = patches.swapaxes(2, 3).reshape(-1, w["wide"].shape[0])
        x = np.maximum(x @ w["wide"] + w["wide_bias"], 0.0)
        x = np.maximum(x.reshape(frames, -1) @ w["dense"] + w["dense_bias"], 0.0)
        for i, delay in enumerate(self._delays):
            x = self._block(delay.push(x, last), i)
            if not len(x):
                return np.zeros((0, 2), np.float32)
        logits: Floats = np.maximum(x, 0.0) @ w["heads"] + w["heads_bias"]
        return logits

    def _block(self, x: Floats, i: int) -> Floats:
        """One residual block over frames that reach 2 * 2**i beyond its output on either side."""
        step = 2**i
        frames = len(x) - (TAPS - 1) * step
        if frames <= 0:
            return x[:0]
        weights = self._w["dilated"][i]
        y: Floats = x[:frames] @ weights[0]
        for tap in range(1, TAPS):
            y += x[tap * step : tap * step + frames] @ weights[tap]
        y = np.maximum(y + self._w["dilated_bias"][i], 0.0)
        y = y @ self._w["mix"][i] + self._w["mix_bias"][i]
        return y + x[2 * step : 2 * step + frames]
