"""The cage, by the kernel's own word."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import cgroups, plans
from emulator.cage import Cage, CageUnavailable

FREE = plans.load()["free"]


@pytest.fixture
def free() -> Iterator[Cage]:
    cage = Cage(FREE.memory_mb, FREE.cpus)
    try:
        cage.__enter__()
    except CageUnavailable as error:
        pytest.skip(f"No control group here: {error}")
    yield cage
    cage.__exit__()


def python(cage: Cage, code: str) -> "subprocess.Popen[bytes]":
    return cage.start([sys.executable, "-S", "-c", code])


def test_more_memory_than_the_plan_has_is_death(free: Cage) -> None:
    process = python(free, "bytes(600 * 2**20).replace(b'\\0', b'x')")
    assert process.wait(60) == -9
    reading = free.read()
    assert reading.oom_kills == 1
    assert reading.peak_mb is None or reading.peak_mb == pytest.approx(512, abs=1)


def test_less_memory_is_not(free: Cage) -> None:
    assert python(free, "b'x' * (100 * 2**20)").wait(60) == 0
    reading = free.read()
    assert reading.oom_kills == 0
    assert reading.peak_mb is None or 100 < reading.peak_mb < 150


def test_a_tenth_of_a_cpu_takes_ten_times_as_long(free: Cage) -> None:
    began = time.monotonic()
    code = "import time\nwhile time.process_time() < 0.4: pass"
    assert python(free, code).wait(60) == 0
    assert (time.monotonic() - began) / 0.4 > 5
    reading = free.read()
    assert reading.throttled_periods > 0
    assert reading.throttled_s > 0


def test_what_still_runs_at_the_end_is_killed(free: Cage) -> None:
    inner = Cage(64, 1.0)
    with inner:
        process = inner.start(["sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
    assert process.wait(10) == -9
    process.stdout.close()


def test_a_system_without_control_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "own", lambda kind: None)
    with pytest.raises(CageUnavailable, match="no control group for 'memory'"):
        Cage(512, 0.1).__enter__()


def test_a_group_that_hands_nothing_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cgroups, "own", lambda kind: cgroups.Group(2, tmp_path, tmp_path))
    with pytest.raises(CageUnavailable, match="does not hand its memory and CPU on"):
        Cage(512, 0.1).__enter__()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_group_that_may_not_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setattr(cgroups, "own", lambda kind: cgroups.Group(1, gone, gone))
    with pytest.raises(CageUnavailable, match="cannot be written"):
        Cage(512, 0.1).__enter__()
