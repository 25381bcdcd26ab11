"""The scheduler, by single decisions and by thousands of random histories."""

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.service import scheduler
from deploy.service.scheduler import OVERTAKES, STARTS, ceiling_mb, decide, wait_s
from deploy.service.state import (
    Arrived,
    Budget,
    Cancel,
    Drain,
    Effect,
    Event,
    Exited,
    Finished,
    Forward,
    Function,
    Kill,
    Left,
    Limits,
    Lose,
    Phase,
    Reject,
    Replace,
    Start,
    Started,
    State,
    Stop,
    Tick,
)

NEEDS = {"a": 100.0, "b": 100.0, "c": 150.0}


class Bench:
    """A scheduler whose processes do as they are told, at a clock that stands still."""

    def __init__(
        self,
        budget_mb: float = 250.0,
        concurrency: int = 1,
        queue_length: int = 4,
        needs: Mapping[str, float] = NEEDS,
    ) -> None:
        functions = {
            name: Function(mb, timeout_s=100.0, idle_stop_s=50.0, run_s=2.0, start_s=1.0)
            for name, mb in needs.items()
        }
        self.state = State(Limits(concurrency, queue_length, 30.0), budget_mb, functions)
        self.now = 0.0

    def __call__(self, *events: Event) -> list[Effect]:
        effects: list[Effect] = []
        for event in events:
            self.state, more = decide(self.state, event, self.now)
            effects += more
        return effects

    def warm(self, name: str) -> None:
        self(Arrived(f"warm {name}", name, warm_only=True), Started(name, 1.0))

    def phases(self) -> dict[str, Phase]:
        return {name: process.phase for name, process in self.state.processes.items()}


def died(name: str, why: Any = "died", ready: bool = True, peak_mb: float = 50.0) -> Exited:
    return Exited(name, ready, why, "It ended by signal 9.", peak_mb)


def test_a_request_starts_its_function_and_gets_it() -> None:
    bench = Bench()
    assert bench(Arrived("1", "a")) == [Start("a")]
    assert bench(Started("a", 0.5)) == [Forward("1", "a")]
    assert bench(Finished("a", 60.0)) == []
    assert bench(Arrived("2", "a")) == [Forward("2", "a")]
    assert bench.state.functions["a"].need_mb == 60.0


def test_requests_that_come_while_it_starts_join_the_one_start() -> None:
    bench = Bench(concurrency=3)
    assert bench(Arrived("1", "a"), Arrived("2", "a")) == [Start("a")]
    assert bench(Started("a", 0.5)) == [Forward("1", "a")]
    assert bench(Finished("a", None)) == [Forward("2", "a")]


def test_one_at_a_time_overall() -> None:
    bench = Bench(concurrency=1)
    assert bench(Arrived("1", "a"), Arrived("2", "b")) == [Start("a")]
    assert bench(Started("a", 0.5)) == [Forward("1", "a")]
    assert bench(Finished("a", None)) == [Start("b")]


def test_two_at_a_time_where_that_is_allowed() -> None:
    bench = Bench(concurrency=2)
    assert bench(Arrived("1", "a"), Arrived("2", "b"), Arrived("3", "a")) == [
        Start("a"),
        Start("b"),
    ]


def test_the_idle_one_that_was_used_longest_ago_makes_room() -> None:
    bench = Bench(budget_mb=250.0)
    bench.warm("a")
    bench.now = 1.0
    bench.warm("b")
    assert bench(Arrived("1", "c")) == [Stop("a", "evicted")]
    assert bench(Tick()) == []
    assert bench(died("a", "stopped")) == [Start("c")]
    assert bench.phases() == {"b": Phase.READY, "c": Phase.STARTING}


def test_the_one_that_somebody_waits_for_is_spared() -> None:
    bench = Bench(budget_mb=250.0, concurrency=1)
    bench.warm("a")
    bench.now = 1.0
    bench.warm("b")
    bench(Arrived("1", "b"), Arrived("2", "c"), Arrived("3", "a"))
    bench.now = 2.0
    # "a" is ready, and passes "c", which would push somebody out.
    assert bench(Finished("b", None)) == [Forward("3", "a")]
    bench(Arrived("4", "b"))
    bench.now = 3.0
    assert bench(Finished("a", None)) == [Forward("4", "b")]
    bench(Arrived("5", "b"))
    bench.now = 4.0
    bench(Left("5"))
    assert bench(Finished("b", None)) == [Stop("a", "evicted")]


