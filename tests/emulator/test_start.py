"""`halfgig start`, as the command that it is: with real signals, ports and processes."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy import cgroups
from emulator import processes
from tests.service import PATIENCE_S, Service, end, in_background, processes_of, until
from tests.tree import Tree, halfgig


class Emulator(Service):
    """One that runs."""

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, list[str]]:
        """Wait for its end: its exit code, and all events."""
        code = self.process.wait(PATIENCE_S)
        self.event("end of log")
        return code, [line["event"] for line in self.lines]


@pytest.fixture
def tmp() -> Iterator[Path]:
    """The folder for its temporary files, in which nothing may be left."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


@contextmanager
def process(
    tree: Tree, tmp: Path, *words: str, **settings: str
) -> Iterator["subprocess.Popen[str]"]:
    """`halfgig start` with these words; nothing of it may be left."""
    environ = {**tree.environ, "TMPDIR": str(tmp), "XDG_RUNTIME_DIR": "", **settings}
    command = [sys.executable, halfgig(), "start", "--json", "--port", "0", *words]
    pipe = subprocess.PIPE
    its = subprocess.Popen(
        command, env=environ, cwd=tree.root.parent, stdout=pipe, stderr=pipe, text=True
    )
    found = set[int]()
    with its:
        try:
            yield its
            found.update(processes_of(its.pid))
        finally:
            end(its)
    assert [pid for pid in found if processes.began(pid)] == []
    assert groups(its.pid) == []


@contextmanager
def started(tree: Tree, tmp: Path, *words: str, **settings: str) -> Iterator[Emulator]:
    """An emulator of `echo`, once it listens."""
    plan = () if "--plan" in words else ("--plan", "standard")
    with process(tree, tmp, "echo", *plan, *words, **settings) as its:
        yield Emulator(its, tmp)


def groups(pid: int) -> list[Path]:
    """The control groups that were made by this process."""
    owned = [cgroups.own(kind) for kind in ("memory", "cpu", "cpuacct")]
    folders = [group.folder for group in owned if group]
    return [path for folder in folders for path in folder.glob(f"halfgig-{pid}-*")]


