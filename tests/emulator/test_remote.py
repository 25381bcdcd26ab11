"""`halfgig invoke --remote`: a function here, and at a service that was deployed."""

import http.server
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import service
from tests.conftest import Say
from tests.service import Service
from tests.tree import Tree


@pytest.fixture(scope="module")
def deployed(tree: Tree) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="hg", dir="/tmp") as name:
        settings = {"API_KEYS": "open-sesame"}
        with service.running(tree.environ, Path(name), settings=settings) as running:
            yield running


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALFGIG_API_KEY", "open-sesame")


def url(its: Service) -> str:
    return f"http://127.0.0.1:{its.port}"


def test_its_answer_is_beside_the_one_here(tree: Tree, say: Say, deployed: Service) -> None:
    done = tree.halfgig("invoke", "--remote", url(deployed), "echo", say("hello there"))
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert text.startswith("It said: hello there\nREPORT fn=echo")
    # It is another process, and says so.
    assert f"{url(deployed)}/echo answers otherwise:\nIt said: hello there\n  pid: " in text
    rows = {line.split("  ")[0]: line.split()[-4:] for line in text.splitlines()[-8:]}
    assert list(rows) == ["", "status", "tier", "queue", "start", "function", "the rest", "in all"]
    assert rows["status"][-2:] == ["200", "200"]
    assert all(rows[name][-1] == rows[name][-3] == "s" for name in ("start", "function", "in all"))


def test_as_json(tree: Tree, say: Say, deployed: Service) -> None:
    files = [say("hello"), say("refuse"), say("slow")]
    done = tree.halfgig("invoke", "--remote", url(deployed), "echo", *files, "--json")
    assert done.returncode == 1
    one, refused, slow = map(json.loads, done.stdout.splitlines())
    there = one["remote"]
    assert there["url"] == f"{url(deployed)}/echo"
    assert there["result"]["words"] == one["result"]["words"] == ["hello"]
    assert there["result"]["pid"] != one["result"]["pid"]
    assert [each["path"] for each in there["differences"]] == ["pid"]
    assert set(there["timings"]) == {"queue_s", "init_s", "fn_s"}
    assert there["seconds"] >= sum(there["timings"].values())
    assert refused["remote"]["error"]["reason"] == "refused"
    assert refused["remote"]["differences"] == []
    assert slow["remote"]["timings"]["fn_s"] >= 2


def test_a_call_has_the_same_id_here_and_there(tree: Tree, say: Say, deployed: Service) -> None:
    since = len(deployed.lines)
    done = tree.halfgig("invoke", "--remote", url(deployed), "echo", say("hello"), "--json")
    id = json.loads(done.stdout)["report"]["request_id"]
    assert deployed.event("report", since, request_id=id)["function"] == "echo"


def test_a_key_that_is_wrong(
    tree: Tree, say: Say, deployed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HALFGIG_API_KEY")
    done = tree.halfgig("invoke", "--remote", url(deployed), "echo", say("hello"))
    assert done.returncode == 1
    assert done.stdout.startswith("It said: hello")
    assert f"{url(deployed)}/echo answers with an error, 401." in done.stdout
    assert "x-api-key" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_where_nothing_is(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "--remote", "http://127.0.0.1:9", "echo", say("hello"))
    assert done.returncode == 1
    assert done.stdout.startswith("It said: hello")
    assert done.stderr == (
        "halfgig: http://127.0.0.1:9/echo: Nothing listens at http://127.0.0.1:9. Does it run, "
        "and is the port right?\n"
    )


@contextmanager
def answering(status: int, headers: dict[str, str], body: bytes) -> Iterator[str]:
    """The address of something that is no halfgig."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_what_sends_on_says_where(tree: Tree, say: Say) -> None:
    with answering(301, {"Location": "https://example.org/echo"}, b"") as address:
        done = tree.halfgig("invoke", "--remote", address, "echo", say("hello"))
    assert done.returncode == 1
    assert "status 301 and sends on to 'https://example.org/echo'" in done.stderr


def test_what_is_something_else_is_shown_how_it_begins(tree: Tree, say: Say) -> None:
    with answering(404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>") as address:
        done = tree.halfgig("invoke", "--remote", address, "echo", say("hello"), "--json")
    error = json.loads(done.stdout)["remote"]["error"]
    assert (error["status"], error["reason"]) == (404, "http_404")
    assert "It begins so: <h1>Not Found</h1>" in error["detail"]


def test_an_address_that_is_none(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "--remote", "halfgig.onrender.com", "echo", say("hello"))
    assert done.returncode == 2
    assert "'--remote': It must be an address such as https://" in done.stderr