def test_a_busy_one_is_never_in_the_way_of_its_own_end() -> None:
    bench = Bench(budget_mb=160.0, concurrency=2)
    assert bench(Arrived("1", "a"), Started("a", 1.0)) == [Start("a"), Forward("1", "a")]
    assert bench(Arrived("2", "c"), Tick()) == []
    assert bench(Finished("a", None)) == [Stop("a", "evicted")]
    assert bench(died("a", "stopped")) == [Start("c")]


def test_passing_has_an_end() -> None:
    bench = Bench(budget_mb=150.0, queue_length=100)
    bench(Arrived("0", "a"), Started("a", 1.0), Arrived("c", "c"))
    bench(*(Arrived(f"{n}", "a") for n in range(1, 50)))
    passed = 0
    while (effects := bench(Finished("a", None))) != [Stop("a", "evicted")]:
        assert [type(effect) for effect in effects] == [Forward]
        passed += 1
    assert passed == OVERTAKES


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    bench = Bench(queue_length=2)
    bench(*(Arrived(str(n), "a") for n in range(3)))
    [reject] = bench(Arrived("3", "a"))
    assert isinstance(reject, Reject)
    assert reject.why == "queue_full"
    assert reject.retry_after_s == math.ceil(wait_s(bench.state)) == 3 * 2 + 1


def test_waiting_has_an_end() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Arrived("2", "b"))
    bench.now = 31.0
    [reject] = bench(Tick())
    assert isinstance(reject, Reject)
    assert (reject.id, reject.why) == ("2", "queue_timeout")


def test_what_can_never_fit_is_refused() -> None:
    bench = Bench(budget_mb=140.0)
    [reject] = bench(Arrived("1", "c"))
    assert isinstance(reject, Reject)
    assert reject.why == "memory"
    assert "150 MB" in reject.detail
    assert "140 MB" in reject.detail


def test_what_waits_is_refused_when_it_can_no_longer_fit() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Arrived("2", "c"), Budget(120.0))
    [reject] = bench(Tick())
    assert isinstance(reject, Reject)
    assert (reject.id, reject.why) == ("2", "memory")


def test_a_start_that_fails_is_tried_again_and_then_said() -> None:
    bench = Bench()
    assert bench(Arrived("1", "a")) == [Start("a")]
    for _ in range(STARTS - 1):
        assert bench(died("a", ready=False)) == [Start("a")]
    bench(Arrived("2", "a"), Arrived("3", "b"))
    effects = bench(died("a", ready=False))
    assert [(effect.id, effect.why) for effect in effects if isinstance(effect, Reject)] == [
        ("1", "start_failed"),
        ("2", "start_failed"),
    ]
    assert effects[-1] == Start("b")
    assert isinstance(effects[0], Reject)
    assert "It ended by signal 9." in effects[0].detail


def test_it_backs_off_and_recovers() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), *[died("a", ready=False)] * STARTS)
    [reject] = bench(Arrived("2", "a"))
    assert isinstance(reject, Reject)
    bench.now = float(reject.retry_after_s)
    assert bench(Arrived("3", "a")) == [Start("a")]
    [again] = bench(died("a", ready=False))
    assert isinstance(again, Reject)
    assert again.retry_after_s > reject.retry_after_s
    bench.now += again.retry_after_s
    assert bench(Arrived("4", "a"), Started("a", 1.0)) == [Start("a"), Forward("4", "a")]
    assert bench.state.functions["a"].failures == 0


@pytest.mark.parametrize("why", ["died", "memory", "timeout"])
def test_a_process_that_goes_costs_its_own_request_only(why: Any) -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Started("a", 1.0), Arrived("2", "a"))
    assert bench(died("a", why)) == [Lose("1", "a", why, "It ended by signal 9."), Start("a")]


def test_what_a_process_that_grew_too_large_needs_is_learnt() -> None:
    bench = Bench(budget_mb=250.0)
    bench(Arrived("1", "a"), Started("a", 1.0), died("a", "memory", peak_mb=120.0))
    assert bench.state.functions["a"].need_mb == 180.0
    bench(Arrived("2", "a"), Started("a", 1.0), died("a", "memory", peak_mb=249.0))
    assert bench.state.functions["a"].need_mb == 250.0
    # It is not refused for what it once took: it gets all there is.
    assert bench(Budget(240.0), Arrived("3", "a")) == [Start("a")]
    assert ceiling_mb(bench.state, "a") == 240.0


