"""Other speakers, rooms and telephones, made of log mel bands a batch at a time."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from functions.kit import mel


@dataclass(frozen=True)
class Strength:
    """How far each change goes; natural logarithms where nothing else is said."""

    stretch: float = 0.15
    """Of the pace."""
    warp: float = 0.12
    """Of all frequencies, pitch and formants together: another speaker."""
    equaliser: float = 0.3
    """Amplitude of each of three smooth curves over the bands, in log power."""
    equalised: float = 1.0
    """How often."""
    noise: tuple[float, float] = (-14.0, -5.0)
    """Level of the noise under the loudest band, in log power."""
    noisy: float = 0.1
    """How often."""
    telephone: float = 0.2
    """How often only the middle of the spectrum is left, beside what any may lose of it."""
    bands: int = 8
    """Most bands that one of two masks covers."""
    frames: int = 25
    """Most frames that one of two masks covers."""


def _to_mel(hz: Tensor | float) -> Tensor:
    return 2595.0 * torch.log10(1.0 + torch.as_tensor(hz) / 700.0)


_EDGES = _to_mel(mel.LOWEST_HZ), _to_mel(mel.HIGHEST_HZ)
_CENTRES_MEL = torch.linspace(float(_EDGES[0]), float(_EDGES[1]), mel.BANDS + 2)[1:-1]
_CENTRES_HZ = 700.0 * (10.0 ** (_CENTRES_MEL / 2595.0) - 1.0)
_AXIS = torch.linspace(0.0, 1.0, mel.BANDS)


class Augment:
    """Random changes, the same for the same `seed`."""

    def __init__(self, strength: Strength, seed: int) -> None:
        self._by = strength
        self._random = torch.Generator().manual_seed(seed)
        # The power of noise in one band of one frame is exponentially distributed.
        power = -torch.log(self._uniform(1e-6, 1.0, 160, 320, mel.BANDS))
        self._noise = torch.log(power + 0.3) - 0.2

    def heard(self, logs: Tensor) -> Tensor:
        """`logs`, shape (n, frames, 64), through another microphone, room or telephone each."""
        count = len(logs)
        logs = logs - logs.amax(dim=(1, 2), keepdim=True)
        through = (self._uniform(0.0, 1.0, count) < self._by.equalised)[:, None, None]
        return self._limited(self._noisy(logs + through * self._curve(count)[:, None]))

    def voices(self, logs: Tensor, frames: int) -> Tensor:
        """Excerpts of `frames` frames from `logs`, shape (n, longer, 64), each another voice."""
        count, longer, _ = logs.shape
        pace = torch.exp(self._symmetric(self._by.stretch, count))
        room = (longer - 1 - frames * pace).clamp(min=0.0)
        at = (self._uniform(0.0, 1.0, count) * room)[:, None] + pace[:, None] * torch.arange(frames)
        warped = _CENTRES_HZ / torch.exp(self._symmetric(self._by.warp, count))[:, None]
        step = (_EDGES[1] - _EDGES[0]) / (mel.BANDS + 1)
        band = ((_to_mel(warped) - _EDGES[0]) / step - 1.0).clamp(0.0, mel.BANDS - 1.0)
        grid = torch.stack(
            [
                (2.0 * band / (mel.BANDS - 1) - 1.0)[:, None, :].expand(-1, frames, -1),
                (2.0 * at / (longer - 1) - 1.0)[:, :, None].expand(-1, -1, mel.BANDS),
            ],
            dim=-1,
        )
        said = functional.grid_sample(
            logs[:, None], grid, align_corners=True, padding_mode="border"
        )
        return self.heard(said[:, 0])

    def masks(self, bands: Tensor) -> Tensor:
        """SpecAugment (Park et al., Interspeech 2019) on `bands`, shape (n, 64, frames)."""
        count, _, frames = bands.shape
        for _ in range(2):
            bands = bands * ~self._span(count, mel.BANDS, self._by.bands)[:, :, None]
            bands = bands * ~self._span(count, frames, self._by.frames)[:, None, :]
        return bands

    def _curve(self, count: int) -> Tensor:
        curve = torch.zeros(count, mel.BANDS)
        for order in (1, 2, 3):
            size = self._symmetric(self._by.equaliser, count)[:, None]
            phase = self._symmetric(0.5, count)[:, None]
            curve = curve + size * torch.cos(np.pi * order * _AXIS + phase)
        return curve

    def _noisy(self, heard: Tensor) -> Tensor:
        count, frames, _ = heard.shape
        level = self._uniform(*self._by.noise, count)[:, None]
        quiet = self._uniform(0.0, 1.0, count) >= self._by.noisy
        level = torch.where(quiet[:, None], -30.0, level)
        level = level + self._uniform(-4.0, 1.0, count)[:, None] * _AXIS
        first = int(torch.randint(0, len(self._noise) - count + 1, (1,), generator=self._random))
        noise = level[:, None] + self._noise[first : first + count, :frames]
        return torch.logaddexp(heard, noise)

    def _limited(self, heard: Tensor) -> Tensor:
        """Some without their lowest, some without their highest bands: telephones and codecs."""
        count = len(heard)
        never = torch.zeros(count)
        low = torch.where(
            self._uniform(0.0, 1.0, count) < 0.15, self._uniform(200.0, 400.0, count), never
        )
        high = torch.where(
            self._uniform(0.0, 1.0, count) < 0.25, self._uniform(3e3, 7e3, count), never + 9e3
        )
        if self._by.telephone:
            phoned = self._uniform(0.0, 1.0, count) < self._by.telephone
            low = torch.where(phoned, self._uniform(200.0, 400.0, count), low)
            high = torch.where(phoned, self._uniform(3e3, 4e3, count), high)
        lost = (low[:, None] > _CENTRES_HZ) | (high[:, None] < _CENTRES_HZ)
        return torch.where(lost[:, None], (heard - 8.0).clamp(min=-18.0), heard)

    def _span(self, count: int, size: int, most: int) -> Tensor:
        """One run of up to `most` of `size` places in each of `count` rows."""
        length = torch.randint(0, most, (count, 1), generator=self._random)
        start = torch.randint(0, size, (count, 1), generator=self._random)
        place = torch.arange(size)
        return (place >= start) & (place < start + length)

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._random) * (high - low) + low

    def _symmetric(self, most: float, count: int) -> Tensor:
        return self._uniform(-most, most, count)
