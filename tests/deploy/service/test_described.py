"""What the service answers is what its own OpenAPI document says that it may."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests import service
from tests.service import Answer, Service
from tests.tree import ROOT, Tree

CLIP = (ROOT / "demo" / "speech.ogg").read_bytes()


@pytest.fixture(scope="module")
def running(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"DISABLE_EMOTION": "1"}
    with service.running(tree.environ, tmp_path_factory.mktemp("of"), settings=settings) as it:
        yield it


@pytest.fixture(scope="module")
def document(running: Service) -> Any:
    return running.ask("GET", "/openapi.json").json


def followed(document: Any, its: Any) -> Any:
    """The component that a reference is to, or what is itself there."""
    if "$ref" not in its:
        return its
    for part in its["$ref"].removeprefix("#/").split("/"):
        document = document[part]
    return document


def faults(document: Any, method: str, path: str, answer: Answer) -> list[str]:
    """What of an answer the document does not know."""
    responses = document["paths"][path][method]["responses"]
    if str(answer.status) not in responses:
        return [f"status {answer.status}"]
    response = followed(document, responses[str(answer.status)])
    kind = answer.headers["content-type"].partition(";")[0]
    if kind not in response["content"]:
        return [f"type {kind}"]
    headers = {name.lower() for name in response["headers"]}
    found = [name for name in headers if name not in answer.headers]
    schema = response["content"][kind].get("schema")
    if schema is not None and kind != "text/event-stream":
        validator = Draft202012Validator({**schema, "components": document["components"]})
        found += [error.message for error in validator.iter_errors(json.loads(answer.body))]
    return found


@pytest.mark.parametrize(
    "path", ["/", "/functions", "/health", "/readyz", "/metrics", "/openapi.json"]
)
def test_pages(running: Service, document: Any, path: str) -> None:
    answer = running.ask("GET", path)
    assert answer.status == 200
    assert faults(document, "get", path, answer) == []


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [
        ("/beats", CLIP, "audio/ogg", 200),
        ("/voice_detect", CLIP, "audio/ogg", 200),
        ("/beats", b"", "audio/ogg", 400),
        ("/beats", b"no audio at all", "audio/ogg", 400),
        ("/beats", b"words", "text/html", 415),
        ("/echo", b"refuse", "text/plain", 422),
        ("/echo", b"crash", "text/plain", 500),
        ("/echo", b"die", "text/plain", 502),
        ("/analyze", CLIP, "audio/ogg", 200),
        ("/analyze", b"refuse", "text/plain", 422),
        ("/api/voice-detection", b"{}", "application/json", 400),
        ("/detect", b"{}", "application/json", 400),
    ],
)
def test_calls(
    running: Service, document: Any, path: str, body: bytes, kind: str, status: int
) -> None:
    query = "?functions=echo" if body == b"refuse" and path == "/analyze" else ""
    answer = running.ask("POST", path + query, body, Content_Type=kind)
    assert answer.status == status
    assert faults(document, "post", path, answer) == []


@pytest.mark.parametrize(
    ("query", "status"), [("?functions=echo", 200), ("?functions=ecko", 400), ("", 200)]
)
def test_warmup(running: Service, document: Any, query: str, status: int) -> None:
    answer = running.ask("GET", f"/warmup{query}")
    assert answer.status == status
    assert faults(document, "get", "/warmup", answer) == []


def test_a_function_that_is_switched_off(running: Service, document: Any) -> None:
    assert "/emotion" not in document["paths"]
    answer = running.ask("GET", "/warmup?functions=emotion")
    assert answer.status == 404
    assert faults(document, "get", "/warmup", answer) == []
