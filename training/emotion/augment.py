"""Other speakers, rooms and telephones, made of fine bands a batch at a time."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from functions.kit.fine import BANDS, BEND_HZ, corners

_ENDS_HZ = torch.from_numpy(corners()).float()
_CENTRES_HZ = _ENDS_HZ[1:-1]
_AXIS = torch.linspace(0.0, 1.0, BANDS)


@dataclass(frozen=True)
class Worse:
    """How much worse a sound gets; levels are natural logarithms of power."""

    spared: float
    """How often it stays as it is."""
    equaliser: float
    """Amplitude of each of three smooth curves over the bands."""
    noisy: float
    """How often there is noise, at `noise` under the loudest band."""
    noise: tuple[float, float]
    telephone: float
    """How often only what a telephone carries is left; in a quarter of these its low end stays."""
    hiss: float
    """How often it is then kept in few bits, or where it hisses."""


class Augment:
    """Random changes, the same for the same `seed`."""

    def __init__(self, seed: int) -> None:
        self._random = torch.Generator().manual_seed(seed)
        # The power of noise in one band of one frame is exponentially distributed.
        power = -torch.log(self._uniform(1e-6, 1.0, 100, 640, BANDS))
        self._noise = torch.log(power + 0.1) - 0.1

    def worse(self, frames: Tensor, by: Worse) -> Tensor:
        """`frames`, shape (n, t, 96), each through another microphone, noise, telephone or codec.

        They are under the loudest band afterwards.
        """
        count = len(frames)
        frames = frames - frames.amax(dim=(1, 2), keepdim=True)
        level = torch.where(self._often(by.noisy, count), self._uniform(*by.noise, count), -40.0)
        tilt = self._uniform(-5.0, 3.0, count)[:, None] * (_AXIS - 0.5)
        rumble = self._uniform(-1.0, 4.0, count)[:, None] * torch.exp(-_AXIS / 0.1)
        heard = frames + self._curve(by.equaliser, count)[:, None]
        heard = self._in_noise(heard, level[:, None] + tilt + rumble)
        heard = self._limited(heard, by.telephone)
        floor = torch.where(self._often(by.hiss, count), self._uniform(-18.0, -9.0, count), -40.0)
        heard = self._in_noise(heard, floor[:, None].expand(-1, BANDS))
        return torch.where(self._often(by.spared, count)[:, None, None], frames, heard)

    def voices(self, frames: Tensor, length: int, pace: float, pitch: float) -> Tensor:
        """`length` frames from anywhere in `frames`, shape (n, t, 96), each another voice.

        pace, pitch : the most that either changes, natural logarithms; pitch and formants together
        """
        count, longer, _ = frames.shape
        paces = torch.exp(self._uniform(-pace, pace, count))
        room = (longer - 1 - length * paces).clamp(min=0.0)
        start = self._uniform(0.0, 1.0, count) * room
        at = start[:, None] + paces[:, None] * torch.arange(length)
        warped = _CENTRES_HZ / torch.exp(self._uniform(-pitch, pitch, count))[:, None]
        lowest, highest = _bend(_ENDS_HZ[0]), _bend(_ENDS_HZ[-1])
        band = (_bend(warped) - lowest) / (highest - lowest) * (BANDS + 1) - 1.0
        band = band.clamp(0.0, BANDS - 1.0)
        grid = torch.stack(
            [
                (2.0 * band / (BANDS - 1) - 1.0)[:, None, :].expand(-1, length, -1),
                (2.0 * at / (longer - 1) - 1.0)[:, :, None].expand(-1, -1, BANDS),
            ],
            dim=-1,
        )
        said = functional.grid_sample(
            frames[:, None], grid, align_corners=True, padding_mode="border"
        )
        return said[:, 0]

    def _curve(self, size: float, count: int) -> Tensor:
        curve = torch.zeros(count, BANDS)
        for order in (1, 2, 3):
            each = self._uniform(-size, size, count)[:, None]
            phase = self._uniform(-0.5, 0.5, count)[:, None]
            curve = curve + each * torch.cos(np.pi * order * _AXIS + phase)
        return curve

    def _in_noise(self, heard: Tensor, level: Tensor) -> Tensor:
        """With noise at a `level` for each band, shape (n, 96)."""
        count, length, _ = heard.shape
        first = int(torch.randint(0, len(self._noise) - count + 1, (1,), generator=self._random))
        noise = self._noise[first : first + count, :length]
        return torch.logaddexp(heard, level[:, None] + noise)

    def _limited(self, heard: Tensor, telephone: float) -> Tensor:
        """Some without their lowest, some without their highest bands."""
        count = len(heard)
        low = torch.where(self._often(0.15, count), self._uniform(100.0, 400.0, count), 0.0)
        high = torch.where(self._often(0.3, count), self._uniform(3.2e3, 7e3, count), 9e3)
        phoned = self._often(telephone, count)
        cut = phoned & self._often(0.75, count)
        low = torch.where(cut, self._uniform(200.0, 400.0, count), low)
        high = torch.where(phoned, self._uniform(3e3, 4.1e3, count), high)
        lost = (low[:, None] > _CENTRES_HZ) | (high[:, None] < _CENTRES_HZ)
        drop = self._uniform(6.0, 20.0, count)[:, None, None]
        return torch.where(lost[:, None], heard - drop, heard)

    def _often(self, share: float, count: int) -> Tensor:
        return self._uniform(0.0, 1.0, count) < share

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._random) * (high - low) + low


def _bend(hz: Tensor) -> Tensor:
    return torch.asinh(hz / BEND_HZ)