def test_a_function_that_needs_more_than_was_thought_pushes_idle_ones_out() -> None:
    bench = Bench(budget_mb=250.0)
    bench.warm("b")
    bench.now = 1.0
    bench(Arrived("1", "a"), Started("a", 1.0))
    assert bench(Finished("a", 160.0)) == [Stop("b", "evicted")]


def test_a_ceiling_is_all_that_is_not_set_aside_for_others() -> None:
    bench = Bench(budget_mb=250.0)
    bench.warm("a")
    assert ceiling_mb(bench.state, "a") == 250.0
    bench.warm("b")
    assert ceiling_mb(bench.state, "a") == 150.0


def test_a_client_that_leaves_while_it_waits_frees_its_place() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Arrived("2", "b"), Left("2"))
    assert bench(Started("a", 1.0), Finished("a", None)) == [Forward("1", "a")]


def test_a_client_that_leaves_while_it_starts_leaves_a_process_for_the_next() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Left("1"))
    assert bench(Started("a", 1.0), Arrived("2", "a")) == [Forward("2", "a")]


def test_a_client_that_leaves_while_it_runs_stops_the_work() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Started("a", 1.0), Arrived("2", "a"))
    assert bench(Left("1"), Left("1")) == [Cancel("a")]
    assert bench(Finished("a", 60.0)) == [Forward("2", "a")]


def test_nobody_is_told_of_a_process_that_did_not_stop_for_one_who_left() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Started("a", 1.0), Left("1"))
    assert bench(died("a", "cancelled")) == []


def test_too_long_is_too_long() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Started("a", 1.0))
    bench.now = 101.0
    assert bench(Tick(), Tick()) == [Kill("a")]
    assert [type(effect) for effect in bench(died("a", "timeout"))] == [Lose]


def test_a_start_that_hangs_is_ended() -> None:
    bench = Bench()
    bench(Arrived("1", "a"))
    bench.now = 29.0
    assert bench(Tick()) == []
    bench.now = scheduler.START_S + 1
    assert bench(Tick()) == [Kill("a")]
    assert bench(died("a", "timeout", ready=False)) == [Start("a")]


def test_a_start_that_hangs_is_not_tried_again_for_one_who_left() -> None:
    bench = Bench()
    bench(Arrived("1", "a"))
    bench.now = scheduler.START_S + 1
    bench(Tick(), Left("1"))
    assert bench(died("a", "timeout", ready=False)) == []


def test_a_process_that_was_ready_too_late_is_started_again() -> None:
    bench = Bench()
    bench(Arrived("1", "a"))
    bench.now = scheduler.START_S + 1
    assert bench(Tick(), Started("a", 61.0)) == [Kill("a")]
    assert bench(died("a", "timeout")) == [Start("a")]


def test_what_nobody_uses_ends() -> None:
    bench = Bench()
    bench.warm("a")
    bench.now = 49.0
    assert bench(Tick()) == []
    bench.now = 51.0
    assert bench(Tick()) == [Stop("a", "idle")]
    assert bench(Arrived("1", "a")) == []  # Once it has ended.
    assert bench(died("a", "stopped")) == [Start("a")]


def test_draining_answers_what_runs_and_refuses_the_rest() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Started("a", 1.0), Arrived("2", "a"))
    effects = bench(Drain(), Arrived("3", "b"))
    assert [effect.id for effect in effects if isinstance(effect, Reject)] == ["2", "3"]
    bench(Finished("a", None))
    assert bench(Tick()) == [Stop("a", "stopping")]


def replaced(name: str, declared_mb: float = 100.0, timeout_s: float = 100.0) -> Replace:
    return Replace(name, declared_mb, timeout_s, idle_stop_s=50.0)


def test_an_idle_process_with_old_code_ends() -> None:
    bench = Bench()
    bench.warm("a")
    assert bench(replaced("a")) == [Stop("a", "replaced")]
    assert bench(Arrived("1", "a")) == []  # Once it has ended.
    assert bench(died("a", "stopped")) == [Start("a")]
    assert bench(Started("a", 1.0)) == [Forward("1", "a")]


