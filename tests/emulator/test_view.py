"""What `halfgig start` shows, on a real pseudo-terminal and elsewhere."""

import http.client
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.cages import CageUnavailable
from emulator.cages.groups import Groups
from tests.terminal import Terminal
from tests.tree import Tree, halfgig

OTHERS = {"DISABLE_BEATS": "1", "DISABLE_EMOTION": "1", "DISABLE_VOICE_DETECT": "1"}
START = (sys.executable, halfgig(), "start", "--plan")


@pytest.fixture(scope="module")
def its(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree of our own, which is edited."""
    return Tree(tmp_path_factory.mktemp("view") / "tree", tree.root / "functions" / "echo")


@pytest.fixture
def tmp() -> Iterator[Path]:
    """The folder for its temporary files, in which nothing may be left."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


class Seen:
    """A `halfgig start` that is looked at."""

    def __init__(self, terminal: Terminal, process: "subprocess.Popen[bytes]") -> None:
        self.terminal, self.process = terminal, process
        rows = terminal.wait_for(lambda rows: any("Ctrl-C" in row for row in rows))
        url = next(row for row in rows if "Ctrl-C" in row)
        self._port = int(url.split("127.0.0.1:")[1].split()[0])

    def say(self, words: str, request_id: str = "r1") -> int:
        """The status of what `echo` makes of words; meanwhile the terminal is read."""
        statuses: list[int] = []
        asking = threading.Thread(target=lambda: statuses.append(self._say(words, request_id)))
        asking.start()
        while asking.is_alive():
            self.terminal.read(0.05)
        return statuses[0]

    def _say(self, words: str, request_id: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Content-Type": "text/plain", "X-Request-ID": request_id}
        try:
            connection.request("POST", "/echo", words, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def row(self, beginning: str) -> str:
        """The row that begins so, once there is one."""
        rows = self.terminal.wait_for(lambda rows: any(row.startswith(beginning) for row in rows))
        return next(row for row in reversed(rows) if row.startswith(beginning))


@contextmanager
def seen(tree: Tree, plan: str) -> Iterator[Seen]:
    """One on a terminal of 80 x 24; at the end it is told to end, and nothing may be left."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, Terminal(80, 24) as terminal:
        process = terminal.start([*START, plan], environ(tree, folder))
        try:
            yield Seen(terminal, process)
            terminal.type("\x03")
            while process.poll() is None:
                terminal.read(0.05)
            terminal.read()
            assert process.returncode == 0
            assert terminal.echoes
        finally:
            process.kill()
            process.wait()
        assert list(Path(folder).iterdir()) == []


def environ(tree: Tree, folder: str) -> dict[str, str]:
    own = {"PORT": "0", "TMPDIR": folder, "XDG_RUNTIME_DIR": ""}
    return {**tree.environ, **OTHERS, **own}


def needs_a_cage() -> None:
    try:
        with Groups(512, 1.0):
            pass
    except CageUnavailable as error:
        pytest.skip(str(error))


def test_on_a_terminal(its: Tree) -> None:
    with seen(its, "none") as it:
        terminal = it.terminal
        it.row(" echo")
        it.row("Plan none: no limits")
        assert not terminal.echoes
        assert it.say("hello") == 200
        it.terminal.wait_for(lambda rows: "status=200" in " ".join(rows))
        it.row(" echo  ready   ")
        it.row(" memory [")
        terminal.wait_for(lambda rows: any("r router" in row and "e echo" in row for row in rows))
        assert "queue 0 of 32" in it.row(" cpu ")
        # Narrow, low, and back.
        terminal.resize(40, 24)
        it.row(" mem [")
        terminal.wait_for(lambda rows: sum(row.startswith(" echo ") for row in rows) == 1)
        it.row("REPORT fn=echo start=cold")
        terminal.resize(40, 6)
        it.terminal.wait_for(lambda rows: rows and re.match(r" \d+/\d+ MB, \d", rows[-1]))
        assert it.say("hello", "r2") == 200
        terminal.resize(100, 30)
        it.row(" memory [")
        terminal.wait_for(lambda rows: sum(row.startswith(" cpu ") for row in rows) == 1)
        terminal.wait_for(lambda rows: sum("REPORT fn=echo" in row for row in rows) == 2)
    assert re.fullmatch(r"2 invocations, \d\.\d\d s of CPU.*", terminal.rows[-1])
    assert not any(row.startswith((" cpu ", " echo ", "---")) for row in terminal.rows)


def test_what_is_broken_is_shown_at_its_place(its: Tree) -> None:
    core = its.root / "functions" / "echo" / "core.py"
    good = core.read_text()
    try:
        with seen(its, "none") as it:
            assert it.say("hello") == 200
            core.write_text(good.replace("def steps(", "def steps(:"))
            it.row("functions/echo/core.py, line ")
            it.row("    def steps(:")
            it.row("              ^")
            it.row("What 'echo' was before goes on serving.")
            it.terminal.wait_for(lambda rows: any("disk is broken" in row for row in rows))
            assert it.say("hello") == 200
            core.write_text(good)
            it.row("echo reloaded")
            assert it.say("hello") == 200
            it.terminal.wait_for(lambda rows: not any("disk is broken" in row for row in rows))
    finally:
        core.write_text(good)


def test_an_out_of_memory_is_a_report(its: Tree) -> None:
    needs_a_cage()
    with seen(its, "cloudrun-512") as it:
        assert it.say("gorge", "the-one") == 502
        it.row("Out of memory: echo, at request the-one")
        it.row("  3. ")
        text = " ".join(row.strip() for row in it.terminal.rows)
        assert "over its ceiling of" in text
        assert "of 512 MB ('cloudrun-512')" in text
        assert it.say("hello") == 200


def test_a_time_out_for_want_of_cpu_is_told_from_one_that_hangs(hasty: Tree) -> None:
    needs_a_cage()
    with seen(hasty, "free") as it:
        assert it.say("hello") == 200
        assert it.say("burn burn burn burn", "slow-one") == 504
        it.row("Timed out, for want of CPU: echo, at request slow-one")
        assert it.say("hello") == 200
        assert it.say("hang", "stuck-one") == 504
        it.row("Timed out, waiting for something else: echo, at request stuck-one")


def started(tree: Tree, folder: str, *words: str) -> "subprocess.Popen[str]":
    command = [*START, "none", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ(tree, folder)
    )


def test_without_a_terminal_there_are_plain_lines(its: Tree, tmp: Path) -> None:
    with started(its, str(tmp)) as process:
        assert process.stdout is not None
        first, url = process.stdout.readline(), process.stdout.readline()
        assert first == "Plan none: no limits: all memory and CPU of this machine.\n"
        port = int(url.split(":")[2].split()[0])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/echo", "hello", {"Content-Type": "text/plain"})
        connection.getresponse().read()
        connection.close()
        assert re.fullmatch(r"echo started in .* s\.\n", process.stdout.readline())
        assert process.stdout.readline().startswith("REPORT fn=echo start=cold")
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 0
    assert "\x1b" not in first + url + rest
    assert rest.splitlines()[-1].startswith("1 invocation, ")


def test_json_is_the_log_and_the_verdicts(hasty: Tree, tmp: Path) -> None:
    with started(hasty, str(tmp), "--json") as process:
        assert process.stdout is not None
        lines: list[dict[str, Any]] = []
        for text in process.stdout:
            line = json.loads(text)
            lines.append(line)
            if line["event"] == "listening":
                connection = http.client.HTTPConnection("127.0.0.1", line["port"])
                connection.request(
                    "POST", "/echo", "hang", {"Content-Type": "text/plain", "X-Request-ID": "r7"}
                )
            if line["event"] == "verdict":
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        connection.close()
    [verdict] = [line for line in lines if line["event"] == "verdict"]
    assert (verdict["function"], verdict["request_id"]) == ("echo", "r7")
    assert verdict["kind"] in ("hanging", "slow")  # On a busy machine nothing hangs for long.
    assert len(verdict["advice"]) == 3
    assert "state" not in {line["event"] for line in lines}
    assert lines[-1]["event"] == "exit"


def test_it_ends_when_nobody_reads_it(its: Tree, tmp: Path) -> None:
    with started(its, str(tmp)) as process:
        assert process.stdout is not None
        url = [process.stdout.readline() for _ in range(2)][1]
        process.stdout.close()
        port = int(url.split(":")[2].split()[0])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/echo", "hello", {"Content-Type": "text/plain"})
        connection.getresponse().read()
        connection.close()
        process.wait(60)
