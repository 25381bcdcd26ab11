"""Whatever bytes come: an answer or a typed problem, in bounded time and memory.

A few hundred cases, and thousands where CI is set.
"""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from functions.kit.audio import Audio
from functions.kit.manifest import Limits
from functions.kit.problem import Problem

THOUSANDS = bool(os.environ.get("CI"))
MEMORY_MB = 48
CPU_SECONDS = 5.0

FORMATS = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "MS_ADPCM"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "ULAW"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
    ("VOC", "PCM_16"),
    ("SDS", "PCM_16"),
    ("MAT5", "PCM_16"),
    ("NIST", "PCM_16"),
    ("SVX", "PCM_16"),
    ("XI", "DPCM_16"),
    ("HTK", "PCM_16"),
    ("PVF", "PCM_16"),
]
# What headers hold where they lie.
EXTREMES = [bytes(4), b"\xff" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]
EXTREMES += [
    b"\x80\0\0\0",
    b"\0\0\0\x80",
    b"\0\0\0\1",
    b"\1\0\0\0",
    b"\0\0\x7f\x80",
    b"\0\0\xc0\x7f",
]


def cases(few: int, thousands: int) -> settings:
    return settings(
        max_examples=thousands if THOUSANDS else few,
        deadline=None,
        database=None,
        derandomize=not THOUSANDS,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@contextmanager
def bounded() -> Iterator[None]:
    """Fails where the block takes more memory at any time than `MEMORY_MB`, or too long."""
    reset = Path("/proc/self/clear_refs")
    try:
        reset.write_text("5")  # the peak starts again from what is held now
    except OSError:
        reset = Path()
    before, start = _peak_mb(), time.process_time()
    yield
    assert time.process_time() - start < CPU_SECONDS
    if reset.name:
        assert _peak_mb() - before < MEMORY_MB


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else ["VmHWM: 0 kB"]
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def files(sound: Callable[..., NDArray[np.float32]], encode: Callable[..., bytes]) -> list[bytes]:
    samples = sound(0.4, 24_000)
    return [encode(samples, 24_000, format, subtype) for format, subtype in FORMATS]


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "copy", "end"]),
        st.one_of(st.integers(0, 100), st.integers(0, 30_000)),
        st.one_of(st.sampled_from(EXTREMES), st.binary(min_size=1, max_size=8)),
        st.integers(1, 5_000),
    ),
    max_size=8,
)


