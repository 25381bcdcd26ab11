"""Audio and a tiny function, made here: nothing is read from outside the test."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import functions_framework
import numpy as np
import pytest
import soundfile
from flask.testing import FlaskClient
from numpy.typing import NDArray

from functions.kit.audio import Audio
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


# A function that answers how long its audio is.
MANIFEST = """
name = "tiny"
summary = "How long it is."
target = "handle"
media_types = ["audio/*", "application/ogg", "application/octet-stream"]
requires = []
timeout_s = 10
concurrency = 1
idle_stop_s = 10
[limits]
bytes = 300_000
seconds = 60
min_seconds = 1.0
channels = 2
sample_rate_min = 8_000
sample_rate_max = 48_000
[memory]
idle_mb = 1
peak_mb = 1
[[tiers]]
name = "only"
memory_mb = 1
"""

MAIN = """
from dataclasses import dataclass
from pathlib import Path

import functions_framework

from functions.kit import http, manifest
from functions.kit.audio import Audio
from functions.kit.steps import Progress

MANIFEST = manifest.load(Path(__file__).parent)


@dataclass
class Length:
    seconds: float
    blocks: list
    warnings: list


def steps(source):
    yield Progress("start", None)
    with Audio(source, rate=8_000, limits=MANIFEST.limits) as audio:
        if audio.source_rate == 12_345:
            raise ZeroDivisionError("the secret")
        blocks = []
        for block in audio.blocks():
            blocks.append(len(block))
            yield Progress("decode", audio.fraction)
        worst = float("nan") if audio.source_rate == 12_346 else audio.seconds
        return Length(worst, blocks, audio.warnings)


_serve = http.handler(MANIFEST, steps)


@functions_framework.http
def handle(request):
    return _serve(request)
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("functions") / "tiny"
    folder.mkdir()
    (folder / "function.toml").write_text(MANIFEST)
    (folder / "main.py").write_text(MAIN)
    return folder


@pytest.fixture(scope="session")
def client(folder: Path) -> FlaskClient:
    client: FlaskClient = functions_framework.create_app(
        "handle", str(folder / "main.py")
    ).test_client()
    return client


def decode(
    source: bytes | Path | BinaryIO, limits: Limits, rate: int = 22_050
) -> tuple[NDArray[np.float32], Audio]:
    """All of its samples, and the audio, which knows now what there was to warn of."""
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    with Audio(stream, rate=rate, limits=limits) as audio:
        return np.concatenate(list(audio.blocks())), audio
