"""Audio, made here: nothing is read from outside the test."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from functions.kit.manifest import Limits

Sound = Callable[..., NDArray[np.float32]]
Encode = Callable[..., bytes]


def _sound(seconds: float = 3.0, rate: int = 22_050, channels: int = 1) -> NDArray[np.float32]:
    """Noise bursts twice a second over a tone; all channels alike. [shape=(frames, channels)]"""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time))
    mono = 0.1 * np.sin(2 * np.pi * 220 * time) + 0.1 * noise * np.exp(-8 * (time * 2 % 1))
    return np.repeat(mono.astype(np.float32)[:, None], channels, axis=1)


def _encode(
    samples: NDArray[Any],
    rate: int = 22_050,
    format: str = "WAV",
    subtype: str | None = None,
    **options: Any,
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def sound() -> Sound:
    return _sound


@pytest.fixture(scope="session")
def encode() -> Encode:
    return _encode


@pytest.fixture(scope="session")
def limits() -> Limits:
    return Limits(
        bytes=2_000_000,
        seconds=60.0,
        min_seconds=1.0,
        channels=32,
        sample_rate_min=4_000,
        sample_rate_max=384_000,
    )