def edited(file: bytes, edits: list[tuple[str, int, bytes, int]]) -> bytes:
    for kind, at, data, length in edits:
        at %= len(file) + 1
        if kind == "set":
            file = file[:at] + data + file[at + len(data) :]
        elif kind == "cut":
            file = file[:at] + file[at + length :]
        elif kind == "copy":
            file = file[:at] + file[at // 2 : at // 2 + length] + file[at:]
        else:
            file = file[:at]
    return file


def decode(file: bytes, limits: Limits) -> None:
    refused: Problem | None = None
    with bounded():
        try:
            with Audio(io.BytesIO(file), rate=16_000, limits=limits) as audio:
                for block in audio.blocks():
                    assert np.isfinite(block).all()
                assert 0 < audio.seconds <= limits.seconds
                assert all(warning.endswith(".") for warning in audio.warnings)
        except Problem as problem:
            refused = problem
    if refused:
        assert type(refused) is not Problem
        assert refused.detail.endswith(".")


@pytest.mark.parametrize("number", range(len(FORMATS)), ids=[f"{f}-{s}" for f, s in FORMATS])
def test_damaged_files(
    number: int, files: list[bytes], limits: Limits, capfd: pytest.CaptureFixture[str]
) -> None:
    @cases(30, 300)
    @given(EDITS)
    def run(edits: list[tuple[str, int, bytes, int]]) -> None:
        decode(edited(files[number], edits), limits)

    run()
    assert capfd.readouterr() == ("", "")


@given(st.binary(max_size=5_000))
@cases(100, 2_000)
def test_random_bytes(file: bytes) -> None:
    decode(file, Limits(10_000, 60.0, 0.01, 32, 4_000, 384_000))


MAGIC = [
    b"RIFF\xff\xff\xff\xffWAVEfmt ",
    b"fLaC\0\0\0\x22",
    b"OggS\0\2",
    b"ID3\4\0\0",
    b"caff\0\1\0\0",
]
MAGIC += [b"FORM\0\0\1\0AIFFCOMM", b".snd\0\0\0\x18", b"\xff\xfb\x90\x44", b"riff\x2e\x91\xcf\x11"]


@given(st.sampled_from(MAGIC), st.binary(max_size=3_000))
@cases(100, 2_000)
def test_random_bytes_behind_a_magic_number(magic: bytes, rest: bytes) -> None:
    decode(magic + rest, Limits(10_000, 60.0, 0.01, 32, 4_000, 384_000))


GREEDY = [
    b"ID3\3\0\0\x7f\x7f\x7f\x7f" + bytes(5_000),
    b"fLaC\4\xff\xff\xff" + b"\xff" * 5_000,
    b"fLaC\0\0\0\x22" + b"\xff" * 34 + b"\6\xff\xff\xff" + bytes(5_000),
    b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\x7f" + bytes(5_000),
    b"RIFF\xff\xff\xff\xffWAVEcart\xff\xff\xff\x7f" + bytes(5_000),
    b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\0\4\0\xee\2\0" + b"\xff" * 5_000,
    b"FORM\x7f\xff\xff\xffAIFFMARK\x7f\xff\xff\xff\xff\xff" + bytes(5_000),
    b"caff\0\1\0\0kuki\x7f" + b"\xff" * 7 + bytes(5_000),
    b"OggS\0\2" + bytes(20) + b"\1" + b"\x1e" + b"\1vorbis" + b"\xff" * 5_000,
]


@pytest.mark.parametrize("file", GREEDY, ids=range(len(GREEDY)))
def test_headers_that_ask_for_memory(file: bytes, limits: Limits) -> None:
    decode(file, limits)


BODIES = st.one_of(
    st.binary(max_size=2_000),
    st.builds(lambda data: b'{"audio_base64": "%s"}' % data, st.binary(max_size=200)),
    st.recursive(
        st.none() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner) | st.dictionaries(st.just("audio_base64"), inner),
    ).map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda name, data, end: b"".join(
            [
                b'--b\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n' % name,
                data,
                b"\r\n--b" + end,
            ]
        ),
        st.sampled_from([b"file", b"other", b"", b'"', b"\xff"]),
        st.binary(max_size=500),
        st.sampled_from([b"--\r\n", b"--", b"", b"\r\n"]),
    ),
)
TYPES = st.one_of(
    st.sampled_from(
        [
            "audio/wav",
            "application/json",
            "multipart/form-data; boundary=b",
            "multipart/form-data",
            "text/plain",
            "",
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=150)


def check_answer(client: FlaskClient, **request: Any) -> None:
    with bounded():
        response = client.open(**request)
        body = response.get_data()
        response.close()  # As a server does at the end of a stream: its upload goes with it.
    assert response.status_code in (200, 400, 404, 405, 413, 415, 422)
    assert response.headers["X-Request-ID"]
    if response.mimetype == "text/event-stream":
        last = body.decode().rstrip().rsplit("\n\n", 1)[-1]
        event, data = last.split("\ndata: ")
        assert event in ("event: result", "event: error")
        body = data.encode()
    elif response.status_code == 200:
        assert response.mimetype == "application/json"
    else:
        assert response.mimetype == "application/problem+json"
    if request["method"] != "HEAD":
        json.loads(body)


@given(
    st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS"]),
    st.one_of(st.just("/"), st.text(max_size=20).map(lambda path: f"/x{path}")),
    TYPES,
    HEADERS,
    st.sampled_from(["text/event-stream", "application/json", "", ";;q=,"]),
    BODIES,
)
@cases(250, 4_000)
def test_any_request(
    client: FlaskClient, method: str, path: str, kind: str, given_id: str, accept: str, body: bytes
) -> None:
    headers = {"Accept": accept, "X-Request-ID": given_id, "Content-Type": kind}
    check_answer(client, method=method, path=path, headers=headers, data=body)


def test_damaged_files_posted(client: FlaskClient, files: list[bytes]) -> None:
    @cases(60, 2_000)
    @given(st.sampled_from(files), EDITS, st.sampled_from(["text/event-stream", "*/*"]))
    def run(file: bytes, edits: list[tuple[str, int, bytes, int]], accept: str) -> None:
        check_answer(
            client,
            method="POST",
            path="/",
            data=edited(file, edits),
            headers={"Accept": accept, "Content-Type": "audio/x-any"},
        )

    run()
