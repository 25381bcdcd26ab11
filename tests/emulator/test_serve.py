"""`halfgig serve`: the one service, started by the command, with a function that was dropped in."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import plans
from tests import framework
from tests.tree import Tree, halfgig


@pytest.fixture(scope="module")
def url(tree: Tree) -> Iterator[str]:
    port = framework.free_port()
    command = [sys.executable, halfgig(), "serve", "--port", port]
    environ = {**tree.environ, "HOST": "127.0.0.1"}
    with framework.serving(command, port, tree.root.parent, environ) as address:
        yield address


def got(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        text: str = answer.read().decode()
    return text


def test_it_answers(url: str) -> None:
    assert framework.post(f"{url}/echo", b"hello there", "text/plain")["words"] == [
        "hello",
        "there",
    ]


def test_what_was_dropped_in_is_everywhere(url: str) -> None:
    health: dict[str, Any] = json.loads(got(f"{url}/health"))
    assert "echo" in health["functions"]
    assert "echo" in [each["name"] for each in json.loads(got(f"{url}/functions"))["functions"]]
    assert "/echo" in json.loads(got(f"{url}/openapi.json"))["paths"]
    assert f"{url}/echo" in got(f"{url}/")
    assert 'halfgig_memory_need_bytes{function="echo"}' in got(f"{url}/metrics")


def test_a_setting_that_will_not_do(tree: Tree) -> None:
    done = subprocess.run(
        [sys.executable, halfgig(), "serve"],
        env={**tree.environ, "PLAN": "huge"},
        cwd=tree.root.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    names = ", ".join(plans.load())
    assert done.stderr == f"halfgig: PLAN is 'huge'. It must be one of {names}.\n"


def test_a_port_that_is_none(tree: Tree) -> None:
    assert tree.halfgig("serve", "--port", "70000").returncode == 2


def test_it_ends_when_told_to(tree: Tree, tmp_path: Path) -> None:
    port = framework.free_port()
    command = [sys.executable, halfgig(), "serve", "--port", port]
    environ = {**tree.environ, "HOST": "127.0.0.1", "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "listening"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []
