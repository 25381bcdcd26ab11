"""What an answer says, whichever way it came."""

import json
from typing import Any

import pytest

from emulator import answers
from emulator.answers import Answer


def streamed(*events: tuple[str, Any]) -> Answer:
    text = ": keep-alive\n\n" + "".join(
        f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events
    )
    return Answer(200, {"content-type": "text/event-stream; charset=utf-8"}, text.encode())


def whole(status: int, value: Any) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(value).encode())


def test_a_result_says_the_same_as_events() -> None:
    result = {"tempo_bpm": 120.5}
    timings = {"queue_s": 0.5, "init_s": 0.25, "fn_s": 1.5}
    events = streamed(("progress", {"fraction": 0.5}), ("result", {"timings": timings, **result}))
    assert events.said().status == whole(200, result).said().status == 200
    assert events.said().lasting == whole(200, result).said().lasting == result
    assert events.timings() == {"queue": 0.5, "init": 0.25, "fn": 1.5}


def test_an_error_in_a_stream_has_its_own_status() -> None:
    problem = {"status": 422, "reason": "silence", "detail": "No speech.", "request_id": "1"}
    said = streamed(("queued", {"place": 1}), ("error", problem)).said()
    assert said.status == 422
    assert said.lasting == whole(422, problem).said().lasting
    assert said.lasting == {"status": 422, "reason": "silence", "detail": "No speech."}


def test_of_a_failure_the_reason_lasts() -> None:
    """Its sentence tells of what happened that time."""
    problem = {"status": 502, "reason": "memory", "detail": "… with 511 MB.", "request_id": "1"}
    assert whole(502, problem).said().lasting == {"status": 502, "reason": "memory"}


def test_several_functions() -> None:
    error = {"status": 422, "reason": "silence"}
    events = streamed(
        ("result", {"function": "beats", "timings": {}, "tempo_bpm": 1}),
        ("error", {"function": "emotion", "request_id": "1", **error}),
    )
    both = {"results": {"beats": {"tempo_bpm": 1}}, "errors": {"emotion": error}}
    assert events.said().lasting == both
    assert whole(200, both).said().lasting == both
    assert events.said().status == 200
    assert streamed(("error", {"function": "emotion", **error})).said().status == 422


def test_a_stream_that_broke_off_says_nothing() -> None:
    assert streamed(("progress", {"fraction": 0.5})).said().value is None


def test_what_is_no_json_is_told_by_its_hash() -> None:
    said = Answer(200, {}, b"<html>").said().value
    assert said["bytes"] == 6
    assert said != Answer(200, {}, b"<HTML>").said().value


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("queue;dur=0.0, init;dur=610.2, fn;dur=4200", {"queue": 0.0, "init": 0.6102, "fn": 4.2}),
        ('cache;desc="no", fn; dur=1.5;desc=x', {"fn": 0.0015}),
        ("fn;dur=fast, , ;dur=", {}),
        ("", {}),
    ],
)
def test_server_timing(header: str, parts: dict[str, float]) -> None:
    assert answers.server_timing(header) == pytest.approx(parts)
