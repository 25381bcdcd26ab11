"""Hot reload as a whole: `halfgig start`, files that are saved, and answers."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service import Service, held, no_more, running, until
from tests.tree import Tree, core, edit, halfgig, says

OTHERS = {"DISABLE_BEATS": "1", "DISABLE_EMOTION": "1", "DISABLE_VOICE_DETECT": "1"}


@pytest.fixture
def its(tree: Tree, tmp_path: Path) -> Tree:
    """A tree that may be changed."""
    return Tree(tmp_path / "tree", tree.root / "functions" / "echo")


@contextmanager
def started(tree: Tree) -> Iterator[Service]:
    command = (sys.executable, halfgig(), "start", "--plan", "none", "--json")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        with running(tree.environ, Path(folder), command=command, settings=OTHERS) as it:
            yield it
            assert it.stop() == 0
        assert list(Path(folder).iterdir()) == []


def test_what_is_saved_is_what_answers(its: Tree) -> None:
    with started(its) as it:
        for number in range(3):  # As long as the one before, and maybe within its second.
            since = len(it.lines)
            says(its, f"{number}")
            it.event("reloaded", since, function="echo")
            assert it.say("hello").json["words"] == [f"{number}"]


def test_a_syntax_error_is_told_and_the_old_code_goes_on(its: Tree) -> None:
    good = core(its).read_text()
    with started(its) as it:
        edit(core(its), "def steps(", "def steps(:")
        broken = it.event("broken", function="echo")
        assert broken["file"] == "functions/echo/core.py"
        assert broken["text"].startswith("def steps(:")
        assert good.splitlines()[broken["line"] - 1].startswith("def steps(")
        # Even though there was no process yet.
        assert it.say("hello").json["words"] == ["hello"]
        assert it.say("leave").json["reason"] == "died"
        assert it.say("hello again").json["words"] == ["hello", "again"]
        core(its).write_text(good)
        it.event("reloaded", function="echo")
        assert it.say("hello").json["words"] == ["hello"]


def test_a_manifest_that_can_not_be_used_is_told_and_the_old_goes_on(its: Tree) -> None:
    manifest = its.root / "functions" / "echo" / "function.toml"
    with started(its) as it:
        edit(manifest, "timeout_s = ", "timeout_s = = ")
        broken = it.event("broken", function="echo")
        assert broken["text"].startswith("timeout_s = = ")
        assert it.say("hello").json["words"] == ["hello"]
        edit(manifest, "timeout_s = = ", "timeout_s = ")
        it.event("reloaded", function="echo")
        assert it.say("hello").json["words"] == ["hello"]


def test_the_kit_restarts_the_service_at_its_port(its: Tree) -> None:
    steps = its.root / "functions" / "kit" / "steps.py"
    with started(its) as it:
        first = it.event("listening")
        before = it.say("hello").json["pid"]
        since = len(it.lines)
        steps.write_text(steps.read_text() + "\n# And a line.\n")
        it.event("restarting", since)
        second = it.event("listening", since)
        assert second["port"] == first["port"]
        assert second["pid"] != first["pid"]
        assert not Path(f"/proc/{first['pid']}").exists()
        assert it.say("hello").json["pid"] != before


def test_a_function_that_was_dropped_in_is_served(its: Tree) -> None:
    with started(its) as it:
        folder = its.root / "functions" / "parrot"
        folder.mkdir()
        for path in (its.root / "functions" / "echo").glob("*.*"):
            text = path.read_text().replace("functions.echo", "functions.parrot")
            (folder / path.name).write_text(text.replace('name = "echo"', 'name = "parrot"'))
        it.event("restarting")
        it.wait_for(lambda line: "parrot" in line.get("files", []) or line["event"] == "ended")
        it.event("listening", it.lines.index(it.event("restarting")))
        assert it.say("hello", "/parrot").json["words"] == ["hello"]


def test_a_traceback_names_the_file_that_people_work_in(its: Tree) -> None:
    with started(its) as it:
        assert it.say("crash").status == 500
        it.wait_for(
            lambda line: line["event"] == "stderr" and f'File "{core(its)}"' in line["text"]
        )
        assert not [line for line in it.lines if "/code/functions/" in str(line.get("text"))]


@pytest.mark.parametrize(
    "times", [10, pytest.param(100, marks=pytest.mark.slow, id="a hundred times")]
)
def test_saving_leaks_nothing(its: Tree, times: int) -> None:
    with started(its) as it:

        def files() -> list[str]:
            return sorted(str(path) for path in it.folder.rglob("*"))

        echo = it.say("hello").json["pid"]
        there, before = files(), held(it.process.pid, echo)
        for number in range(times):
            since = len(it.lines)
            says(its, f"{number}")
            it.event("reloaded", since, function="echo")
            answer = it.say("hello").json
            assert answer["words"] == [f"{number}"]
            echo = answer["pid"]
        until(lambda: no_more(held(it.process.pid, echo), before))
        assert files() == there