def test_a_busy_process_with_old_code_ends_after_its_request() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Started("a", 1.0))
    assert bench(replaced("a"), Arrived("2", "a"), replaced("a")) == []
    assert bench(Finished("a", 300.0)) == [Stop("a", "replaced")]
    assert bench(died("a", "stopped")) == [Start("a")]
    assert bench(Started("a", 1.0)) == [Forward("2", "a")]
    assert bench(Finished("a", 60.0)) == []
    assert bench.state.functions["a"].need_mb == 60.0


def test_a_request_for_which_old_code_was_starting_gets_the_new() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Arrived("2", "a"))
    assert bench(replaced("a")) == [Stop("a", "replaced")]
    assert bench(Started("a", 1.0)) == []  # It was ready before it heard of it.
    assert bench(died("a", "stopped")) == [Start("a")]
    assert bench(Started("a", 1.0)) == [Forward("1", "a")]


def test_new_code_is_not_held_for_what_the_old_was() -> None:
    bench = Bench(budget_mb=250.0)
    bench(Arrived("1", "a"), *[died("a", ready=False)] * STARTS)
    assert bench(replaced("a"), Arrived("2", "a")) == [Start("a")]
    bench(Started("a", 1.0), replaced("a", declared_mb=70.0), died("a", "memory", peak_mb=200.0))
    assert bench.state.functions["a"].need_mb == 70.0
    bench(Arrived("3", "a"))
    bench.now = scheduler.START_S + 1
    assert bench(Tick()) == [Kill("a")]
    assert bench(replaced("a"), died("a", "timeout", ready=False)) == [Start("a")]
    assert bench.state.functions["a"].failures == 0


def test_what_new_code_declares_holds_at_once() -> None:
    bench = Bench(budget_mb=250.0)
    assert bench(replaced("a", declared_mb=300.0)) == []
    [reject] = bench(Arrived("1", "a"))
    assert isinstance(reject, Reject)
    assert reject.why == "memory"
    bench(replaced("a", timeout_s=1.0), Arrived("2", "a"), Started("a", 1.0))
    bench.now = 2.0
    assert bench(Tick()) == [Kill("a")]


def test_nothing_is_replaced_while_the_service_stops() -> None:
    bench = Bench()
    bench(Arrived("1", "a"), Drain())
    assert bench(replaced("a")) == []
    assert bench(Started("a", 1.0)) == [Forward("1", "a")]


def test_warming_leaves_it_idle() -> None:
    bench = Bench()
    assert bench(Arrived("1", "a", warm_only=True), Started("a", 1.0)) == [
        Start("a"),
        Forward("1", "a"),
    ]
    assert bench.phases() == {"a": Phase.READY}
    assert bench.state.active == {}
    assert bench(Arrived("2", "a", warm_only=True)) == [Forward("2", "a")]


