"""Bounded load, of calls that are none."""

import threading
from collections.abc import Callable

import pytest

from emulator import load
from emulator.load import Call
from functions.kit.steps import Progress


class Calls:
    """What is called, with how many at once; `during` is done in each."""

    def __init__(self, during: Callable[[int], object]) -> None:
        self._during = during
        self._lock = threading.Lock()
        self.begun: list[int] = []
        self.most = self._now = 0

    def __call__(self, n: int) -> Call:
        with self._lock:
            self.begun.append(n)
            self._now += 1
            self.most = max(self.most, self._now)
        self._during(n)
        with self._lock:
            self._now -= 1
        return Call(0.0, 200, None, None)


def quiet(_: Progress) -> None:
    pass


def test_each_client_has_one_call_at_a_time() -> None:
    together = threading.Barrier(3)
    calls = Calls(lambda n: together.wait(60) if n < 3 else None)
    its = load.one_after_another(calls, 3, 0.2, quiet)
    assert calls.most == 3
    assert sorted(calls.begun) == list(range(len(its.calls)))
    assert its.seconds >= 0.2


def test_a_call_that_takes_longer_than_there_is_time_is_made() -> None:
    told: list[Progress] = []
    over = threading.Event()

    def progress(step: Progress) -> None:
        told.append(step)
        if step.fraction == 1.0:
            over.set()

    its = load.one_after_another(Calls(lambda _: over.wait(60)), 1, 0.1, progress)
    assert len(its.calls) == 1
    assert its.drain_s == pytest.approx(its.seconds, abs=0.05)
    assert {step.stage for step in told} == {"under load"}


def test_calls_at_a_rate_wait_for_no_answer() -> None:
    together = threading.Barrier(4)
    calls = Calls(lambda _: together.wait(60))
    its = load.at_a_rate(calls, 40.0, 0.1, quiet)
    assert len(its.calls) == calls.most == 4


def test_one_is_made_however_small_the_rate() -> None:
    assert len(load.at_a_rate(Calls(lambda _: None), 0.001, 1.0, quiet).calls) == 1


def test_no_more_than_so_many_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MOST", 2)
    over = threading.Event()
    calls = Calls(lambda _: over.wait(60))

    def progress(step: Progress) -> None:
        if step.fraction == 1.0:
            over.set()

    its = load.at_a_rate(calls, 50.0, 0.2, progress)
    assert calls.begun == [0, 1]
    assert (len(its.calls), its.unmade) == (2, 8)
