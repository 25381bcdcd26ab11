"""The cage without the kernel, and no cage: by what becomes of real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import processes
from emulator.cages.free import Free
from emulator.cages.watchdog import Watchdog
from tests.service import until

EAT = "import time; hoard = []\nwhile True: hoard.append(b'x' * 2**22); time.sleep(0.05)"
"""So slow that a watchdog which was held up still comes before the limit of `ulimit`."""
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", sys.argv[1]])
own = b"x" * (60 * 2**20)
print(child.pid, flush=True)
print(child.wait(), flush=True)
time.sleep(60)
"""
FIRST_TO_GO = "open('/proc/self/oom_score_adj', 'w').write('500')\n"


@pytest.fixture
def dog() -> Iterator[Watchdog]:
    with Watchdog(100, 0.1) as its:
        yield its


def python(cage: Free, code: str, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-S", "-c", code, *words]
    return cage.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_it_says_what_it_does_not_enforce(dog: Watchdog) -> None:
    assert dog.kind == "a watchdog"
    assert dog.enforces.startswith("100 MB")
    assert dog.not_enforced == ("the share of 0.1 CPU",)


def test_more_memory_than_the_plan_has_is_death(dog: Watchdog) -> None:
    with python(dog, EAT) as process:
        assert process.wait(60) == -9
    reading = dog.read()
    assert reading.oom_kills == 1
    assert reading.peak_mb is not None
    assert 100 < reading.peak_mb < 200


def test_a_second_one_is_ended_that_takes_less_than_the_first(dog: Watchdog) -> None:
    for mb in (160, 120):
        with python(dog, f"import time; its = b'x' * ({mb} * 2**20); time.sleep(60)") as process:
            assert process.wait(30) == -9
    assert dog.read().oom_kills == 2


def test_less_is_not(dog: Watchdog) -> None:
    with python(dog, "hoard = b'x' * (70 * 2**20); print('in', flush=True); input()") as process:
        assert said(process) == "in"
        until(lambda: (dog.read().peak_mb or 0) > 70)
        assert 70 < dog.read().memory_mb < 100
        process.communicate("\n")
        assert process.returncode == 0
    assert dog.read().oom_kills == 0


def test_a_function_goes_before_the_service_that_is_larger(dog: Watchdog) -> None:
    grow = FIRST_TO_GO + "import time; its = b'x' * (45 * 2**20); time.sleep(60)"
    with python(dog, PARENT, grow) as process:
        assert said(process).isdigit()
        assert said(process) == "-9"
        assert process.poll() is None
        dog.kill()


def test_one_process_cannot_take_it_all_between_two_looks(dog: Watchdog) -> None:
    with python(dog, "b'x' * (1000 * 2**20)") as process:
        assert process.wait(60) != 0
    assert (dog.read().peak_mb or 0) < 250


@pytest.mark.parametrize("cage", [Watchdog(100, 0.1), Free()], ids=["watchdog", "none"])
def test_nothing_is_left(cage: Free) -> None:
    away = "import os, time; os.setsid(); time.sleep(60)"
    with cage:
        process = python(cage, PARENT, away)
        child = int(said(process))
        until(lambda: child in cage.pids())
        assert process.pid in cage.pids()
    with process:
        assert process.wait() == -9
    until(lambda: not processes.began(child) or _is_zombie(child))


def _is_zombie(pid: int) -> bool:
    return next(each.zombie for each in processes.every() if each.pid == pid)


def test_an_end_is_its_starters_to_collect(dog: Watchdog) -> None:
    with python(dog, "pass") as process:
        until(lambda: dog.pids() == [])
        pid, status, usage = os.wait4(process.pid, 0)
        assert (pid, status) == (process.pid, 0)
        assert usage.ru_utime + usage.ru_stime > 0
        process.returncode = 0
    assert dog.pids() == []


def test_no_cage_counts() -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint('in', flush=True); input()"
    with Free() as cage:
        assert cage.read().memory_mb == 0
        with python(cage, code) as process:
            assert said(process) == "in"
            reading = cage.read()
            assert 1 < reading.memory_mb < 60
            assert 0.25 <= reading.cpu_s < 0.6
            process.communicate("\n")
        # What was used does not become less by the end of who used it.
        assert cage.read().cpu_s == reading.cpu_s
        assert cage.read().memory_mb == 0


def test_a_machine_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    with Watchdog(100, 0.1) as dog, python(dog, EAT) as process:
        assert process.wait(60) == -9
        assert dog.read().oom_kills == 1
    assert processes.began(os.getpid()) == processes.began(os.getpid()) != ""
