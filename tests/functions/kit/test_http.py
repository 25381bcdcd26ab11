"""The handler under functions-framework's own app: what goes in and out, and what is refused."""

import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from werkzeug.test import TestResponse

from functions.kit.outcome import KEY


@pytest.fixture(scope="module")
def song(sound: Callable[..., NDArray[np.float32]], encode: Callable[..., bytes]) -> bytes:
    """5 s of WAV."""
    return encode(sound(5.0))


def events(response: TestResponse) -> list[tuple[str, Any]]:
    found = []
    for block in response.text.split("\n\n")[:-1]:
        event, data = block.split("\n")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def problem(response: TestResponse, status: int, reason: str) -> str:
    """Checks that it is one, and returns its detail."""
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    document = response.json
    assert document is not None
    assert document.keys() == {"type", "title", "status", "detail", "reason", "request_id"}
    assert (document["status"], document["reason"]) == (status, reason)
    assert document["request_id"] == response.headers["X-Request-ID"]
    detail: str = document["detail"]
    return detail


@pytest.mark.parametrize(
    "content_type", ["audio/wav", "audio/x-anything", "application/ogg; a=b", None]
)
def test_raw_body(content_type: str | None, client: FlaskClient, song: bytes) -> None:
    response = client.post("/", data=song, content_type=content_type)
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.json is not None
    assert response.json == {"seconds": 5.0, "blocks": response.json["blocks"], "warnings": []}
    assert sum(response.json["blocks"]) == 40_000
    assert response.headers["Server-Timing"].startswith("fn;dur=")
    assert int(response.headers["Content-Length"]) == len(response.data)


def test_multipart_and_base64_answer_the_same(client: FlaskClient, song: bytes) -> None:
    raw = client.post("/", data=song)
    form = client.post("/", data={"file": (io.BytesIO(song), "a.xyz"), "note": "x"})
    text = client.post("/", json={"audio_base64": base64.b64encode(song).decode()})
    assert raw.json == form.json == text.json


