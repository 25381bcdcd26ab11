"""The cage of control groups, by the kernel's own word."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import cgroups, plans
from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups

FREE = plans.load()["free"]


@pytest.fixture
def free() -> Iterator[Groups]:
    cage = Groups(FREE.memory_mb, FREE.cpus)
    try:
        cage.__enter__()
    except CageUnavailable as error:
        pytest.skip(f"No control group here: {error}")
    yield cage
    cage.__exit__()


def python(cage: Groups, code: str) -> "subprocess.Popen[bytes]":
    return cage.start([sys.executable, "-S", "-c", code])


def test_more_memory_than_the_plan_has_is_death(free: Groups) -> None:
    process = python(free, "bytes(600 * 2**20).replace(b'\\0', b'x')")
    assert process.wait(60) == -9
    reading = free.read()
    assert reading.oom_kills == 1
    assert reading.peak_mb is None or reading.peak_mb == pytest.approx(512, abs=1)


def test_less_memory_is_not(free: Groups) -> None:
    assert python(free, "b'x' * (100 * 2**20)").wait(60) == 0
    reading = free.read()
    assert reading.oom_kills == 0
    assert reading.peak_mb is None or 100 < reading.peak_mb < 150


def test_a_tenth_of_a_cpu_takes_ten_times_as_long(free: Groups) -> None:
    began = time.monotonic()
    code = "import time\nwhile time.process_time() < 0.4: pass"
    assert python(free, code).wait(60) == 0
    assert (time.monotonic() - began) / 0.4 > 5
    reading = free.read()
    assert reading.throttled_periods > 0
    assert reading.throttled_s > 0
    assert 0.4 < reading.cpu_s < 0.6


def test_what_runs_inside_is_known(free: Groups) -> None:
    code = "hoard = b'x' * (20 * 2**20); print('in', flush=True); input()"
    command = [sys.executable, "-S", "-c", code]
    with free.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        assert free.pids() == [process.pid]
        reading = free.read()
        assert 20 < (reading.anon_mb or 0) <= reading.memory_mb < 60
        free.kill()
        assert process.wait(10) == -9
    assert free.pids() == []


def test_it_says_what_it_is(free: Groups) -> None:
    assert re.fullmatch(r"control groups \(version [12]\)", free.kind)
    assert free.enforces == "512 MB and 0.1 CPU, enforced by the kernel"
    assert free.not_enforced == ()


def test_what_a_killed_emulator_left_is_removed(free: Groups) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    around = cgroups.own("memory")
    assert around is not None
    folder = around.folder / f"halfgig-{dead.pid}-abc"
    folder.mkdir()
    with Groups(64, 1.0):
        assert not folder.exists()


def test_what_still_runs_at_the_end_is_killed(free: Groups) -> None:
    inner = Groups(64, 1.0)
    with inner:
        process = inner.start(["sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
    assert process.wait(10) == -9
    process.stdout.close()


def test_a_system_without_control_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "own", lambda kind: None)
    with pytest.raises(CageUnavailable, match="no control group for 'memory'"):
        Groups(512, 0.1).__enter__()


def test_a_group_that_hands_nothing_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cgroups, "own", lambda kind: cgroups.Group(2, tmp_path, tmp_path))
    with pytest.raises(CageUnavailable, match="does not hand its memory and CPU on"):
        Groups(512, 0.1).__enter__()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_group_that_may_not_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setattr(cgroups, "own", lambda kind: cgroups.Group(1, gone, gone))
    with pytest.raises(CageUnavailable, match="cannot be written"):
        Groups(512, 0.1).__enter__()
