"""Server-sent events: cut from a stream however it comes, and added to."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.service import events
from deploy.service.wire import Broken

EVENTS = [
    events.event("progress", {"stage": "é", "fraction": None}),
    events.event("result", {"words": ["a\n\nb"]}),
    b"data: {}\n\n",
]


def whole(parts: list[bytes]) -> list[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def collect() -> list[bytes]:
        return [one async for one in events.whole(chunks())]

    return asyncio.run(collect())


@given(st.lists(st.sampled_from([*EVENTS, events.KEEP_ALIVE]), max_size=5), st.data())
def test_however_it_is_cut(sent: list[bytes], data: st.DataObject) -> None:
    text = b"".join(sent)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    parts = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert whole(parts) == [one for one in sent if one != events.KEEP_ALIVE]


def test_one_that_is_cut_off_is_left_out() -> None:
    assert whole([EVENTS[0] + EVENTS[1][:-1]]) == [EVENTS[0]]


def test_one_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_MOST_BYTES", 1000)
    with pytest.raises(Broken, match="too long"):
        whole([b"data: " + b"x" * 1000])


def test_names() -> None:
    assert [events.name(one) for one in EVENTS] == ["progress", "result", "message"]


def test_members_are_added_before_an_events_own() -> None:
    more: dict[str, object] = {"function": "é"}
    assert events.extended(EVENTS[1], more) == events.event(
        "result", {"function": "é", "words": ["a\n\nb"]}
    )
    assert events.extended(EVENTS[2], more) == 'data: {"function":"é"}\n\n'.encode()
    assert events.extended(EVENTS[0], {}) == EVENTS[0]
    assert events.extended(b"data: 7\n\n", more) == b"data: 7\n\n"
