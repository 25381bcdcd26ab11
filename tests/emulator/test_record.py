"""Calls are kept as they pass through the service: a real one, with real processes."""

import functools
import http.client
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator import record
from tests import service
from tests.service import Service
from tests.tree import Tree

KEPT = ["answer", "answer.json", "body", "report.json", "request.json"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one, as sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="hg", dir="/tmp") as name:
        yield Path(name)


@contextmanager
def recorded(tree: Tree, folder: Path, **settings: str) -> Iterator[Service]:
    """The service, whose calls are kept in `folder/kept`."""
    command = [sys.executable, "-P", "-m", "emulator.served", "--record", str(folder / "kept")]
    start = functools.partial(subprocess.Popen, stdin=subprocess.PIPE)
    files = folder / "files"
    with service.running(tree.environ, files, start, command, settings) as running:
        assert running.process.stdin is not None
        with running.process.stdin:
            yield running


def lost(running: Service) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        running.say("hang")


def calls(folder: Path) -> Sequence[Path]:
    """What is kept, oldest first."""
    return sorted((folder / "kept").iterdir())


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_a_call_is_kept_as_it_was(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        answer = running.say("hello there", X_Request_ID="the first")
        line = running.event("recorded", request_id="the first")
        report = running.event("report", request_id="the first")
    (call,) = calls(folder)
    assert line["folder"] == call.name
    assert call.name.endswith("Z-echo-the-first")
    assert sorted(path.name for path in call.iterdir()) == KEPT
    request = read(call / "request.json")
    assert (request["method"], request["path"], request["query"]) == ("POST", "/echo", "")
    assert ["content-type", "text/plain"] in request["headers"]
    assert (call / "body").read_bytes() == b"hello there"
    assert (call / "answer").read_bytes() == answer.body
    head = read(call / "answer.json")
    assert head["status"] == 200
    assert dict(head["headers"])["server-timing"] == answer.headers["server-timing"]
    (its,) = read(call / "report.json")
    assert its == {key: report[key] for key in report if key not in ("time", "event")}


def test_no_one_else_may_read_it_and_no_key_is_in_it(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder, API_KEYS="a-secret") as running:
        assert running.say("hello").status == 401
        secrets = {"x_api_key": "a-secret", "Cookie": "a-secret", "Authorization": "a-secret"}
        assert running.say("hello", **secrets).status == 200
        running.event("recorded")
    (call,) = calls(folder)
    for path in (call.parent, call):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert all(b"a-secret" not in path.read_bytes() for path in call.iterdir())


def test_an_answer_that_streams(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        last = [data for name, data in running.events("slow") if name == "result"]
        running.event("recorded")
    (call,) = calls(folder)
    text = (call / "answer").read_text()
    assert text.count("event: progress") >= 2
    assert json.dumps(last[0]["words"]) in text
    assert len(read(call / "report.json")) == 1


def test_a_large_body_is_whole(tree: Tree, folder: Path) -> None:
    # The silence of a second, of which the function makes nothing: it is no words.
    body = bytes(4_000)
    with recorded(tree, folder) as running:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        parts = (body[at : at + 100] for at in range(0, len(body), 100))
        connection.request("POST", "/echo", parts, encode_chunked=True)
        connection.getresponse().read()
        connection.close()
        running.event("recorded")
    (call,) = calls(folder)
    assert (call / "body").read_bytes() == body


def test_several_functions_at_once_have_a_report_each(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        running.ask("POST", "/analyze?functions=echo,beats", "no song", Content_Type="audio/wav")
        running.event("recorded")
    (call,) = calls(folder)
    assert "-analyze-" in call.name
    assert read(call / "request.json")["query"] == "functions=echo,beats"
    assert {each["function"] for each in read(call / "report.json")} == {"echo", "beats"}


def test_a_call_that_cost_its_process_is_kept(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        assert running.say("die").status == 502
        running.event("recorded")
    (call,) = calls(folder)
    assert read(call / "report.json") == []
    assert read(call / "answer.json")["status"] == 502
    assert "echo" in call.name


def test_a_refusal_of_the_function_is_kept_and_one_at_the_door_is_not(
    tree: Tree, folder: Path
) -> None:
    with recorded(tree, folder) as running:
        assert running.say("hello", "/ekko").status == 404
        assert running.say("x" * 6_000).status == 413
        assert running.ask("GET", "/health").status == 200
        assert running.say("refuse").status == 422
        running.event("recorded")
    (call,) = calls(folder)
    assert read(call / "report.json")[0]["status"] == 422


def test_a_client_that_leaves_has_nothing_kept(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        events = running.events("slow")
        assert any(name == "progress" for name, _ in events)
        events.close()
        running.event("report", status=499)
        running.say("hello")
        running.event("recorded")
    assert len(calls(folder)) == 1


def test_calls_under_one_name_are_apart(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        for word in ("one", "two"):
            assert running.say(word, X_Request_ID="../same/..").status == 200
            running.event("recorded")
    bodies = {(call / "body").read_bytes() for call in calls(folder)}
    assert bodies == {b"one", b"two"}
    assert sorted(path.name for path in folder.iterdir()) == ["files", "kept"]


def test_a_disk_that_refuses_costs_no_call(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        shutil.rmtree(folder / "kept")
        assert running.say("hello").json["words"] == ["hello"]
        line = running.event("record_failed")
    assert line["detail"].endswith("No such file or directory.")


def test_a_folder_that_is_full_is_said_once_and_costs_no_call(tree: Tree, folder: Path) -> None:
    old = folder / "kept" / "an-old-call"
    old.mkdir(parents=True)
    size = record.MOST_MB * 10**6
    with (old / "body").open("wb") as file:
        file.truncate(size - 20_000)
    with recorded(tree, folder) as running:
        for _ in range(10):
            assert running.say("x" * 4_000).status == 200
        said = running.event("record_full")["detail"]
        assert f"'{folder / 'kept'}' has 1000 MB" in said
        events = [line["event"] for line in running.lines]
        assert events.count("record_full") == 1
        assert 1 <= events.count("recorded") < 10
        assert "record_failed" not in events
    assert (old / "body").stat().st_size == size - 20_000
    held = [path.stat().st_size for path in (folder / "kept").rglob("*") if path.is_file()]
    assert size - 20_000 < sum(held) <= size
    assert len(calls(folder)) == events.count("recorded") + 1


def test_what_a_killed_service_left_is_removed_by_the_next(tree: Tree, folder: Path) -> None:
    with recorded(tree, folder) as running:
        answer = service.in_background(lambda: lost(running))
        running.event("started")
        running.process.send_signal(signal.SIGKILL)
        answer()
        running.process.wait()
    (left,) = calls(folder)
    assert left.name.startswith(".unfinished-")
    with recorded(tree, folder) as running:
        (ours,) = calls(folder)
        assert ours != left
        # Another that comes meanwhile leaves be what is in use.
        with recorded(tree, folder):
            assert len(calls(folder)) == 2
        running.say("hello")
        running.event("recorded")
    (call,) = calls(folder)
    assert sorted(path.name for path in call.iterdir()) == KEPT


@pytest.mark.skipif(os.geteuid() == 0, reason="Root may write anywhere.")
def test_a_folder_that_may_not_be_written_to(tree: Tree, folder: Path) -> None:
    (folder / "kept").mkdir(mode=0o500)
    done = tree.python("-P", "-m", "emulator.served", "--record", folder / "kept")
    assert done.returncode == 1
    assert "Nothing can be recorded" in done.stderr
