"""The router between clients and functions: what each sees of the other, and of the queue."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.service import stream
from deploy.service.places import Queued, Refused, Starting
from tests.routed import (
    ECHO,
    KINDS,
    LARGE,
    STREAM,
    answer,
    ask,
    events,
    hanging,
    head,
    run,
    saying,
)
from tests.wire import Raw, parsed


def test_a_large_body_is_a_file_and_the_headers_are_few() -> None:
    seen: dict[str, Any] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.update(await head(reader))
        path = Path(seen["x-halfgig-body"])
        seen["body"], seen["mode"] = path.read_bytes(), path.stat().st_mode & 0o777
        writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        headers = {"X_Request_ID": "7", "Cookie": "a", "Accept": "*/*"}
        ask(it, "/voice_detect", LARGE, X_Halfgig_Body="/etc/passwd", **headers)
        assert Path(seen["x-halfgig-body"]).parent == it.bodies
    assert (seen["body"], seen["mode"]) == (LARGE, 0o600)
    assert seen[""] == "POST / HTTP/1.1"
    assert seen["accept"] == "application/json"
    assert seen["x-request-id"] == "7"
    assert seen["content-length"] == "0"
    assert "cookie" not in seen


def test_a_small_body_needs_none() -> None:
    seen: dict[str, Any] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.update(await head(reader))
        seen["body"] = await reader.readexactly(2)
        writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        ask(it, X_Halfgig_Body="/etc/passwd")
    assert "x-halfgig-body" not in seen
    assert (seen["content-length"], seen["body"]) == ("2", b"hi")


@pytest.mark.parametrize("name", ["Content_Type", "tracestate"])
@pytest.mark.parametrize("value", ["a=\x01b", "a=b\x7f"])
def test_a_header_that_the_functions_server_would_not_take(name: str, value: str) -> None:
    with run() as it:
        status, _, problem = ask(it, "/echo", b"hi", **{name: value})
        assert (status, problem["reason"]) == (400, "bad_request")
        assert it.places.log == []
        assert ask(it, tracestate="a=\xff\tb,\r\ntracestate:")[0] == 200


def test_every_function_is_switched_off() -> None:
    with run(environ={"DISABLE_ECHO": "1", "DISABLE_VOICE_DETECT": "1"}) as it:
        status, _, problem = ask(it, "/analyze")
        assert (status, problem["reason"]) == (404, "disabled")
        with Raw(it.port) as client:
            client.send(b"GET /warmup HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert parsed(client.rest())[0] == 404


def test_one_connection_will_do_for_many_requests() -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        for _ in range(3):
            await head(reader)
            await reader.readexactly(2)
            writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        assert [ask(it)[0] for _ in range(5)] == [200] * 5
    assert len(connections) == 2


def test_a_contracts_route_is_the_functions_too() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await head(reader))[""])
        writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        ask(it, "/api/voice-detection")
        assert it.places.wait_for(2) == [("voice_detect", "taken"), ("voice_detect", "finished")]
    assert seen == ["POST /api/voice-detection HTTP/1.1"]


def test_what_is_said_of_the_connection_is_not_passed_on() -> None:
    own = "application/json\r\nServer: waitress\r\nX-Other: yes\r\nServer-Timing: fn;dur=2.0"
    with run(saying(answer(b"{}", own))) as it:
        status, headers, body = ask(it)
    assert (status, body) == (200, {})
    assert "server" not in headers
    assert headers["x-other"] == "yes"
    assert headers["server-timing"] == "queue;dur=250.0, init;dur=500.0, fn;dur=2.0"


def test_a_refusal_says_when_to_ask_again() -> None:
    refused = Refused("There are too many that wait.", "queue_full", 7)
    with run(refused=refused) as it:
        status, headers, problem = ask(it)
        assert (status, headers["retry-after"]) == (503, "7")
        assert (problem["reason"], problem["retry_after_s"]) == ("queue_full", 7)
        status, headers, document = ask(it, "/api/voice-detection")
        assert (status, headers["retry-after"]) == (503, "7")
        assert document == {"status": "error", "message": "There are too many that wait."}
        status, headers, document = ask(it, "/analyze")
        assert (status, headers["retry-after"]) == (503, "7")
        with Raw(it.port) as client:
            client.send(b"GET /warmup HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            status, headers, document = parsed(client.rest())
        assert (status, headers["retry-after"]) == (503, "7")
        assert document["functions"]["echo"]["reason"] == "queue_full"


def test_a_refusal_before_the_first_event_has_its_own_status() -> None:
    with run(refused=Refused("No.", "queue_full", 7)) as it:
        assert ask(it, Accept="text/event-stream")[0] == 503


def test_a_refusal_after_it_is_an_event() -> None:
    refused = Refused("It took too long.", "queue_timeout", 7)
    with run(refused=refused, moments=[Queued(2), Queued(1)]) as it:
        assert [name for name, _ in events(it)] == ["queued", "queued", "error"]
        (problem,) = [data for name, data in events(it) if name == "error"]
        assert (problem["reason"], problem["retry_after_s"]) == ("queue_timeout", 7)


def test_the_events_while_it_waits() -> None:
    moments = [Queued(2), Queued(1), Starting()]
    with run(moments=moments) as it:
        assert events(it) == [
            ("queued", {"place": 2}),
            ("queued", {"place": 1}),
            ("starting", {}),
            ("result", {"ok": True}),
        ]


def test_a_plain_refusal_of_the_function_is_an_event_once_there_were_some() -> None:
    said = answer(b'{"status":413}', "application/problem+json", "413 Too Large")
    with run(saying(said), moments=[Starting()]) as it:
        assert events(it) == [("starting", {}), ("error", {"status": 413})]
    with run(saying(said)) as it:
        assert ask(it, Accept="text/event-stream")[0] == 413


def test_an_event_in_pieces() -> None:
    text = b'event: result\ndata: {"a":"\xc3\xa9"}\n\n'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(STREAM)
        for byte in text:
            writer.write(b"1\r\n%c\r\n" % byte)
            await asyncio.sleep(0.001)
        writer.write(b"0\r\n\r\n")
        writer.close()

    with run(serve) as it:
        ((name, result),) = events(it)
    assert name == "result"
    assert result["a"] == "é"
    assert result["timings"]["queue_s"] == 0.25


def test_a_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_KEEP_ALIVE_S", 0.05)
    with run(hanging) as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="2", Accept="text/event-stream")
        assert client.until(b": keep-alive").startswith(b"HTTP/1.1 200 ")
        client.until(b": keep-alive")


def test_two_functions_at_one_path() -> None:
    functions = {"health": replace(ECHO, name="health")}
    said = "'health' would answer at '/health', where 'health' does"
    with pytest.raises(ValueError, match=said), run(functions=functions):
        pass
