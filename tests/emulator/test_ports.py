"""Ports, with real listeners."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from emulator import ports, processes

LISTEN = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], "
LISTEN += "flush=True); input()"


@pytest.fixture
def other() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-S", "-c", LISTEN]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process:
        yield process
        process.communicate("\n")


def port_of(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_who_has_it_is_said(other: "subprocess.Popen[str]") -> None:
    port = port_of(other)
    why = ports.why_not("127.0.0.1", port)
    assert why is not None
    assert why.startswith(f"Port {port} is taken by process {other.pid} ({sys.executable} -S -c")
    assert len(why) < 120
    assert ports.why_not("0.0.0.0", port) == why
    assert ports.next_free("127.0.0.1", port) > port


def test_what_is_free_has_no_reason_against_it() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    assert ports.why_not("127.0.0.1", port) is None
    assert ports.why_not("localhost", port) is None


def test_a_host_that_is_none_is_for_others_to_tell() -> None:
    assert ports.why_not("no such host", 10_000) is None


def test_after_the_last_there_is_none() -> None:
    assert ports.next_free("127.0.0.1", ports.MOST) == 0


def test_whose_it_is_where_the_process_cannot_be_seen(
    other: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    port = port_of(other)
    monkeypatch.setattr(processes, "every", lambda: iter(()))
    assert ports.holder(port) == "another process"
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    user = "root" if os.geteuid() == 0 else ""
    assert ports.holder(port).startswith(f"a process of the user '{user}")