def test_events(client: FlaskClient, song: bytes) -> None:
    response = client.post("/", data=song, headers={"Accept": "text/event-stream"})
    assert response.mimetype == "text/event-stream"
    *progress, (name, result) = events(response)
    assert name == "result"
    assert result == client.post("/", data=song).json
    assert progress[:2] == [
        ("progress", {"stage": "start", "fraction": None}),
        ("progress", {"stage": "decode", "fraction": progress[1][1]["fraction"]}),
    ]


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html", "text/event-stream;q=0.1, */*"]
)
def test_json_unless_events_are_asked_for(accept: str, client: FlaskClient, song: bytes) -> None:
    response = client.post("/", data=song, headers={"Accept": accept})
    assert response.mimetype == "application/json"


def test_an_error_in_a_stream_is_an_event(client: FlaskClient) -> None:
    response = client.post(
        "/", data=b"text", headers={"Accept": "text/event-stream", "X-Request-ID": "r-1"}
    )
    assert response.status_code == 200
    name, document = events(response)[-1]
    assert name == "error"
    assert (document["status"], document["reason"]) == (400, "not_audio")
    assert document["request_id"] == "r-1"


def test_the_server_around_it_learns_what_became_of_a_stream(
    client: FlaskClient, song: bytes
) -> None:
    def outcome(body: bytes, read: bool = True) -> dict[str, object]:
        told: dict[str, object] = {}
        response = client.post(
            "/",
            data=body,
            headers={"Accept": "text/event-stream"},
            environ_overrides={KEY: told},
        )
        stream = iter(response.response)
        next(stream)
        if read:
            for _ in stream:
                pass
        response.close()
        return told

    assert outcome(b"text") == {"status": 400}
    assert outcome(song) == {"tier": None}
    assert outcome(song, read=False)["status"] == 499


def test_work_that_nobody_waits_for_is_stopped(client: FlaskClient, song: bytes) -> None:
    def ask(*answers: bool, accept: str) -> tuple[TestResponse, dict[str, object]]:
        wanted = iter(answers)
        told: dict[str, object] = {"cancelled": lambda: next(wanted)}
        response = client.post(
            "/", data=song, headers={"Accept": accept}, environ_overrides={KEY: told}
        )
        return response, told

    response, told = ask(False, True, accept="application/json")
    problem(response, 499, "cancelled")
    assert told["status"] == 499
    response, told = ask(False, True, accept="text/event-stream")
    assert events(response) == [("progress", {"stage": "start", "fraction": None})]
    assert told["status"] == 499


def test_about_and_health(client: FlaskClient) -> None:
    about = client.get("/").json
    assert about is not None
    assert (about["name"], about["summary"]) == ("tiny", "How long it is.")
    assert about["limits"]["seconds"] == 60
    assert client.get("/health").json == {"status": "ok", "function": "tiny", "tiers": ["only"]}
    assert client.head("/health").data == b""


@pytest.mark.parametrize("path", ["/tiny", "/health/", "/%2e%2e/etc", "/a/b?c=d", "/\N{SNOWMAN}"])
def test_unknown_paths(path: str, client: FlaskClient, song: bytes) -> None:
    problem(client.post(path, data=song), 404, "not_found")
    problem(client.get(path), 404, "not_found")


def test_unknown_methods(client: FlaskClient) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        response = client.open("/", method=method)
        problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "GET, HEAD, POST"
    response = client.post("/health")
    assert "takes GET, HEAD." in problem(response, 405, "method_not_allowed")


def test_bodies_that_are_not_understood(client: FlaskClient, song: bytes) -> None:
    detail = problem(
        client.post("/", data=song, content_type="text/plain"), 415, "unsupported_type"
    )
    assert "'text/plain'" in detail
    assert "audio/*" in detail
    form = "application/x-www-form-urlencoded"  # what curl calls a file, unless it is told
    problem(client.post("/", data=song, content_type=form), 415, "unsupported_type")
    problem(client.post("/", data={"other": (io.BytesIO(song), "a")}), 400, "bad_body")
    problem(client.post("/", data={"file": "text"}), 415, "unsupported_type")
    problem(
        client.post("/", data=b"x", content_type="multipart/form-data; boundary=y"),
        400,
        "bad_body",
    )
    for body in (
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"7",
        b'{"audio_base64": 7}',
        b'{"audio_base64": "***"}',
        b'{"audio_base64": "\xc3\xa9"}',
        b"[" * 200_000,
    ):
        response = client.post("/", data=body, content_type="application/json")
        problem(response, 400, "bad_body")


def test_empty_bodies(client: FlaskClient) -> None:
    problem(client.post("/"), 400, "empty")
    problem(client.post("/", content_type="audio/wav"), 400, "empty")
    problem(client.post("/", json={"audio_base64": ""}), 400, "empty")
    problem(client.post("/", data={"file": (io.BytesIO(), "a")}), 400, "empty")


class Pipe(io.RawIOBase):
    """A body as a socket gives it: endless or not, it can't seek, and counts what is taken."""

    def __init__(self, body: bytes, repeat: int = 1) -> None:
        self.parts: Iterator[bytes] = iter([body] * repeat)
        self.left, self.taken = b"", 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.left = self.left or next(self.parts, b"")
        data, self.left = self.left[: len(buffer)], self.left[len(buffer) :]
        buffer[: len(data)] = data
        self.taken += len(data)
        return len(data)


def post_pipe(
    client: FlaskClient,
    pipe: Pipe,
    content_type: str,
    length: str | None = None,
    terminated: bool = True,
) -> TestResponse:
    """Post as a server does: with a length or in chunks, and one that ends the stream or not."""
    environ: dict[str, Any] = {"wsgi.input": pipe, "CONTENT_TYPE": content_type}
    if length:
        environ["CONTENT_LENGTH"] = length
    if terminated:
        environ["wsgi.input_terminated"] = True
    return client.post("/", environ_overrides=environ)


def test_a_stream_of_unknown_length(client: FlaskClient, song: bytes) -> None:
    response = post_pipe(client, Pipe(song), "audio/wav")
    assert response.json is not None
    assert response.json["seconds"] == 5.0


@pytest.mark.parametrize("content_type", ["audio/wav", "application/json", "text/plain"])
@pytest.mark.parametrize("length", [None, "100000000"])
def test_too_large_is_refused_unread(
    content_type: str, length: str | None, client: FlaskClient
) -> None:
    pipe = Pipe(bytes(10_000), 10_000)
    response = post_pipe(client, pipe, content_type, length)
    if content_type == "text/plain":
        problem(response, 415, "unsupported_type")
    else:
        problem(response, 413, "too_large")
    assert pipe.taken < 12_000_000


def test_a_form_that_is_too_large(client: FlaskClient) -> None:
    problem(client.post("/", data={"file": (io.BytesIO(bytes(300_001)), "a")}), 413, "too_large")
    problem(client.post("/", data={"file": (io.BytesIO(bytes(400_000)), "a")}), 413, "too_large")


def test_a_body_that_ends_early(client: FlaskClient, song: bytes) -> None:
    for kind in ("audio/wav", "application/json"):
        for terminated in (True, False):
            response = post_pipe(client, Pipe(song[:1000]), kind, "5000", terminated)
            problem(response, 400, "bad_body")


def test_problems_of_the_audio(
    client: FlaskClient, song: bytes, encode: Callable[..., bytes]
) -> None:
    problem(client.post("/", data=b"\x00\x00\x00\x20ftypM4A " + bytes(99)), 415, "unsupported_type")
    problem(client.post("/", data=encode(np.zeros(40_000))), 422, "silent")
    problem(client.post("/", data=encode(np.ones(9_000))), 422, "too_short")


@pytest.mark.parametrize("rate", [12_345, 12_346])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_fault_is_logged_and_not_shown(
    rate: int,
    accept: str,
    client: FlaskClient,
    encode: Callable[..., bytes],
    sound: Callable[..., NDArray[np.float32]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers = {"Accept": accept, "X-Request-ID": "r-500"}
    with caplog.at_level(logging.ERROR):
        response = client.post("/", data=encode(sound(2.0, rate), rate), headers=headers)
    if accept == "application/json":
        detail = problem(response, 500, "internal")
    else:
        name, document = events(response)[-1]
        assert (name, document["status"]) == ("error", 500)
        detail = document["detail"]
    assert "r-500" in detail
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert "request_id=r-500" in caplog.text
    assert "Traceback" in caplog.text


def test_request_ids(client: FlaskClient) -> None:
    def given(value: str) -> str:
        return client.get("/health", headers={"X-Request-ID": value}).headers["X-Request-ID"]

    assert given("abc-1") == "abc-1"
    made = {given(value) for value in ("", "x" * 129, "\xe9", "tab\there")}
    assert len(made) == 4
    assert all(len(value) == 32 for value in made)


def test_a_client_that_leaves_ends_the_work(folder: Path, song: bytes) -> None:
    """The server closes the response: at once, after some events, and after the last."""
    from flask import Flask, Request

    from functions.kit import http, manifest
    from functions.kit.steps import Progress, Steps

    ended = []

    def steps(source: Any) -> Steps[dict[str, int]]:
        try:
            for _ in range(3):
                yield Progress("a", None)
                yield Progress("b", None)
            return {}
        finally:
            ended.append(source)

    serve = http.handler(manifest.load(folder), steps)
    for taken, works in ((0, 0), (1, 1), (7, 1)):
        ended.clear()
        with Flask("x").test_request_context(
            "/",
            method="POST",
            headers={"Accept": "text/event-stream"},
            environ_overrides={"wsgi.input": Pipe(song), "wsgi.input_terminated": True},
        ) as context:
            request: Request = context.request
            response = serve(request)
            stream = iter(response.response)
            for _ in range(taken):
                next(stream)
            response.close()
        assert len(ended) == works
        assert all(source.closed for source in ended)
