"""`halfgig profile`, through its own door: real processes, in a tree that may be written to."""

import math
import re
import shutil
import statistics
import sys
from pathlib import Path

import pytest

from emulator import profile
from functions.kit import manifest
from tests.conftest import Say
from tests.tree import ROOT, Tree

FUNCTIONS = manifest.discover(ROOT / "functions")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="It reads Linux's /proc.")


@pytest.fixture
def mine(tmp_path: Path) -> Tree:
    """A tree of this test's own."""
    return Tree(tmp_path / "tree", ROOT / "tests" / "fourth" / "echo")


def unmeasured(text: str) -> str:
    return re.sub(r"(?m)^(\w+_mb) = \d+", r"\1", text)


def test_what_it_measures_is_written(mine: Tree, say: Say) -> None:
    folder = mine.root / "functions" / "echo"
    before = (folder / manifest.FILE).read_text()
    done = mine.halfgig("profile", "echo", say("eat"))
    assert done.returncode == 0, done.stderr
    after = manifest.load(folder)
    assert 15 < after.memory.idle_mb < 60
    assert after.memory.idle_mb + 80 < after.memory.peak_mb < 300
    assert after.tiers[0].memory_mb == after.memory.peak_mb
    assert unmeasured((folder / manifest.FILE).read_text()) == unmeasured(before)
    figures = f"{after.memory.idle_mb:g} MB idle, {after.memory.peak_mb:g} MB at its peak"
    first, head, row = done.stdout.splitlines()
    assert first == f"echo: {figures} (function.toml said 40 and 60)"
    assert head.split() == ["audio", "CPU", "s", "peak", "MB"]
    assert row.split()[0] == "none"


def test_a_dry_run_writes_nothing(mine: Tree, say: Say) -> None:
    path = mine.root / "functions" / "echo" / manifest.FILE
    before = path.read_bytes()
    assert mine.halfgig("profile", "echo", say("eat"), "--dry-run").returncode == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("words", ["refuse", "die"])
def test_nor_does_one_that_fails(mine: Tree, say: Say, words: str) -> None:
    path = mine.root / "functions" / "echo" / manifest.FILE
    before = path.read_bytes()
    done = mine.halfgig("profile", "echo", say(words))
    assert done.returncode == 1
    assert done.stderr.startswith("halfgig: 'echo' did not answer: ")
    assert path.read_bytes() == before


def test_without_a_file_it_is_the_clip_as_long_as_the_limits_allow(mine: Tree) -> None:
    shutil.copytree(ROOT / "demo", mine.root / "demo")
    path = mine.root / "functions" / "emotion" / manifest.FILE
    path.write_text(re.sub(r"(?m)^seconds = .*", "seconds = 90", path.read_text()))
    done = mine.halfgig("profile", "emotion")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[3:]]
    assert [row[0] for row in rows] == ["10", "30", "90"]
    after = manifest.load(path.parent)
    assert after.memory.peak_mb == after.tiers[0].memory_mb
    assert after.cpu_per_s == pytest.approx(float(rows[-1][2]) / 90, rel=0.1)


def test_files_of_ones_own(mine: Tree) -> None:
    shutil.copytree(ROOT / "demo", mine.root / "demo")
    clips = [mine.root / "demo" / name for name in ("speech.ogg", "robot.ogg")]
    done = mine.halfgig("profile", "emotion", *clips)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[3:]] == ["10.05", "10.05"]


def test_without_a_clip_it_asks_for_one(mine: Tree) -> None:
    done = mine.halfgig("profile", "echo")
    assert done.returncode == 1
    assert "halfgig profile echo FILE" in done.stderr


def test_a_name_that_is_wrong(mine: Tree) -> None:
    done = mine.halfgig("profile", "ecko")
    assert done.returncode == 1
    assert done.stderr == "halfgig: There is no function 'ecko'. Did you mean 'echo'?\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_memory_of_each_function_is_what_it_takes(name: str) -> None:
    its = profile.measure(FUNCTIONS[name], [], lambda _: None).memory
    assert FUNCTIONS[name].memory.idle_mb == pytest.approx(its.idle_mb, rel=0.1)
    assert FUNCTIONS[name].memory.peak_mb == pytest.approx(its.peak_mb, rel=0.1)


@pytest.mark.slow
def test_the_cpu_of_each_function_is_what_it_takes(tmp_path: Path) -> None:
    """To a quarter, and apart from how fast this machine is now: that is the same for all."""
    fresh = dict.fromkeys(FUNCTIONS, math.inf)
    for _ in range(3):  # By turns, so that whatever else runs costs all of them alike.
        for name, function in FUNCTIONS.items():
            path = tmp_path / f"{name}.wav"
            if not path.exists():
                profile.record(function, path, 300, lambda _: None)
            cpu_per_s = profile.measure(function, [path], lambda _: None).cpu_per_s
            assert cpu_per_s is not None
            fresh[name] = min(fresh[name], cpu_per_s)
    slower = {name: fresh[name] / function.cpu_per_s for name, function in FUNCTIONS.items()}
    machine = statistics.median(slower.values())
    assert slower == {name: pytest.approx(machine, rel=0.25) for name in FUNCTIONS}