class History:
    """A random history: what may happen next depends on what did, as with real processes."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        draw = data.draw
        needs = {name: draw(st.floats(20, 300), label=f"need of {name}") for name in "abcd"}
        self.bench = Bench(
            budget_mb=draw(st.floats(100, 600), label="budget"),
            concurrency=draw(st.integers(1, 3), label="concurrency"),
            queue_length=draw(st.integers(0, 6), label="queue length"),
            needs=needs,
        )
        self.asked: dict[str, str] = {}
        self.answers: dict[str, list[Effect]] = {}
        self.gone: set[str] = set()
        self.listening: set[str] = set()
        self.codes: dict[str, int] = {}
        self.started: dict[str, int] = {}
        self.last: Event = Tick()

    def take(self, event: Event) -> None:
        before = self.bench.state
        if isinstance(event, Arrived):
            self.asked[event.id] = event.function
        if isinstance(event, Left):
            self.gone.add(event.id)
        if isinstance(event, Started):
            self.listening.add(event.function)
        if isinstance(event, Exited):
            self.listening.discard(event.function)
        if isinstance(event, Replace):
            self.codes[event.function] = self.codes.get(event.function, 0) + 1
        self.last = event
        effects = self.bench(event)
        self.check(before, effects)

    def check(self, before: State, effects: list[Effect]) -> None:
        state = self.bench.state
        assert len(state.active) <= state.limits.concurrency
        if isinstance(self.last, Arrived) and any(it.id == self.last.id for it in state.queue):
            assert len(state.queue) <= state.limits.queue_length
        stopped = {effect.function for effect in effects if isinstance(effect, Stop)}
        started = [effect.function for effect in effects if isinstance(effect, Start)]
        for name in started:
            assert name not in before.processes or isinstance(self.last, Exited)
            assert started.count(name) == 1
            self.started[name] = self.codes.get(name, 0)
        if started:
            assert state.used_mb <= state.budget_mb + 1e-6
        for name in stopped:
            finished = isinstance(self.last, Finished) and self.last.function == name
            started_now = isinstance(self.last, Started) and self.last.function == name
            was = before.processes[name].phase
            replaced_now = isinstance(self.last, Replace) and was is Phase.STARTING
            assert was is Phase.READY or finished or started_now or replaced_now
            assert name not in state.active
        for effect in effects:
            if isinstance(effect, Forward | Reject):
                assert self.answers.setdefault(effect.id, []) == []
                assert effect.id not in self.gone
                assert self.asked[effect.id] == effect.function
                self.answers[effect.id].append(effect)
            if isinstance(effect, Forward):
                assert self.started[effect.function] == self.codes.get(effect.function, 0)
            if isinstance(effect, Lose):
                [forwarded] = self.answers[effect.id]
                assert isinstance(forwarded, Forward)
            if isinstance(effect, Reject):
                assert effect.retry_after_s >= 1
                assert effect.detail.endswith(".")

    def possible(self) -> list[Event]:
        state = self.bench.state
        new = str(len(self.asked))
        events: list[Event] = [Tick()]
        events += [Arrived(new, name) for name in state.functions]
        events += [Arrived(new, "a", warm_only=True), Budget(self.bench.state.budget_mb * 0.99)]
        waiting = [*state.queue, *(it for it in state.active.values() if not it.left)]
        events += [Left(request.id) for request in waiting]
        declared_mb = self.data.draw(st.floats(20, 300))
        events += [replaced(name, declared_mb) for name in state.functions]
        return events + self.progress()

    def progress(self) -> list[Event]:
        """What processes may do next."""
        peak = self.data.draw(st.floats(10, 700))
        events: list[Event] = []
        for name, process in self.bench.state.processes.items():
            match process.phase:
                case Phase.STARTING:
                    events += [Started(name, 1.0), died(name, ready=False)]
                case Phase.BUSY:
                    events += [Finished(name, peak), Finished(name, None), died(name)]
                    events += [died(name, "memory", peak_mb=peak)]
                case Phase.READY:
                    events += [died(name)]
                case Phase.STOPPING:
                    events += [self.ended(name)]
                    if name not in self.listening:
                        events += [Started(name, 1.0)]
        return events

    def ended(self, name: str) -> Exited:
        """How a process ends that was told to, or was killed with a request."""
        killed = name in self.bench.state.active
        return died(name, "timeout" if killed else "stopped", ready=name in self.listening)

    def good_end(self, state: State) -> Event:
        """What happens next where all goes well."""
        for name, process in state.processes.items():
            match process.phase:
                case Phase.STARTING:
                    return Started(name, 1.0)
                case Phase.BUSY:
                    return Finished(name, None)
                case Phase.STOPPING:
                    return self.ended(name)
                case Phase.READY:
                    pass
        return Tick()


@settings(max_examples=2000 if os.environ.get("CI") else 300)
@given(st.data())
def test_whatever_happens(data: st.DataObject) -> None:
    history = History(data)
    for _ in range(data.draw(st.integers(1, 40))):
        events = history.possible()
        event = data.draw(st.sampled_from(events))
        history.bench.now += data.draw(st.floats(0, 5) | st.just(scheduler.START_S + 1))
        history.take(event)
    # Now let everything go well: nobody waits for ever, and everybody was answered once.
    for _ in range(1000):
        state = history.bench.state
        if not state.queue and not state.active:
            break
        history.bench.now += 0.01
        event = history.good_end(state)
        history.take(event)
    assert not history.bench.state.queue
    assert not history.bench.state.active
    for id in history.asked:
        assert len(history.answers.get(id, [])) == 1 or id in history.gone


def test_a_decision_does_not_change_the_state_it_is_given() -> None:
    bench = Bench()
    before = bench.state
    copy = replace(before)
    bench(Arrived("1", "a"), Drain())
    assert before == copy
