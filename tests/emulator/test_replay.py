"""`halfgig replay`: calls that were kept, made again through a real service."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import recordings
from emulator.cages import CageUnavailable
from emulator.cages.groups import Groups
from emulator.recordings import RecordingError
from emulator.replay import functions_of
from tests import service
from tests.emulator.test_record import recorded
from tests.tree import Tree, halfgig

WORDS = ("hello there", "refuse", "die")


@pytest.fixture(scope="module")
def folder(tree: Tree) -> Iterator[Path]:
    """Where calls were kept: of `WORDS`, a stream of events, and one of several functions."""
    with tempfile.TemporaryDirectory(prefix="hg", dir="/tmp") as name:
        with recorded(tree, Path(name)) as running:
            for words in WORDS:
                running.say(words, X_Request_ID=words)
                running.event("recorded", request_id=words)
            assert list(running.events("events"))
            running.ask("POST", "/analyze?functions=echo", "many", X_Request_ID="many")
            running.event("recorded", request_id="many")
        yield Path(name) / "kept"


def replay(tree: Tree, *args: str | Path) -> "subprocess.CompletedProcess[str]":
    return tree.halfgig("replay", *args)


def lines(done: "subprocess.CompletedProcess[str]") -> list[Any]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_all_answer_as_they_did(tree: Tree, folder: Path) -> None:
    done = replay(tree, "all", "--from", folder, "--plan", "none", "--ignore", "pid", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    hello, refuse, die, events, many = lines(done)
    assert all(each["same"] for each in (hello, refuse, die, events))
    assert hello["recording"].endswith("-echo-hello-there")
    assert [run["status"] for run in hello["runs"]] == [200]
    assert refuse["runs"][0]["status"] == refuse["status"] == 422
    assert die["runs"][0]["status"] == die["status"] == 502
    assert die["runs"][0]["reports"] == []
    # What is said of one function is at its own place among those of several.
    assert [each["path"] for each in many["runs"][0]["differences"]] == ["results.echo.pid"]


def test_a_cold_call_is_cold_again_and_a_warm_one_warm(tree: Tree, folder: Path) -> None:
    done = replay(tree, "all", "--from", folder, "--plan", "none", "--json")
    for call in lines(done):
        before = [report["start"] for report in call["reports"]]
        after = [report["start"] for report in call["runs"][0]["reports"]]
        assert before == after


def test_cold_and_often(tree: Tree, folder: Path) -> None:
    options = ("--plan", "none", "--cold", "--times", "3", "--json")
    (many,) = lines(replay(tree, "many", "--from", folder, *options))
    reports = [report for run in many["runs"] for report in run["reports"]]
    assert [report["start"] for report in reports] == ["cold"] * 3
    pids = {run["differences"][0]["new"] for run in many["runs"]}
    assert len(pids) == 3


def test_a_changed_line_is_seen(tree: Tree, folder: Path, tmp_path: Path) -> None:
    changed = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    core = changed.root / "functions" / "echo" / "core.py"
    text = core.read_text()
    core.write_text(text.replace("Echo(words,", "Echo([*words, 'more'],"))
    assert core.read_text() != text
    done = replay(
        changed,
        "hello-there",
        "--from",
        folder,
        "--plan",
        "none",
        "--ignore",
        "pid",
        "--times",
        "2",
    )
    assert done.returncode == 1
    first, second, *_ = done.stdout.split("\n\n")
    assert "Numbers are the same within 0.01 %." in first
    assert "POST /echo, 11 bytes" in second
    assert 'The answer differs in 2 of 2 runs:\n    words[2]: nothing -> "more"' in second
    assert "median of 2" in second
    assert done.stdout.endswith("1 call, 1 of them answered otherwise than recorded.\n")


def test_it_says_what_it_took_in_the_cage_of_a_plan(tree: Tree, folder: Path) -> None:
    try:
        with Groups(64, 0.5):
            pass
    except CageUnavailable as error:
        pytest.skip(f"No control group here: {error}")
    options = ("--plan", "starter", "--ignore", "pid")
    done = replay(tree, "hello-there", "--from", folder, *options)
    assert done.returncode == 0, done.stderr
    first, call, last = done.stdout.split("\n\n")
    assert first.startswith("starter: 512 MB and 0.5 CPU, enforced by the kernel\n")
    rows = {line[:16].strip(): line[16:].split() for line in call.splitlines()[3:]}
    assert set(rows) == {"echo", "CPU", "peak memory", "duration", "start"}
    assert rows["peak memory"][1] == rows["peak memory"][3] == "MB"
    assert last == "1 call, answered as recorded.\n"


def test_what_start_keeps_can_be_replayed(tree: Tree, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    command = [sys.executable, halfgig(), "start", "echo", "--json", "--plan", "none"]
    with (
        tempfile.TemporaryDirectory(prefix="hg", dir="/tmp") as name,
        service.running(
            tree.environ,
            Path(name),
            command=[*command, "--record", str(kept)],
            settings={"XDG_RUNTIME_DIR": ""},
        ) as running,
    ):
        assert running.say("hello").status == 200
        running.event("recorded")
        running.stop()
    (call,) = lines(replay(tree, "all", "--from", kept, "--plan", "none", "--json"))
    assert [each["path"] for each in call["runs"][0]["differences"]] == ["pid"]


def test_a_recording_that_is_damaged_stops_no_other(
    tree: Tree, folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "kept"
    shutil.copytree(folder, copy)
    first, second, *rest = sorted(copy.iterdir())
    (first / "request.json").write_text("{")
    (second / "body").unlink()
    for path in rest[1:]:
        shutil.rmtree(path)
    done = replay(tree, "all", "--from", copy, "--plan", "none", "--json")
    assert done.returncode == 1
    assert [line["recording"] for line in lines(done)] == [rest[0].name]
    damaged, unread = done.stderr.splitlines()
    assert f"The recording '{first.name}' is damaged" in damaged
    assert f"'{second.name}' cannot be read: body: No such file or directory." in unread


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("echo", "is a part of 4 recordings' names"),
        ("hello-their", "Did you mean 'hello-there'?"),
        ("no such thing at all", "The last one is '"),
    ],
)
def test_what_is_not_there(folder: Path, id: str, says: str) -> None:
    with pytest.raises(RecordingError) as raised:
        recordings.chosen(folder, id)
    assert says in str(raised.value)


def test_a_folder_without_recordings(tree: Tree, tmp_path: Path) -> None:
    done = replay(tree, "all", "--from", tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"halfgig: There is nothing recorded in '{tmp_path}'. `halfgig start --record {tmp_path}` "
        "keeps every call that comes while it runs.\n"
    )


def test_only_the_functions_that_were_called_are_served(folder: Path, tmp_path: Path) -> None:
    die = recordings.load(folder / recordings.chosen(folder, "die")[0])
    assert die.reports == []
    assert functions_of([die]) == []  # Here is no echo, and the path may be anyone's.
    beats = tmp_path / "beats"
    shutil.copytree(die.folder, beats)
    request = json.loads((beats / "request.json").read_text())
    (beats / "request.json").write_text(json.dumps(request | {"path": "/beats"}))
    contract = tmp_path / "contract"
    shutil.copytree(beats, contract)
    (contract / "request.json").write_text(json.dumps(request | {"path": "/detect"}))
    its = [recordings.load(beats), recordings.load(contract)]
    assert functions_of(its) == ["beats", "voice_detect"]
