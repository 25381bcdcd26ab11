"""`halfgig logs`, of emulators that run."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulator import locator
from emulator.journal import Journal
from tests import service
from tests.service import Service
from tests.tree import Tree, halfgig


@pytest.fixture(autouse=True)
def tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where running emulators are told of; nothing may be left there."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", "")
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


@contextmanager
def emulator(tree: Tree, tmp: Path) -> Iterator[Service]:
    command = (sys.executable, halfgig(), "start", "echo", "--plan", "none", "--json")
    with service.running(tree.environ, tmp, command=command) as its:
        yield its


@contextmanager
def logged(port: int) -> Iterator[Journal]:
    """What looks as an emulator at `port`: this process."""
    url = f"http://127.0.0.1:{port}"
    with (
        locator.place() as path,
        Journal(path) as journal,
        locator.announced(path, url, "free", ["beats", "echo"]),
    ):
        yield journal


def line(event: str, **fields: object) -> dict[str, object]:
    return {"time": "2026-11-21T17:01:02.345Z", "event": event, **fields}


def test_what_it_has_logged_and_what_it_goes_on_to_log(tree: Tree, tmp: Path) -> None:
    with emulator(tree, tmp) as its:
        its.say("hello")
        its.event("report")
        (report,) = [
            shown
            for shown in tree.halfgig("logs", "echo").stdout.splitlines()
            if "REPORT fn=echo start=cold" in shown
        ]
        assert report[2:3] == report[5:6] == ":"
        with subprocess.Popen(
            [sys.executable, halfgig(), "logs", "--follow", "--json"],
            env=tree.environ,
            stdout=subprocess.PIPE,
            text=True,
        ) as follower:
            assert follower.stdout is not None
            seen = [json.loads(follower.stdout.readline())["event"]]
            while seen[-1] != "report":
                seen.append(json.loads(follower.stdout.readline())["event"])
            its.say("hello again")
            while seen.count("report") < 2:
                seen.append(json.loads(follower.stdout.readline())["event"])
            its.stop()
            follower.communicate(timeout=service.PATIENCE_S)
            assert follower.returncode == 0
    assert tree.halfgig("logs").stderr == (
        "halfgig: No emulator of yours is running here: halfgig start\n"
    )


def test_of_one_function(tree: Tree) -> None:
    with logged(1) as journal:
        journal(line("started", function="echo", init_s=0.2))
        journal(line("started", function="beats", init_s=0.3))
        journal(line("stderr", text="What was it?"))
        done = tree.halfgig("logs", "echo")
        assert done.stdout == "17:01:02  echo started in 0.20 s.\n"
        everything = tree.halfgig("logs").stdout
        assert "beats started" in everything
        assert "What was it?" in everything
        assert len(tree.halfgig("logs", "--json").stdout.splitlines()) == 3


def test_what_has_several_lines_is_set_off(tree: Tree) -> None:
    with logged(1) as journal:
        journal(line("verdict", function="echo", lines=["It was too much.", "Give it less."]))
        done = tree.halfgig("logs", "echo")
    assert done.stdout == "17:01:02  It was too much.\n          Give it less.\n"


def test_a_function_that_is_misspelt(tree: Tree) -> None:
    done = tree.halfgig("logs", "ecko")
    assert done.returncode == 1
    assert done.stderr == "halfgig: There is no function 'ecko'. Did you mean 'echo'?\n"


def test_of_several_emulators_it_is_the_last_or_the_one_at_a_port(tree: Tree, tmp: Path) -> None:
    with emulator(tree, tmp) as its, logged(1) as journal:
        journal(line("restarting"))
        assert "anew" in tree.halfgig("logs").stdout
        there = tree.halfgig("logs", "--json", "--port", str(its.port)).stdout
        assert json.loads(there.splitlines()[0])["event"] == "cage"
        done = tree.halfgig("logs", "--port", "2")
        assert done.returncode == 1
        assert done.stderr == (
            "halfgig: No emulator of yours is at port 2. There are: "
            f"http://127.0.0.1:{its.port}, http://127.0.0.1:1.\n"
        )


def test_what_a_dead_one_left_is_not_taken_for_it(tree: Tree, tmp: Path) -> None:
    folder = tmp / f"halfgig-{os.getuid()}"
    folder.mkdir(mode=0o700)
    fields = {"pid": 1, "began": "0", "url": "http://here:1", "plan": "free", "functions": []}
    (folder / "1.json").write_text(json.dumps(fields))
    (folder / "1.log").write_text("")
    assert tree.halfgig("logs").returncode == 1
    assert not folder.exists()
