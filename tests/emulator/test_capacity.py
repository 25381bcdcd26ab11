"""How much a plan bears."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.capacity import HEADROOM, Cost, Latencies, capacity

seconds = st.floats(0.001, 100)


def test_a_tenth_of_a_cpu_is_at_its_end_first() -> None:
    """What takes 0.4 s of CPU holds its function for as long, had it all of one."""
    its = capacity(Cost(cpu_s=0.5, busy_s=0.4, short_of_memory=False), cpus=0.1, concurrency=1)
    assert its.first == "CPU"
    assert its.rate == pytest.approx(HEADROOM * 0.2)


def test_what_waits_for_something_else_keeps_others_waiting() -> None:
    its = capacity(Cost(cpu_s=0.1, busy_s=2.0, short_of_memory=False), cpus=1.0, concurrency=1)
    assert its.first == "queue"
    assert its.rate == pytest.approx(HEADROOM * 0.5)


def test_a_whole_cpu_and_a_request_at_a_time_end_together() -> None:
    its = capacity(Cost(cpu_s=0.42, busy_s=0.44, short_of_memory=False), cpus=1.0, concurrency=1)
    assert its.first == "CPU"
    assert its.rate == pytest.approx(HEADROOM / 0.44)


def test_without_memory_it_bears_none() -> None:
    its = capacity(Cost(cpu_s=0.5, busy_s=0.5, short_of_memory=True), cpus=1.0, concurrency=1)
    assert (its.rate, its.first) == (0.0, "memory")


@given(seconds, seconds, st.floats(0.1, 16), st.integers(1, 16))
def test_no_more_than_there_is_of_either(
    cpu_s: float, busy_s: float, cpus: float, concurrency: int
) -> None:
    its = capacity(Cost(cpu_s, busy_s, False), cpus, concurrency)
    assert 0 < its.rate * cpu_s < cpus
    assert its.rate * busy_s < concurrency


@given(st.lists(seconds, min_size=1))
def test_latencies_are_some_that_were_measured(its: list[float]) -> None:
    found = Latencies.of(its)
    assert found.p50 in its
    assert found.p95 in its
    assert found.p50 is not None
    assert found.p95 is not None
    assert sum(one <= found.p50 for one in its) >= len(its) / 2
    assert sum(one <= found.p95 for one in its) >= 0.95 * len(its)
    assert found.max == max(its)


def test_latencies_by_hand() -> None:
    assert Latencies.of([float(n) for n in range(100, 0, -1)]) == Latencies(100, 50.0, 95.0, 100.0)
    assert Latencies.of([3.0]) == Latencies(1, 3.0, 3.0, 3.0)
    assert Latencies.of([]) == Latencies(0, None, None, None)
