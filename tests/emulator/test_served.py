"""The service as the emulator runs it: told to reload, and to end, over its control channel."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, held, in_background, no_more, processes_of, running, until
from tests.tree import Tree, core, edit, says

OTHERS = {"DISABLE_BEATS": "1", "DISABLE_EMOTION": "1", "DISABLE_VOICE_DETECT": "1"}
COMMAND = (sys.executable, "-P", "-m", "emulator.served")


@pytest.fixture
def its(tree: Tree, tmp_path: Path) -> Tree:
    """A tree that may be changed."""
    return Tree(tmp_path / "tree", tree.root / "functions" / "echo")


@contextmanager
def served(tree: Tree, *options: str, **settings: str) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        start = partial(subprocess.Popen, stdin=subprocess.PIPE)
        command = (*COMMAND, *options)
        with running(tree.environ, Path(folder), start, command, OTHERS | settings) as it:
            assert it.process.stdin is not None
            with it.process.stdin:
                yield it
                it.stop()
        assert list(Path(folder).iterdir()) == []


def reload(it: Service, name: str = "echo") -> dict[str, Any]:
    """Tell it to, and wait for what it says."""
    since = len(it.lines)
    assert it.process.stdin is not None
    it.process.stdin.write(json.dumps({"reload": name}) + "\n")
    it.process.stdin.flush()
    return it.wait_for(lambda line: line["event"] in ("reloaded", "reload_failed"), since)


def test_an_idle_function_is_replaced(its: Tree) -> None:
    with served(its) as it:
        before = it.say("hello").json
        says(its, "new")
        assert it.say("hello").json == before
        assert reload(it)["event"] == "reloaded"
        after = it.say("hello").json
        assert after["words"] == ["new"]
        assert after["pid"] != before["pid"]
        assert it.event("stopped", function="echo")["why"] == "replaced"


def test_a_function_that_does_not_run_is_replaced_too(its: Tree) -> None:
    with served(its) as it:
        says(its, "new")
        assert reload(it) | {"time": ""} == {"time": "", "event": "reloaded", "function": "echo"}
        assert it.say("hello").json["words"] == ["new"]


def test_a_busy_function_ends_its_request_first(its: Tree) -> None:
    with served(its) as it:
        slow = in_background(lambda: it.say("slow"))
        it.wait_for(lambda line: line["event"] == "state" and _state(line) == "busy")
        says(its, "new")
        reload(it)
        next_ = in_background(lambda: it.say("hello"))
        assert slow().json["words"] == ["slow"]
        assert next_().json["words"] == ["new"]


def _state(line: dict[str, Any]) -> str:
    return str(line["functions"]["echo"]["state"])


def test_a_request_that_waits_for_the_start_gets_the_new_code(its: Tree) -> None:
    with served(its) as it:
        edit(core(its), "import os\n", "import os\nimport time\ntime.sleep(60)\n")
        waiting = in_background(lambda: it.say("hello"))
        it.wait_for(lambda line: line["event"] == "state" and _state(line) == "starting")
        edit(core(its), "time.sleep(60)\n", "")
        says(its, "new")
        reload(it)
        assert waiting().json["words"] == ["new"]
        it.event("started")
        assert [line["function"] for line in it.lines if line["event"] == "started"] == ["echo"]


def test_what_the_manifest_says_holds_from_then_on(its: Tree) -> None:
    manifest = its.root / "functions" / "echo" / "function.toml"
    with served(its) as it:
        assert it.say("much " * 20).status == 200
        text = manifest.read_text()
        begin = text.index("bytes = ")
        line = text[begin : text.index("\n", begin)]
        edit(manifest, line, "bytes = 50")
        edit(manifest, "timeout_s =", "timeout_s = 0.5 #")
        edit(manifest, 'summary = "', 'summary = "Anew. ')
        assert reload(it)["event"] == "reloaded"
        assert it.say("much " * 20).status == 413
        assert it.say("slow").json["reason"] == "timeout"
        [echo] = [
            each for each in it.ask("GET", "/functions").json["functions"] if each["name"] == "echo"
        ]
        assert echo["limits"]["bytes"] == 50
        assert echo["summary"].startswith("Anew.")
        assert "Anew." in it.ask("GET", "/openapi.json").body.decode()


def test_a_route_that_is_new(its: Tree) -> None:
    manifest = its.root / "functions" / "echo" / "function.toml"
    before = manifest.read_text()
    contract = (
        '\n[[contracts]]\nroute = "%s"\nlanguages = ["Tamil"]\nformats = ["mp3"]\n'
        'errors = "message"\nstatuses = [400, 503]\n'
    )
    with served(its) as it:
        assert it.ask("GET", "/old-echo").status == 404
        manifest.write_text(before + contract % "/old-echo")
        assert reload(it)["event"] == "reloaded"
        assert it.ask("GET", "/old-echo").status == 400
        manifest.write_text(before + contract % "/health-check")
        assert reload(it)["event"] == "reloaded"
        assert it.ask("GET", "/old-echo").status == 404
        manifest.write_text(before + contract % "/metrics")
        failed = reload(it)
        assert "'/metrics'" in failed["detail"]
        assert it.ask("GET", "/health-check").status == 400


def test_a_manifest_that_can_not_be_used_changes_nothing(its: Tree) -> None:
    with served(its) as it:
        pid = it.say("hello").json["pid"]
        (its.root / "functions" / "echo" / "function.toml").write_text("name = \n")
        failed = reload(it)
        assert (failed["event"], failed["function"]) == ("reload_failed", "echo")
        assert "line 1" in failed["detail"]
        assert it.say("hello").json["pid"] == pid


def test_a_function_that_is_switched_off_stays_so(its: Tree) -> None:
    with served(its) as it:
        assert reload(it, "beats")["event"] == "reloaded"
        assert it.ask("POST", "/beats").json["reason"] == "disabled"


def test_code_that_does_not_start_is_told_of_and_the_next_is_tried_at_once(its: Tree) -> None:
    before = core(its).read_text()
    with served(its) as it:
        core(its).write_text("import os_that_is_not_there\n")
        reload(it)
        refused = it.say("hello")
        assert (refused.status, refused.json["reason"]) == (503, "start_failed")
        assert "os_that_is_not_there" in refused.json["detail"]
        core(its).write_text(before)
        reload(it)
        assert it.say("hello").json["words"] == ["hello"]


@pytest.mark.parametrize(
    "times", [20, pytest.param(100, marks=pytest.mark.slow, id="a hundred times")]
)
def test_reloading_leaks_nothing(its: Tree, times: int) -> None:
    with served(its) as it:
        echo = it.say("hello").json["pid"]
        folder = sorted(path.name for path in it.folder.rglob("*"))
        before = held(it.process.pid, echo)
        for number in range(times):
            words = "x" * (number + 1)  # Of another length: a .pyc knows it by that.
            says(its, words)
            reload(it)
            answer = it.say("hello").json
            assert answer["words"] == [words]
            echo = answer["pid"]
        until(lambda: no_more(held(it.process.pid, echo), before))
        assert sorted(path.name for path in it.folder.rglob("*")) == folder


def test_its_state_is_told_of_when_it_changes(its: Tree) -> None:
    with served(its) as it:
        it.say("slow")
        it.wait_for(lambda line: line["event"] == "state" and _state(line) == "ready")
        states = [_state(line) for line in it.lines if line["event"] == "state"]
        assert states == ["stopped", "starting", "busy", "ready"] or states == [
            "stopped",
            "busy",
            "ready",
        ]
        said = len(it.lines)
        assert it.health()["status"] == "ok"
        assert len(it.lines) == said


def test_it_ends_with_who_started_it(its: Tree) -> None:
    with served(its) as it:
        it.say("hello")
        inside = processes_of(it.process.pid)
        assert it.process.stdin is not None
        it.process.stdin.close()
        assert it.process.wait(60) == 0
        assert it.event("ended")
        assert not [pid for pid in inside if Path(f"/proc/{pid}").exists()]


def test_a_broken_manifest_does_not_hinder_the_others(its: Tree) -> None:
    manifest = its.root / "functions" / "emotion" / "function.toml"
    edit(manifest, "timeout_s = 300", 'timeout_s = "long"')
    with served(its) as it:
        broken = it.event("broken", function="emotion")
        assert broken["text"] == 'timeout_s = "long"'
        assert broken["file"] == "functions/emotion/function.toml"
        assert manifest.read_text().splitlines()[broken["line"] - 1] == broken["text"]
        assert broken["detail"] == "'timeout_s' is 'long'. It must be a number."
        assert it.say("hello").status == 200
        assert it.ask("POST", "/emotion").status == 404


def test_without_a_plan_there_is_all_the_machine_has(its: Tree) -> None:
    with served(its, "--no-plan", PLAN="nonsense") as it:
        state = it.event("state")
        assert state["limit_mb"] > 1000


def test_what_will_not_do_is_said(its: Tree, tmp_path: Path) -> None:
    def ended(*options: str, **settings: str) -> str:
        done = subprocess.run(
            [*COMMAND, *options],
            env=its.environ | {"PORT": "0"} | settings,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        return done.stderr

    assert ended(PLAN="huge").startswith("halfgig: PLAN is 'huge'.")
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in ended("--record", str(tmp_path / "file"))
