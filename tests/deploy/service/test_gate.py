"""The gate: how often who may ask, and which pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.service.gate import Cors, Gate, Rate, TooMany
from functions.kit.keys import BadKey


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_rate_anybody_may_ask_for_ever() -> None:
    rate = Rate(0, Clock())
    for _ in range(1000):
        rate.take("a")


def test_a_minutes_requests_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    rate = Rate(3, clock)
    for _ in range(3):
        rate.take("a")
    with pytest.raises(TooMany, match="3 requests a minute") as caught:
        rate.take("a")
    assert caught.value.retry_after_s == 20
    rate.take("b")
    clock.now = 20.0
    rate.take("a")
    with pytest.raises(TooMany):
        rate.take("a")


def test_less_than_one_a_minute() -> None:
    clock = Clock()
    rate = Rate(0.5, clock)
    rate.take("a")
    with pytest.raises(TooMany) as caught:
        rate.take("a")
    assert caught.value.retry_after_s == 120


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30))), st.floats(0.5, 20))
def test_no_client_gets_more_than_its_share(
    requests: list[tuple[str, float]], per_minute: float
) -> None:
    clock = Clock()
    rate = Rate(per_minute, clock)
    taken = {"a": 0, "b": 0}
    for client, wait in requests:
        clock.now += wait
        try:
            rate.take(client)
        except TooMany:
            continue
        taken[client] += 1
        allowed = max(1.0, per_minute) + clock.now * per_minute / 60
        assert taken[client] <= allowed + 1e-6


def test_clients_are_not_remembered_without_end() -> None:
    rate = Rate(1, Clock())
    for number in range(10_000):
        rate.take(str(number))
    assert len(rate._buckets) <= 4096
    with pytest.raises(TooMany):
        rate.take("9999")


def test_a_key_has_its_rate_and_an_address_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEYS", "one,two")
    gate = Gate(True, Rate(1, Clock()))
    gate.enter("one", "10.0.0.1")
    with pytest.raises(TooMany):
        gate.enter(" one ", "10.0.0.2")
    gate.enter("two", "10.0.0.1")
    with pytest.raises(BadKey):
        gate.enter(None, "10.0.0.1")
    monkeypatch.delenv("API_KEYS")
    gate = Gate(False, Rate(1, Clock()))
    gate.enter("made up", "10.0.0.1")
    with pytest.raises(TooMany):
        gate.enter("made up anew", "10.0.0.1")


def test_origins() -> None:
    some = Cors(("https://a.example",))
    assert (b"access-control-allow-origin", b"https://a.example") in some.headers(
        b"https://a.example"
    )
    assert some.headers(b"https://b.example") == some.headers(None) == [(b"vary", b"origin")]
    assert some.preflight(b"https://b.example") == []
    everyone = Cors(("*",))
    assert (b"access-control-allow-origin", b"*") in everyone.headers(b"https://b.example")
    assert everyone.headers(None) == []
    assert everyone.preflight(b"https://b.example")
    assert Cors(()).headers(b"https://a.example") == []