def refused(tree: Tree, *words: str, **settings: str) -> str:
    """What it says on standard error, and does not start."""
    done = subprocess.run(
        [sys.executable, halfgig(), "start", *words],
        env={**tree.environ, **settings},
        cwd=tree.root.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    return done.stderr


def test_it_answers_and_ctrl_c_ends_it(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp) as it:
        assert it.say("hello there").json["words"] == ["hello", "there"]
        assert it.event("report")["mem_limit_mb"] == 2048
        it.interrupt()
        code, events = it.end()
    assert code == 0
    assert events[0] == "cage"
    assert "draining" in events
    assert events[-3:] == ["ended", "exit", "end of log"]


def test_the_first_line_says_what_holds(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp, "--plan", "lambda-512") as it:
        cage = it.event("cage")
        assert cage["plan"] == "lambda-512"
        assert "512 MB" in cage["enforces"]
        by_kernel = bool(groups(it.process.pid))
        assert cage["kind"].startswith("control groups") == by_kernel
        assert cage["not_enforced"] == [] or not by_kernel


def test_only_the_functions_that_are_named(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp) as it:
        assert it.health()["functions"]["beats"]["state"] == "disabled"
        assert it.ask("POST", "/beats", b"").status == 404


def test_a_function_that_takes_more_than_the_plan_has_dies(tree: Tree, tmp: Path) -> None:
    settings = {"MEMORY_WATCH": "0"}  # So that it is only the cage that ends it.
    with started(tree, tmp, "--plan", "cloudrun-512", **settings) as it:
        answer = it.say("gorge")
        assert answer.status == 502
        stopped = it.event("stopped")
        assert 300 < stopped["mem_peak_mb"] < 512
        assert it.say("hello").status == 200
        if groups(it.process.pid):
            assert answer.json["reason"] == stopped["why"] == "memory"


def test_what_runs_may_end(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp) as it:
        end = tmp / "end"
        waits = in_background(lambda: it.say(f"wait={end}"))
        until(lambda: it.state() == "busy")
        it.interrupt()
        it.event("draining")
        end.touch()
        assert waits().json["words"] == [f"wait={end}"]
        end.unlink()
        assert it.end()[0] == 0


def hung(it: Emulator) -> None:
    with contextlib.suppress(OSError):
        it.say("hang")


def test_a_second_ctrl_c_ends_it_at_once(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp) as it:
        in_background(lambda: hung(it))
        until(lambda: it.state() == "busy")
        it.interrupt()
        it.event("draining")
        it.interrupt()
        code, events = it.end()
    assert code == 128 + signal.SIGINT
    assert "ended" not in events


MOMENTS: dict[str, Callable[[Path, int], Any]] = {
    "journal": lambda tmp, pid: list(tmp.glob("halfgig-*/*.log")),
    "folder": lambda tmp, pid: len(list(tmp.glob("halfgig-*"))) > 1,
    "process": lambda tmp, pid: processes_of(pid),
    "spool": lambda tmp, pid: list(tmp.glob("halfgig-*/halfgig-*")),
    "template": lambda tmp, pid: len(processes_of(pid)) > 1,
}
"""Marks of how far it is."""


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_ctrl_c_as_it_starts(tree: Tree, tmp: Path, moment: Callable[[Path, int], Any]) -> None:
    with process(tree, tmp, "echo", "--plan", "standard") as its:
        until(lambda: moment(tmp, its.pid))
        its.send_signal(signal.SIGINT)
        _, errors = its.communicate(timeout=PATIENCE_S)
        assert its.returncode in (0, 128 + signal.SIGINT)
        assert errors == ""


def test_a_service_that_ends_by_itself(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp) as it:
        os.kill(it.event("listening")["pid"], signal.SIGKILL)
        assert it.end()[0] == 1
        assert it.process.stderr is not None
        assert it.process.stderr.read() == "halfgig: The service was ended by SIGKILL.\n"


def test_an_emulator_that_is_killed_leaves_no_process(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp) as it:
        assert it.say("hello").status == 200
        its = processes_of(it.process.pid)
        assert len(its) >= 3
        it.process.kill()
        it.process.wait()
        until(lambda: not any(processes.began(pid) for pid in its))
        with started(tree, tmp) as other:  # It removes what the dead one has left.
            assert other.say("hello").status == 200
            assert groups(it.process.pid) == []


def test_a_port_that_is_taken(tree: Tree) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(tree, "echo", "--port", str(port))
    assert said.startswith(f"halfgig: Port {port} is taken by process {os.getpid()} (")
    assert said.endswith(" is free: --port " + said.split()[-1] + "\n")
    assert int(said.split()[-1]) > port


def test_two_at_once_and_the_second_says_who_has_the_port(tree: Tree, tmp: Path) -> None:
    with started(tree, tmp) as one, started(tree, tmp) as other:
        assert one.say("hello").status == other.say("hello").status == 200
        said = refused(tree, "--port", str(one.port))
        assert "emulator.served" in said
        assert len(list(tmp.glob("halfgig-*/*.json"))) == 2
        other.interrupt()
        other.end()
        assert one.say("hello").status == 200


def test_a_stale_locator_is_in_nobodys_way(tree: Tree, tmp: Path) -> None:
    folder = tmp / f"halfgig-{os.getuid()}"
    folder.mkdir(mode=0o700)
    fields = {"pid": 2**22 + 1, "began": "1", "url": "", "plan": "free", "functions": []}
    stale = folder / f"{fields['pid']}.json"
    stale.write_text(json.dumps(fields))
    with started(tree, tmp) as it:
        assert it.say("hello").status == 200
    assert not stale.exists()


def test_a_long_path_for_temporary_files(tree: Tree, tmp: Path) -> None:
    long = tmp / ("long" * 12)
    long.mkdir()
    with started(tree, long) as it:
        assert it.say("hello").status == 200
    long.rmdir()


@pytest.mark.parametrize("name", ["ecko", "nothing"])
def test_a_function_that_there_is_not(tree: Tree, name: str) -> None:
    said = refused(tree, name)
    assert said.startswith(f"halfgig: There is no function '{name}'. ")
    assert ("Did you mean 'echo'?" in said) == (name == "ecko")


def test_a_broken_manifest_is_told_and_the_others_start(tree: Tree, tmp: Path) -> None:
    folder = tree.root / "functions" / "broken"
    shutil.copytree(tree.root / "functions" / "echo", folder)
    manifest = folder / "function.toml"
    manifest.write_text(manifest.read_text().replace("timeout_s = 60", 'timeout_s = "60"'))
    line = manifest.read_text().splitlines().index('timeout_s = "60"') + 1
    try:
        with started(tree, tmp) as it:
            assert it.say("hello").status == 200
            told = it.event("broken", function="broken")
            assert told["line"] == line
            assert "timeout_s" in told["detail"]
        said = refused(tree, "broken")
        assert said.startswith(f"halfgig: functions/broken/function.toml, line {line}: 'timeout_s'")
    finally:
        shutil.rmtree(folder)


def test_a_setting_that_will_not_do(tree: Tree) -> None:
    said = refused(tree, "echo", "--port", "0", "--plan", "standard", QUEUE_LENGTH="many")
    assert said == "halfgig: QUEUE_LENGTH is 'many'. It must be a whole number.\n"


def test_a_port_that_is_none(tree: Tree) -> None:
    said = refused(tree, "echo", PORT="http")
    assert said == "halfgig: PORT is 'http'. It must be a port, from 0 to 65535.\n"


def test_a_plan_that_there_is_not(tree: Tree) -> None:
    said = refused(tree, "--plan", "huge")
    assert "free" in said
    assert "lambda-512" in said
