"""The drop-in contracts in functions-framework's own app: each answer and error in its shape."""

import base64
import json
import logging
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import functions_framework
import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from werkzeug.test import TestResponse

from functions.kit import http, manifest
from functions.kit.contract import error
from functions.kit.outcome import KEY
from functions.kit.problem import Problem

ROUTES = ["/api/length", "/length"]
CONTRACTS = """
[[contracts]]
route = "/api/length"
languages = ["English", "Tamil"]
formats = ["mp3", "wav", "flac"]
errors = "message"
statuses = [400, 401, 405, 413, 500, 503]
[[contracts]]
route = "/length"
languages = ["English", "auto"]
formats = ["mp3"]
errors = "problem"
statuses = [400, 401, 405, 413, 415, 422, 500, 503]
"""
SERVE = """
def length(result, asked):
    return {"language": asked.language, "seconds": result.seconds, "warnings": asked.warnings}


_serve = http.handler(MANIFEST, steps, {"/api/length": length, "/length": length})
"""


@pytest.fixture(scope="module")
def contracted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function of the other tests here, with two contracts."""
    mine = tmp_path_factory.mktemp("contracted") / "tiny"
    mine.mkdir()
    toml, main = ((folder / name).read_text() for name in ("function.toml", "main.py"))
    (mine / "function.toml").write_text(toml + CONTRACTS)
    (mine / "main.py").write_text(main.replace("_serve = http.handler(MANIFEST, steps)", SERVE))
    return mine


@pytest.fixture(scope="module")
def client(contracted: Path) -> FlaskClient:
    client: FlaskClient = functions_framework.create_app(
        "handle", str(contracted / "main.py")
    ).test_client()
    return client


@pytest.fixture(scope="module")
def mp3(sound: Callable[..., NDArray[np.float32]], encode: Callable[..., bytes]) -> bytes:
    """3 s of MP3."""
    return encode(sound(3.0), 22_050, "MP3", "MPEG_LAYER_III")


@pytest.fixture(scope="module")
def wav(sound: Callable[..., NDArray[np.float32]], encode: Callable[..., bytes]) -> bytes:
    """3 s of WAV."""
    return encode(sound(3.0))


def body(audio: bytes, language: str = "English", format: str = "mp3") -> dict[str, str]:
    text = base64.b64encode(audio).decode()
    return {"language": language, "audioFormat": format, "audioBase64": text}


def sentence(response: TestResponse, route: str, status: int) -> str:
    """What an error says, once its status and its shape are checked."""
    document = response.json
    assert response.status_code == status, document
    assert document is not None
    if route == "/api/length":
        assert response.mimetype == "application/json"
        assert document.keys() == {"status", "message"}
        assert document["status"] == "error"
        said: str = document["message"]
    else:
        assert response.mimetype == "application/problem+json"
        assert document["status"] == status
        said = document["detail"]
    assert said.endswith(".")
    assert len(said) < 300
    return said


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", None])
def test_the_answer_whatever_type_the_body_is_said_to_be(
    kind: str | None, route: str, client: FlaskClient, mp3: bytes
) -> None:
    told: dict[str, object] = {}
    response = client.post(
        route,
        data=json.dumps(body(mp3)),
        content_type=kind,
        headers={"Accept": "text/event-stream", "X-Request-ID": "c-1"},
        environ_overrides={KEY: told},
    )
    assert response.status_code == 200, response.text
    assert response.mimetype == "application/json"
    assert response.headers["X-Request-ID"] == "c-1"
    assert response.headers["Server-Timing"].startswith("fn;dur=")
    assert told == {"tier": None}
    answer = response.json
    assert answer is not None
    assert answer["seconds"] == pytest.approx(3.0, abs=0.1)
    assert (answer["language"], answer["warnings"]) == ("English", [])


@pytest.mark.parametrize(
    ("route", "given", "returned"),
    [
        ("/api/length", "ENGLISH", "English"),
        ("/api/length", " tamil", "Tamil"),
        ("/length", "Auto", "auto"),
    ],
)
def test_a_language_in_any_case_is_returned_as_the_contract_spells_it(
    route: str, given: str, returned: str, client: FlaskClient, mp3: bytes
) -> None:
    answer = client.post(route, json=body(mp3, given, "MP3")).json
    assert answer is not None
    assert (answer["language"], answer["warnings"]) == (returned, [])


def test_a_format_that_is_another_is_read_and_remarked(client: FlaskClient, wav: bytes) -> None:
    answer = client.post("/length", json=body(wav)).json
    assert answer is not None
    assert answer["seconds"] == 3.0
    assert answer["warnings"] == [
        "'audioFormat' is mp3, but the content is WAV, and was read as that."
    ]


@pytest.mark.parametrize("prefix", ["data:audio/mp3;base64,", "data:audio/mpeg;a=b;base64,", ""])
def test_base64_as_browsers_and_mail_programs_write_it(
    prefix: str, client: FlaskClient, mp3: bytes
) -> None:
    text = prefix + base64.encodebytes(mp3).decode()
    for route, document in (
        ("/length", body(b"") | {"audioBase64": text}),
        ("/", {"audio_base64": text}),
    ):
        assert client.post(route, json=document).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"language": None}, "'language' is missing"),
        ({"audioFormat": None}, "'audioFormat' is missing"),
        ({"audioBase64": None}, "'audioBase64' is missing"),
        ({"language": 7}, "'language' is 7. It must be a text."),
        ({"audioFormat": ["mp3"]}, "'audioFormat' is ['mp3']. It must be a text."),
        ({"audioBase64": {"a": 1}}, "'audioBase64' is {'a': 1}. It must be a text."),
        ({"audioBase64": True}, "'audioBase64' is True. It must be a text."),
        ({"language": "Klingon"}, "'language' is 'Klingon'. It must be one of English, "),
        ({"language": ""}, "'language' is ''. It must be one of"),
        ({"language": "\ud800" * 9_000}, "It must be one of"),
        ({"audioFormat": "m4a"}, "'audioFormat' is 'm4a'. It must be one of mp3"),
        ({"audioBase64": "***"}, "'audioBase64' is not valid base64"),
        ({"audioBase64": "QUJ"}, "'audioBase64' is not valid base64"),
        ({"audioBase64": "é"}, "'audioBase64' is not valid base64"),
        ({"audioBase64": "data:audio/mp3,abc"}, "'audioBase64' is not valid base64"),
        ({"audioBase64": ""}, "There are no bytes in it."),
        ({"audioBase64": "QUJD"}, "The content is text, not audio."),
    ],
)
def test_bodies_that_will_not_do(
    changes: dict[str, Any], words: str, route: str, client: FlaskClient, mp3: bytes
) -> None:
    document = {name: value for name, value in (body(mp3) | changes).items() if value is not None}
    assert words in sentence(client.post(route, json=document), route, 400)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b'"x"', b"[" * 200_000, b"--b\r\n"])
def test_bodies_that_are_no_object(data: bytes, route: str, client: FlaskClient) -> None:
    said = sentence(client.post(route, data=data, content_type="application/json"), route, 400)
    assert "JSON" in said


SHAPES = {
    "lists": b"[" + b"[]," * 3_000_000 + b"1]",
    "objects": b'{"language":[' + b"{}," * 3_000_000 + b"1]}",
    "words": b'{"language":"English","audioFormat":"mp3","audioBase64":"'
    + b"AA " * 3_000_000
    + b'"}',
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_json_takes_much_more_memory_than_it_has_bytes(
    shape: str, route: str, client: FlaskClient
) -> None:
    tracemalloc.start()
    try:
        response = client.post(route, data=SHAPES[shape])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    sentence(response, route, 413 if shape == "words" else 400)
    assert most < 60_000_000


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_over_the_limit(route: str, client: FlaskClient) -> None:
    data = json.dumps(body(bytes(7_500_000)))
    assert "at most 10,000,000 bytes" in sentence(client.post(route, data=data), route, 413)
    # What of the audio itself is over the function's limit, within one that JSON may have.
    said = sentence(client.post(route, json=body(bytes(300_001))), route, 413)
    assert "300,000 bytes" in said


def test_statuses_are_those_of_the_contract(
    client: FlaskClient, encode: Callable[..., bytes]
) -> None:
    silent = body(encode(np.zeros(40_000)))
    m4a = body(b"\x00\x00\x00\x20ftypM4A " + bytes(99))
    assert "nothing louder" in sentence(client.post(ROUTES[0], json=silent), ROUTES[0], 400)
    assert "nothing louder" in sentence(client.post(ROUTES[1], json=silent), ROUTES[1], 422)
    assert "M4A" in sentence(client.post(ROUTES[0], json=m4a), ROUTES[0], 400)
    assert "M4A" in sentence(client.post(ROUTES[1], json=m4a), ROUTES[1], 415)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422, 429, 500, 502, 503, 504])
def test_every_status_there_is_has_one_in_a_contract(status: int, contracted: Path) -> None:
    class Some(Problem):
        pass

    Some.status = status
    for contract in manifest.load(contracted).contracts:
        answer = error(contract, Some("It is so."), "r")
        assert answer.status in contract.statuses
        assert answer.status // 100 == status // 100
        assert "It is so." in answer.document.values()


@pytest.mark.parametrize("route", ROUTES)
def test_other_methods(route: str, client: FlaskClient) -> None:
    for method in ("GET", "PUT", "DELETE"):
        response = client.open(route, method=method)
        assert "which takes POST." in sentence(response, route, 405)
        assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("route", ROUTES)
def test_keys(route: str, client: FlaskClient, mp3: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", "secret-1,secret-2")
    for headers in ({}, {"x-api-key": "wrong"}, {"x-api-key": "secret-1,secret-2"}):
        response = client.post(route, json=body(mp3), headers=headers)
        assert "'x-api-key'" in sentence(response, route, 401)
        assert "secret" not in response.text
        assert response.headers["WWW-Authenticate"] == "x-api-key"
    for key in ("secret-1", "secret-2"):
        assert client.post(route, json=body(mp3), headers={"X-API-Key": key}).status_code == 200


def test_keys_for_the_functions_own_route(
    client: FlaskClient, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEYS", "secret")
    response = client.post("/", data=mp3, headers={"Accept": "text/event-stream"})
    assert (response.status_code, response.mimetype) == (401, "application/problem+json")
    assert response.json is not None
    assert response.json["reason"] == "bad_key"
    assert client.post("/", data=mp3, headers={"x-api-key": "secret"}).status_code == 200
    assert client.get("/health").status_code == client.get("/").status_code == 200
    assert client.post("/nowhere").status_code == 404


@pytest.mark.parametrize("route", ROUTES)
def test_a_fault_is_logged_and_not_shown(
    route: str,
    client: FlaskClient,
    encode: Callable[..., bytes],
    sound: Callable[..., NDArray[np.float32]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    document = body(encode(sound(2.0, 12_345), 12_345))
    with caplog.at_level(logging.ERROR):
        response = client.post(route, json=document, headers={"X-Request-ID": "r-500"})
    assert "r-500" in sentence(response, route, 500)
    assert "secret" not in response.text
    assert "ZeroDivisionError" in caplog.text


def test_the_function_says_what_contracts_it_has(client: FlaskClient) -> None:
    about = client.get("/").json
    assert about is not None
    assert [each["route"] for each in about["contracts"]] == ROUTES


def test_a_contract_that_the_code_does_not_answer(contracted: Path) -> None:
    steps: Any = None
    with pytest.raises(ValueError, match=r"declares contracts at \['/api/length', '/length'\]"):
        http.handler(manifest.load(contracted), steps)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
DOCUMENTS = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "language": st.sampled_from(["English", "tamil", "auto"]) | VALUES,
        "audioFormat": st.sampled_from(["mp3", "WAV"]) | VALUES,
        "audioBase64": st.binary(max_size=400).map(lambda data: base64.b64encode(data).decode())
        | st.text("ABCabc+/=\n, é", max_size=40)
        | VALUES,
    },
)
BODIES = DOCUMENTS.map(json.dumps).map(str.encode) | st.binary(max_size=400)


@settings(max_examples=300, database=None)
@given(data=BODIES, route=st.sampled_from(ROUTES), keyed=st.booleans())
def test_whatever_is_posted_the_answer_has_the_contracts_shape(
    data: bytes, route: str, keyed: bool, client: FlaskClient
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if keyed:
            patch.setenv("API_KEYS", "secret")
        response = client.post(route, data=data)
    assert response.status_code in ((401,) if keyed else (400, 413, 415, 422))
    sentence(response, route, response.status_code)
