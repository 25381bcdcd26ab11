"""The host, as a process that is spoken to over its socket."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.service.host import Measured
from deploy.service.report import Meter
from emulator.wire import Connection
from tests.tree import Tree


@contextmanager
def host(tree: Tree, *args: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        socket = Path(folder) / "socket"
        process = subprocess.Popen(
            [
                sys.executable,
                *("-P", "-m", "deploy.service.host", "echo", "--socket"),
                str(socket),
                *args,
            ],
            env=tree.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                yield process, socket
            finally:
                process.kill()


def event(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def ask(socket: Path, method: str, path: str, body: str = "", **headers: str) -> tuple[int, bytes]:
    connection = Connection(socket)
    connection.request(method, path, body, {"Content-Type": "text/plain", **headers})
    response = connection.getresponse()
    answer = (response.status, response.read())
    connection.close()
    return answer


def test_it_says_when_it_is_ready_and_reports_each_invocation(tree: Tree) -> None:
    with host(tree) as (process, socket):
        ready = event(process)
        assert ready["ready"] == "echo"
        assert 0 < ready["init_s"] < 30
        status, body = ask(socket, "POST", "/", "hello", **{"X-Request-ID": "one"})
        assert status == 200
        assert json.loads(body)["words"] == ["hello"]
        report = event(process)
        assert report["request_id"] == "one"
        assert report["start"] == "cold"
        assert report["init_s"] == ready["init_s"]
        assert report["status"] == 200


def test_a_key_is_asked_for_where_there_are_some(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEYS", "secret")
    with host(tree) as (process, socket):
        event(process)
        status, body = ask(socket, "POST", "/", "hello")
        assert (status, json.loads(body)["reason"]) == (401, "bad_key")
        assert event(process)["status"] == 401
        assert ask(socket, "POST", "/", "hello", **{"x-api-key": "secret"})[0] == 200
        assert ask(socket, "GET", "/health")[0] == 200


def test_health_is_not_an_invocation(tree: Tree) -> None:
    with host(tree) as (process, socket):
        event(process)
        assert ask(socket, "GET", "/health")[0] == 200
        ask(socket, "POST", "/", "hello", **{"X-Request-ID": "first"})
        report = event(process)
        assert (report["request_id"], report["start"]) == ("first", "cold")


def test_the_report_counts_the_streaming_too(tree: Tree) -> None:
    with host(tree) as (process, socket):
        event(process)
        status, body = ask(socket, "POST", "/", "slow", Accept="text/event-stream")
        assert status == 200
        assert body.count(b"event: progress") > 3
        assert event(process)["duration_s"] > 1.5


def test_the_socket_is_ours_alone(tree: Tree) -> None:
    with host(tree) as (process, socket):
        event(process)
        assert socket.stat().st_mode & 0o077 == 0


def test_sigterm_ends_it_cleanly(tree: Tree) -> None:
    with host(tree) as (process, socket):
        event(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert not socket.exists()


def test_it_ends_when_its_parent_does(tree: Tree) -> None:
    with host(tree, "--until-eof") as (process, socket):
        event(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
        assert not socket.exists()


def tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def test_an_invocation_is_cancelled_by_how_many_came_before_it(tree: Tree) -> None:
    with host(tree, "--until-eof") as (process, socket):
        event(process)
        tell(process, "cancel 1")
        assert ask(socket, "POST", "/", "slow")[0] == 200
        assert event(process)["status"] == 200
        status, body = ask(socket, "POST", "/", "slow")
        assert (status, json.loads(body)["reason"]) == (499, "cancelled")
        assert event(process)["status"] == 499
        assert ask(socket, "POST", "/", "hello")[0] == 200


def test_a_body_may_be_a_file_where_bodies_are(tree: Tree, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies"
    (bodies / "deep").mkdir(parents=True)
    for folder in (bodies, bodies / "deep", tmp_path):
        (folder / "body").write_text(f"in {folder.name}")
    (bodies / "link").symlink_to(tmp_path / "body")
    with host(tree, "--bodies", str(bodies)) as (process, socket):
        event(process)

        def words(path: Path | str) -> Any:
            headers = {"X-Halfgig-Body": str(path)}
            status, body = ask(socket, "POST", "/", "not that", **headers)
            assert status == 200
            return json.loads(body)["words"]

        assert words(bodies / "body") == ["in", "bodies"]
        assert words(bodies / "deep" / "body") == ["in", "deep"]
        for elsewhere in (tmp_path / "body", bodies / ".." / "body", bodies / "link", ""):
            assert words(elsewhere) == ["not", "that"]


def test_a_body_is_no_file_unless_a_folder_is_named(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "body").write_text("a file")
    with host(tree) as (process, socket):
        event(process)
        headers = {"X-Halfgig-Body": str(tmp_path / "body")}
        _, body = ask(socket, "POST", "/", "no file", **headers)
        assert json.loads(body)["words"] == ["no", "file"]


def test_one_thread_each_before_anything_is_imported(tree: Tree, tmp_path: Path) -> None:
    other = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    main = other.root / "functions" / "echo" / "main.py"
    check = (
        "import os, sys\n"
        "assert os.environ['OMP_NUM_THREADS'] == os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
        "assert 'numpy' not in sys.modules\n"
    )
    main.write_text(check + main.read_text())
    with host(other) as (process, _):
        assert event(process)["ready"] == "echo"


def test_a_name_that_is_wrong(tree: Tree) -> None:
    done = tree.python("-m", "deploy.service.host", "ecko", "--socket", "x")
    assert done.returncode == 2
    assert "There is no function 'ecko'. Did you mean 'echo'?" in done.stderr


def test_a_socket_path_that_is_too_long(tree: Tree) -> None:
    done = tree.python("-m", "deploy.service.host", "echo", "--socket", "/tmp/" + "x" * 200)
    assert done.returncode == 2
    assert "too long for a Unix socket" in done.stderr


def test_an_app_that_raises_is_reported() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        raise RuntimeError("broken")

    reports: list[dict[str, Any]] = []
    measured = Measured(app, Meter("f"), reports.append)
    with pytest.raises(RuntimeError, match="broken"):
        measured({"REQUEST_METHOD": "POST"}, lambda *_: None)
    assert [report["status"] for report in reports] == [500]


def test_a_function_may_say_what_became_of_a_stream() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        environ["halfgig.outcome"].update(status=422, tier="words")
        return [b"event: error\n\n"]

    reports: list[dict[str, Any]] = []
    body = Measured(app, Meter("f"), reports.append)(
        {"REQUEST_METHOD": "POST", "HTTP_X_REQUEST_ID": "7"}, lambda *_: None
    )
    assert reports == []
    assert list(body) == [b"event: error\n\n"]
    body.close()
    assert (reports[0]["status"], reports[0]["tier"]) == (422, "words")
    assert reports[0]["request_id"] == "7"
