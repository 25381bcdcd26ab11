"""Cages of systemd's and docker's making, by doubles that make them as those would."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import cgroups
from emulator.cages import docker, ordered
from emulator.cages.cage import CageUnavailable
from emulator.cages.docker import Docker
from emulator.cages.groups import Groups
from emulator.cages.ordered import Ordered
from emulator.cages.systemd import SystemdRun

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KINDS = [SystemdRun, Docker]


class Double:
    """The doubles are on the PATH: what they were told, and what is wrong with them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch

    def fails(self, name: str) -> None:
        self._monkeypatch.setenv("DOUBLE_FAULT", name)

    @property
    def told(self) -> list[list[str]]:
        log = self._folder / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def check(self) -> None:
        """Is nothing left, a moment after? It is removed by others than those who end it."""
        deadline = time.monotonic() + 20
        while left := [*map(str, self._folder.glob("halfgig-*")), *groups()]:
            assert time.monotonic() < deadline, left
            time.sleep(0.02)


def groups() -> list[str]:
    """The control groups that are named after this process."""
    found = []
    for kind in ("memory", "cpu", "cpuacct"):
        if around := cgroups.own(kind):
            found += [path.name for path in around.folder.glob(f"*halfgig-{os.getpid()}-*")]
    return found


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Double:
    try:
        with Groups(64, 1.0):
            pass
    except CageUnavailable as error:
        pytest.skip(f"The doubles need control groups: {error}")
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("docker", "systemd-run"):
        command = commands / name
        command.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path[:0] = {[str(ROOT), str(HERE)]!r}\n"
            "import double\ndouble.main()\n"
        )
        command.chmod(0o755)
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOUBLE", str(state))
    return Double(state, monkeypatch)


def python(cage: Ordered, code: str, **options: Any) -> "subprocess.Popen[Any]":
    return cage.start([sys.executable, "-S", "-c", code], **options)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def cage(request: pytest.FixtureRequest, double: Double) -> Iterator[Ordered]:
    its: Ordered = request.param(512, 1.0)
    with its:
        yield its
    double.check()


def test_it_holds_to_the_plan(cage: Ordered) -> None:
    assert cage.enforces == "512 MB and 1 CPU, enforced by the kernel"
    assert cage.not_enforced == ()


def test_what_is_started_runs_inside_and_speaks(cage: Ordered) -> None:
    code = "import os; print(os.getpid(), flush=True); print(input())"
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with python(cage, code, **streams) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert cage.pids() == [pid]
        assert 1 < cage.read().memory_mb < 100
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert process.stdout.read() == "hello\n"
        assert process.wait() == 0


def test_its_environment_and_folder_are_the_ones_given(cage: Ordered, tmp_path: Path) -> None:
    code = "import os; print(os.environ['WORD'], os.getcwd())"
    environ = {**os.environ, "WORD": "said"}
    with python(cage, code, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as its:
        assert its.stdout is not None
        assert its.stdout.read() == f"said {tmp_path}\n"


def test_the_kernel_counts_and_ends_what_takes_more(cage: Ordered) -> None:
    code = "print(input()); bytes(600 * 2**20).replace(b'\\0', b'x')"
    with python(cage, code, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert cage.read().oom_kills == 0
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
        assert process.wait() in (-9, 256 - 9)


def test_what_still_runs_at_the_end_is_killed(cage: Ordered) -> None:
    with python(cage, "print('in', flush=True); input()", stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        cage.kill()
        assert process.wait() != 0
    assert cage.pids() == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
class TestKinds:
    """What is told, and what may be wrong."""

    def test_a_share_of_cpu_that_is_not_held_to_is_said(
        self, kind: type[Ordered], double: Double
    ) -> None:
        double.fails("no CPU")
        with kind(512, 0.1) as cage:
            assert cage.enforces == "512 MB, enforced by the kernel"
            assert cage.not_enforced == ("the share of 0.1 CPU",)

    def test_no_memory_limit_is_no_cage(self, kind: type[Ordered], double: Double) -> None:
        double.fails("no memory")
        with pytest.raises(CageUnavailable, match="does not hold to a memory limit here"):
            kind(512, 0.1).__enter__()
        double.check()

    def test_a_command_that_fails(self, kind: type[Ordered], double: Double) -> None:
        double.fails("fails")
        with pytest.raises(CageUnavailable, match=rf"{kind.kind}: It is not there today\."):
            kind(512, 0.1).__enter__()

    def test_a_command_that_never_answers(
        self, kind: type[Ordered], double: Double, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        double.fails("hangs")
        monkeypatch.setattr(docker, "PATIENCE_S", 0.2)
        monkeypatch.setattr(ordered, "PATIENCE_S", 0.2)
        with pytest.raises(CageUnavailable, match=r"(with|aft)in|after 0\.2 s"):
            kind(512, 0.1).__enter__()
        double.check()

    def test_no_such_command(
        self, kind: type[Ordered], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(CageUnavailable, match=f"There is no command '{kind.kind}'"):
            kind(512, 0.1).__enter__()


def test_what_systemd_is_told(double: Double) -> None:
    with SystemdRun(512, 0.29):
        pass
    command, *words = double.told[0]
    assert command == "systemd-run"
    assert ("--user" in words) == (os.geteuid() != 0)
    assert {"--scope", "MemoryMax=536870912", "MemorySwapMax=0", "CPUQuota=29%"} < set(words)


def test_what_docker_is_told(double: Double) -> None:
    with Docker(512, 0.1):
        pass
    told = double.told
    assert told[0][:2] == ["docker", "version"]
    assert told[1] == ["docker", "import", "-"]
    run = next(words for words in told if words[1] == "run")
    assert run[run.index("--memory") + 1] == run[run.index("--memory-swap") + 1] == "536870912"
    assert run[run.index("--cpus") + 1] == "0.1"
    assert "--volume=/usr:/usr" in run
    assert not any(word.startswith("--volume=/proc") for word in run)
    assert "--env=PATH" in run
    assert told[-1] == ["docker", "rmi", "--force", "sha256:image"]
