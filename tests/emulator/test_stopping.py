"""Ctrl-C in the middle of `halfgig bench` and of `halfgig replay`: nothing is left of them."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import cgroups
from emulator import processes
from tests.conftest import Say
from tests.emulator.test_record import recorded
from tests.service import PATIENCE_S, processes_of, until
from tests.tree import Tree, halfgig


@pytest.fixture
def tmp() -> Iterator[Path]:
    """The folder for its temporary files, in which nothing may be left."""
    with tempfile.TemporaryDirectory(prefix="hg", dir="/tmp") as folder:
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


@pytest.fixture(scope="module")
def calls(tree: Tree) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hg", dir="/tmp") as name:
        with recorded(tree, Path(name)) as running:
            running.say("slow")
            running.event("recorded")
        yield Path(name) / "kept"


def groups(pid: int) -> list[Path]:
    """The control groups that were made by this process."""
    owned = [cgroups.own(kind) for kind in ("memory", "cpu", "cpuacct")]
    return [path for its in owned if its for path in its.folder.glob(f"halfgig-{pid}-*")]


def made(process: "subprocess.Popen[str]", many: int) -> list[int]:
    """The processes that it has started, once there are so many of them, or it has ended."""
    found: list[int] = []

    def enough() -> bool:
        found[:] = processes_of(process.pid)
        return len(found) >= many or process.poll() is not None

    until(enough)
    return found


def stopped(tree: Tree, tmp: Path, *words: str | Path, there: int) -> tuple[int, str]:
    """The exit code, and what is said, of a command stopped once it has so many processes."""
    process = subprocess.Popen(
        [sys.executable, halfgig(), *map(str, words)],
        env={**tree.environ, "TMPDIR": str(tmp)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        found = made(process, there)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    left = [its.pid for its in processes.every() if its.pid in found and not its.zombie]
    assert left == []
    assert groups(process.pid) == []
    return process.returncode, said


# As the service starts; as it starts what functions are made of; and once a function works.
@pytest.mark.parametrize("there", [1, 2, 3])
def test_bench(tree: Tree, say: Say, tmp: Path, there: int) -> None:
    words = ("bench", "echo", say("slow"), "--plan", "standard", "--clients", "3")
    assert stopped(tree, tmp, *words, there=there) == (130, "halfgig: stopped.\n")


@pytest.mark.parametrize("there", [1, 3])
def test_replay(tree: Tree, calls: Path, tmp: Path, there: int) -> None:
    words = ("replay", "all", "--from", calls, "--plan", "standard", "--times", "50")
    assert stopped(tree, tmp, *words, there=there) == (130, "halfgig: stopped.\n")


def test_a_service_that_is_killed_ends_the_measuring(tree: Tree, say: Say, tmp: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, halfgig(), "bench", "echo", str(say("slow")), "--plan", "standard"],
        env={**tree.environ, "TMPDIR": str(tmp)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        found = made(process, 3)
        os.kill(found[0], signal.SIGKILL)
        out, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (1, "")
    assert "halfgig: The service has ended, with exit code -9" in said
    assert groups(process.pid) == []
