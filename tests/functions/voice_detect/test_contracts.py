"""The drop-in contracts, behind functions-framework's command, the host, and in the README."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import functions_framework
import pytest
import soundfile
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.__main__ import clip
from emulator.wire import Connection
from functions.kit.contract import Asked
from functions.voice_detect import core
from functions.voice_detect.contracts import ANSWERS, detect, voice_detection
from tests import readme
from tests.framework import framework, free_port, serving
from tests.tree import ROOT

API, DETECT = "/api/voice-detection", "/detect"
OGG = clip(core.MANIFEST).read_bytes()
README = core.FOLDER / "README.md"
ASKED = Asked("Hindi", b"", [])


@pytest.fixture(scope="module")
def heard() -> core.Detection:
    return replace(
        core.analyse(clip(core.MANIFEST)), warnings=[], explanation="It is so.", probability=0.7
    )


def test_an_answer_has_its_contracts_keys_and_no_other(heard: core.Detection) -> None:
    machine = replace(heard, label="AI_GENERATED", probability=0.9)
    assert voice_detection(machine, ASKED) == {
        "status": "success",
        "language": "Hindi",
        "classification": "AI_GENERATED",
        "confidenceScore": 0.9,
        "explanation": "It is so.",
    }
    assert detect(machine, ASKED) == {
        "classification": "AI",
        "confidence": 0.9,
        "language": "Hindi",
    }


def test_the_confidence_is_that_of_the_class_that_is_told(heard: core.Detection) -> None:
    human = replace(heard, label="HUMAN", probability=0.0312)
    assert voice_detection(human, ASKED)["classification"] == "HUMAN"
    assert voice_detection(human, ASKED)["confidenceScore"] == 0.9688
    assert detect(human, ASKED)["classification"] == "Human"
    assert detect(human, ASKED)["confidence"] == 0.9688


def test_where_warnings_go(heard: core.Detection) -> None:
    warned = replace(heard, warnings=["It ends early."])
    asked = replace(ASKED, warnings=["It is WAV."])
    assert voice_detection(warned, asked)["explanation"] == "It is so. It is WAV. It ends early."
    assert detect(warned, asked)["warnings"] == ["It is WAV.", "It ends early."]


Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module", params=["functions-framework", "deploy.service.host"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Posts to the function, which a server serves that knows the keys `first` and `second`."""
    serve = {"functions-framework": served, "deploy.service.host": hosted}[request.param]
    with serve({**os.environ, "API_KEYS": "first,second"}) as connect:

        def post(
            route: str, body: object, key: str | None = "second"
        ) -> tuple[int, dict[str, Any]]:
            connection = connect()
            headers = {"Content-Type": "application/json"} | ({"x-api-key": key} if key else {})
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            try:
                connection.request("POST", route, data, headers)
                response = connection.getresponse()
                return response.status, json.loads(response.read())
            finally:
                connection.close()

        yield post


@contextmanager
def served(environ: dict[str, str]) -> Iterator[Callable[[], HTTPConnection]]:
    args = ("--target", core.MANIFEST.target, "--source", str(core.FOLDER / "main.py"))
    with framework(Path(sys.executable), ROOT, environ, *args) as url:
        yield lambda: HTTPConnection(url.removeprefix("http://"), timeout=60)


@contextmanager
def hosted(environ: dict[str, str]) -> Iterator[Callable[[], HTTPConnection]]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "socket"
        command = [
            sys.executable,
            "-m",
            "deploy.service.host",
            "voice_detect",
            "--socket",
            str(path),
        ]
        with subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["ready"] == "voice_detect"
                yield lambda: Connection(path)
            finally:
                process.terminate()


def body(audio: bytes = OGG, language: str = "English", format: str = "ogg") -> dict[str, str]:
    text = base64.b64encode(audio).decode()
    return {"language": language, "audioFormat": format, "audioBase64": text}


def said(route: str, answer: dict[str, Any]) -> str:
    """What an error says, once its shape is checked."""
    if route == API:
        assert answer.keys() == {"status", "message"}
        assert answer["status"] == "error"
        sentence: str = answer["message"]
    else:
        assert answer.keys() == {"type", "title", "status", "detail", "reason", "request_id"}
        sentence = answer["detail"]
    assert sentence.endswith(".")
    return sentence


def test_both_answer_what_the_function_does(ask: Ask) -> None:
    status, heard = ask("/", {"audio_base64": base64.b64encode(OGG).decode()})
    assert status == 200
    status, answer = ask(API, body(language="telugu"))
    assert status == 200
    assert answer.keys() == {
        "status",
        "language",
        "classification",
        "confidenceScore",
        "explanation",
    }
    assert (answer["status"], answer["language"]) == ("success", "Telugu")
    assert answer["classification"] == heard["label"]
    assert answer["explanation"].startswith(heard["explanation"])
    assert 0.5 <= answer["confidenceScore"] <= 1
    status, short = ask(DETECT, body(language="auto"))
    assert status == 200
    assert short.keys() == {"classification", "confidence", "language"}
    assert short["classification"] == {"HUMAN": "Human", "AI_GENERATED": "AI"}[heard["label"]]
    assert (short["confidence"], short["language"]) == (answer["confidenceScore"], "auto")


