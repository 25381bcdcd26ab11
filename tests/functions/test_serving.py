"""Every function, under functions-framework's own command and in the one service.

What is answered and what is refused is the same.
"""

import base64
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from demo.__main__ import clip
from functions.kit import manifest
from functions.kit.manifest import Manifest
from tests.framework import events, framework, post, refusal
from tests.service import Service, running
from tests.tree import ROOT

FUNCTIONS = manifest.discover(ROOT / "functions")
RATE = 16_000


class Served(NamedTuple):
    """A function, the address at which it is served, and a clip that it can answer."""

    function: Manifest
    url: str
    clip: bytes


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        running(os.environ, Path(folder)) as it,
    ):
        yield it


@pytest.fixture(scope="module", params=FUNCTIONS)
def alone(request: pytest.FixtureRequest) -> Iterator[Served]:
    """One under functions-framework's own command."""
    function = FUNCTIONS[request.param]
    args = ("--target", function.target, "--source", str(function.folder / "main.py"))
    with framework(Path(sys.executable), ROOT, os.environ, *args) as url:
        yield Served(function, url, clip(function).read_bytes())


@pytest.fixture(scope="module", params=["alone", "together"])
def served(request: pytest.FixtureRequest, alone: Served, service: Service) -> Served:
    if request.param == "alone":
        return alone
    return alone._replace(url=f"http://127.0.0.1:{service.port}/{alone.function.name}")


def test_alone_and_together_answer_the_same(alone: Served, service: Service) -> None:
    answer = post(alone.url, alone.clip, "audio/ogg")
    url = f"http://127.0.0.1:{service.port}/{alone.function.name}"
    assert post(url, alone.clip, "audio/ogg") == answer
    form, kind = multipart(alone.clip)
    assert post(url, form, kind) == answer
    document = json.dumps({"audio_base64": base64.b64encode(alone.clip).decode()})
    assert post(url, document.encode(), "application/json") == answer


def test_a_function_that_is_elsewhere(alone: Served) -> None:
    """In front of one that runs under functions-framework, the service forwards to it."""
    name = alone.function.name
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        running(
            os.environ, Path(folder), settings={f"FUNCTION_{name.upper()}_URL": alone.url}
        ) as it,
    ):
        url = f"http://127.0.0.1:{it.port}/{name}"
        answer = post(alone.url, alone.clip, "audio/ogg")
        assert post(url, alone.clip, "audio/ogg") == answer
        assert refusal(url, b"These are words.")["reason"] == "not_audio"
        name_of_last, result = events(url, alone.clip, "audio/ogg")[-1]
        result.pop("timings", None)
        assert (name_of_last, result) == ("result", answer)
        assert it.state(name) == "remote"
        assert not [line for line in it.lines if line["event"] == "started"]


def multipart(audio: bytes) -> tuple[bytes, str]:
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return head + audio + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut"


def wav(samples: NDArray[np.float64], rate: int = RATE, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def test_the_answer_and_the_events_that_lead_to_it(served: Served) -> None:
    answer = post(served.url, served.clip, "audio/ogg")
    assert answer["model"]["tier"] in [tier.name for tier in served.function.tiers]
    assert answer["warnings"] == []
    *before, (name, result) = events(served.url, served.clip, "audio/ogg")
    result.pop("timings", None)  # The service's own.
    assert (name, result) == ("result", answer)
    assert {name for name, _ in before} <= {"queued", "starting", "progress"}
    fractions = [step["fraction"] for name, step in before if name == "progress"]
    assert fractions
    assert fractions == sorted(fractions)


def test_a_file_that_ends_early_is_answered_with_a_warning(served: Served) -> None:
    samples, rate = soundfile.read(io.BytesIO(served.clip))
    whole = wav(samples, rate)
    answer = post(served.url, whole[: len(whole) * 3 // 4], "audio/wav")
    assert "ends early" in answer["warnings"][0]


NOISE = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
NAN = np.where(np.arange(3 * RATE) == RATE, np.nan, NOISE)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "empty"),
        (b"These are words.", 400, "not_audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), 400, "not_audio"),
        (b"fLaC\0\0\0\x22" + b"\xff" * 500, 400, "damaged"),
        (b"\0\0\0\x20ftypM4A " + bytes(500), 415, "unsupported_type"),
        (wav(NOISE[:80]), 422, "too_short"),
        (wav(np.zeros(3 * RATE)), 422, "silent"),
        (wav(NAN, subtype="FLOAT"), 422, "bad_samples"),
        (wav(NOISE, 1_000), 422, "bad_format"),
        (wav(np.tile(NOISE[:, None], 40)), 422, "bad_format"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(served: Served, body: bytes, status: int, reason: str) -> None:
    problem = refusal(served.url, body)
    assert (problem.get("status"), problem.get("reason")) == (status, reason)
    assert problem["detail"].endswith(".")


def test_a_refusal_in_a_stream_is_its_last_event(served: Served) -> None:
    name, problem = events(served.url, wav(np.zeros(3 * RATE)), "audio/wav")[-1]
    assert (name, problem["reason"]) == ("error", "silent")


def test_a_body_of_another_type(served: Served) -> None:
    assert refusal(served.url, served.clip, "text/html")["reason"] == "unsupported_type"
