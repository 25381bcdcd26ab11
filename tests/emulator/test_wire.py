"""Server-sent events, read."""

from collections.abc import Iterable
from typing import Any

import pytest

from emulator.wire import events


def read(*lines: str) -> list[tuple[str, Any]]:
    stream: Iterable[bytes] = [f"{line}\n".encode() for line in lines]
    return list(events(iter(stream)))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["event: result", "data: {}", ""], [("result", {})]),
        (["data: 1", ""], [("message", 1)]),
        (["data:1", "", "data:2", ""], [("message", 1), ("message", 2)]),
        (["data: [1,", "data: 2]", ""], [("message", [1, 2])]),
        ([": keep-alive", "", "event: a", "data: 0", ""], [("a", 0)]),
        (["event: a", "", "data: 0", ""], [("message", 0)]),
        (["id: 4", "event: a\r", "data: 0\r", "\r"], [("a", 0)]),
        (["event: a", "data: 0"], []),
    ],
)
def test_events(lines: list[str], expected: list[tuple[str, Any]]) -> None:
    assert read(*lines) == expected


def test_data_that_is_no_json_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        read("data: {", "")