def test_the_wrong_format_is_heard_and_remarked(ask: Ask, tmp_path: Path) -> None:
    samples, rate = soundfile.read(clip(core.MANIFEST))
    soundfile.write(tmp_path / "clip.mp3", samples, rate, format="MP3")
    mp3 = (tmp_path / "clip.mp3").read_bytes()
    status, right = ask(DETECT, body(mp3, format="mp3"))
    assert (status, "warnings" in right) == (200, False)
    remark = "'audioFormat' is wav, but the content is MP3, and was read as that."
    assert ask(DETECT, body(mp3, format="wav")) == (200, right | {"warnings": [remark]})
    assert ask(API, body(mp3, format="wav"))[1]["explanation"].endswith(f" {remark}")


NOT_CONTRACT = json.dumps({"audio_base64": ""}).encode()


@pytest.mark.parametrize("route", [API, DETECT])
@pytest.mark.parametrize(
    ("document", "status", "words"),
    [
        (body(language="Klingon"), 400, "'language' is 'Klingon'. It must be one of Tamil, "),
        (body(format="m4a"), 400, "'audioFormat' is 'm4a'. It must be one of mp3, "),
        (body() | {"audioBase64": "no base64!"}, 400, "'audioBase64' is not valid base64"),
        (body(b"These are words, and no audio."), 400, "not audio"),
        (body(b""), 400, "no bytes"),
        (NOT_CONTRACT, 400, "'language' is missing"),
        (b"{", 400, "not valid JSON"),
        (body(bytes(7_500_000)), 413, "at most 10,000,000 bytes"),
    ],
    ids=["language", "format", "base64", "words", "empty", "fields", "json", "large"],
)
def test_what_is_refused(route: str, document: object, status: int, words: str, ask: Ask) -> None:
    got, answer = ask(route, document)
    assert got == status
    assert words in said(route, answer)


def test_auto_is_a_language_to_one_of_them_only(ask: Ask) -> None:
    status, answer = ask(API, body(language="auto"))
    assert status == 400
    assert "It must be one of Tamil, English, Hindi, Malayalam, Telugu." in said(API, answer)


@pytest.mark.parametrize("route", [API, DETECT])
@pytest.mark.parametrize("key", [None, "third", "first,second"])
def test_a_key_that_is_none(route: str, key: str | None, ask: Ask) -> None:
    for document in (body(), body(bytes(5_000_000))):
        status, answer = ask(route, document, key)
        assert status == 401
        assert "'x-api-key'" in said(route, answer)


def test_no_speech(ask: Ask, tmp_path: Path) -> None:
    music = (ROOT / "demo" / "clip.ogg").read_bytes()
    status, answer = ask(API, body(music))
    assert (status, "speech" in said(API, answer)) == (400, True)
    status, answer = ask(DETECT, body(music))
    assert (status, answer["reason"]) == (422, "no_speech")


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    app = functions_framework.create_app(core.MANIFEST.target, str(core.FOLDER / "main.py"))
    client: FlaskClient = app.test_client()
    return client


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "language": st.sampled_from(["English", "auto", "", 7, None]) | st.text(max_size=9),
        "audioFormat": st.sampled_from(["ogg", "mp3", "", [], {}]) | st.text(max_size=9),
        "audioBase64": st.binary(max_size=300).map(lambda data: base64.b64encode(data).decode())
        | st.integers(0, len(OGG)).map(lambda end: base64.b64encode(OGG[:end]).decode())
        | st.sampled_from(["", "=", "é", None, 1.5, ["QUJD"]]),
        "more": st.none(),
    },
)


@settings(max_examples=100, database=None)
@given(document=FIELDS, route=st.sampled_from(list(ANSWERS)))
def test_any_body_gets_an_answer_in_the_contracts_shape(
    document: dict[str, Any], route: str, client: FlaskClient
) -> None:
    response = client.post(route, json=document)
    answer = response.json
    assert answer is not None
    if response.status_code == 200:
        assert answer["language"] in {"English", "auto"}
    else:
        assert response.status_code in ((400,) if route == API else (400, 415, 422))
        said(route, answer)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed.")
def test_the_examples_in_the_readme() -> None:
    section = README.read_text().split("## Drop-in contracts")[1].split("\n## ")[0]
    serve, *asks = readme.blocks("sh", section)
    shown = [json.loads(block) for block in readme.blocks("json", section)]
    port = free_port()
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = f"exec env {serve.strip().replace('8080', port)} --host 127.0.0.1"
    with serving(command, port, ROOT, environ):
        assert len(asks) == len(shown) == 3
        for lines, example in zip(asks, shown, strict=True):
            local = lines.replace("localhost:8080", f"127.0.0.1:{port}")
            local = re.sub(r"\bcurl ", "curl --silent --show-error ", local)
            done = subprocess.run(local, shell=True, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            answer = json.loads(done.stdout)
            assert answer.keys() == example.keys()
            for name in ("status", "language", "message"):
                assert answer.get(name) == example.get(name)
