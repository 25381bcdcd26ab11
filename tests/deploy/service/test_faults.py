"""What goes wrong, in the whole service with real processes: who is told, who doesn't notice."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups
from tests.service import Service, descriptors, in_background, no_more, processes_of, running, until
from tests.tree import Tree, edit

OTHERS = {"DISABLE_BEATS": "1", "DISABLE_EMOTION": "1", "DISABLE_VOICE_DETECT": "1"}


@contextmanager
def service(tree: Tree, **settings: Any) -> Iterator[Service]:
    """A service of `echo`, and of whatever else was put into the tree."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        with running(tree.environ, Path(folder), settings=OTHERS | settings) as it:
            yield it
            it.stop()
        assert list(Path(folder).iterdir()) == []


@pytest.fixture
def other(tree: Tree, tmp_path: Path) -> Tree:
    """A tree that may be changed, in which `parrot` is as `echo`."""
    its = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    copy(its, "parrot")
    return its


def copy(tree: Tree, name: str) -> None:
    folder = tree.root / "functions" / name
    shutil.copytree(tree.root / "functions" / "echo", folder)
    for path in folder.glob("*.*"):
        path.write_text(path.read_text().replace("functions.echo", f"functions.{name}"))
    edit(folder / "function.toml", 'name = "echo"', f'name = "{name}"')


def cage(memory_mb: float) -> Groups:
    return Groups(memory_mb, cpus=2.0)


def is_busy(it: Service, function: str = "echo") -> bool:
    return it.state(function) == "busy"


def test_a_child_killed_in_mid_request_costs_its_own_caller_only(
    other: Tree, tmp_path: Path
) -> None:
    with service(other, CONCURRENCY="2") as it:
        other_pid = it.say("hello", "/parrot").json["pid"]
        hanging = in_background(lambda: it.say("hang"))
        end = tmp_path / "end"
        waits = in_background(lambda: it.say(f"wait={end}", "/parrot"))
        until(lambda: is_busy(it) and is_busy(it, "parrot"))
        pids = processes_of(it.process.pid)
        before = len(it.lines)
        assert other_pid in pids
        echo = next(pid for pid in pids if _is_child(pid, other_pid, it))
        os.kill(echo, signal.SIGKILL)
        answer = hanging()
        assert (answer.status, answer.json["reason"]) == (502, "died")
        assert "SIGKILL" in answer.json["detail"] or "signal 9" in answer.json["detail"]
        end.touch()
        assert waits().json["pid"] == other_pid
        assert it.say("hello").json["words"] == ["hello"]
        assert it.event("stopped", before, function="echo")["why"] == "died"


def test_a_child_killed_while_it_is_idle_costs_nobody(tree: Tree) -> None:
    with service(tree) as it:
        for _ in range(5):
            pid = it.say("hello").json["pid"]
            os.kill(pid, signal.SIGKILL)
            assert it.say("hello").status == 200


def _is_child(pid: int, other: int, it: Service) -> bool:
    """Is it the process of the other function? Templates have no socket of their own."""
    if pid == other:
        return False
    text = subprocess.run(["ls", "-l", f"/proc/{pid}/fd"], capture_output=True, text=True).stdout
    status = Path(f"/proc/{pid}/oom_score_adj").read_text().strip()
    return status == "500" and "socket" in text


def test_a_child_that_eats_memory_is_ended_at_its_ceiling(other: Tree) -> None:
    try:
        with (
            cage(memory_mb=400) as its,
            tempfile.TemporaryDirectory(dir="/tmp") as folder,
            running(other.environ, Path(folder), its.start, settings=OTHERS) as it,
        ):
            assert it.say("hello", "/parrot").status == 200
            declared = it.health()["functions"]["echo"]["need_mb"]
            answer = it.say("gorge")
            assert (answer.status, answer.json["reason"]) == (502, "memory")
            assert "MB" in answer.json["detail"]
            health = it.health()
            assert health["functions"]["echo"]["need_mb"] > declared
            assert health["functions"]["echo"]["need_mb"] <= health["memory"]["budget_mb"]
            stopped = it.event("stopped", function="echo")
            assert stopped["why"] == "memory"
            assert stopped["mem_peak_mb"] < health["memory"]["limit_mb"] == 400
            # What it needs now is all there is, so that the other one makes room; and it works.
            assert it.say("hello").json["words"] == ["hello"]
            stopped = it.event("stopped", function="parrot")
            assert stopped["why"] == "evicted"
            assert "'echo' needs its memory" in stopped["detail"]
            assert its.read().oom_kills == 0
    except CageUnavailable as why:
        pytest.skip(str(why))


def test_the_kernel_ends_a_child_that_eats_memory_where_nothing_else_does(tree: Tree) -> None:
    try:
        with (
            cage(memory_mb=250) as its,
            tempfile.TemporaryDirectory(dir="/tmp") as folder,
            running(
                tree.environ, Path(folder), its.start, settings=OTHERS | {"MEMORY_WATCH": "0"}
            ) as it,
        ):
            assert it.say("hello").status == 200
            answer = it.say("gorge")
            assert (answer.status, answer.json["reason"]) == (502, "memory")
            assert its.read().oom_kills == 1
            assert it.say("hello").json["words"] == ["hello"]
            assert it.health()["memory"]["limit_mb"] == 250
    except CageUnavailable as why:
        pytest.skip(str(why))


def test_a_child_that_hangs_is_ended_at_its_timeout_and_replaced(other: Tree) -> None:
    edit(other.root / "functions/echo/function.toml", "timeout_s = 60", "timeout_s = 3")
    with service(other) as it:
        first = it.say("hello").json["pid"]
        answer = it.say("hang")
        assert (answer.status, answer.json["reason"]) == (504, "timeout")
        assert "3 s" in answer.json["detail"]
        assert it.say("hello").json["pid"] != first
        assert it.event("stopped", function="echo")["why"] == "timeout"


def test_a_child_that_dies_at_start_is_said_and_recovers_when_mended(other: Tree) -> None:
    main = other.root / "functions" / "echo" / "main.py"
    text = main.read_text()
    main.write_text("raise RuntimeError('It is broken.')\n" + text)
    with service(other) as it:
        answer = it.say("hello")
        assert (answer.status, answer.json["reason"]) == (503, "start_failed")
        assert "It is broken." in answer.json["detail"]
        wait_s = int(answer.headers["retry-after"])
        assert wait_s >= 1
        until(lambda: sum(line["event"] == "stopped" for line in it.lines) == 3)
        # It backs off: nothing is started meanwhile, and others don't notice.
        assert it.say("hello").status == 503
        assert sum(line["event"] == "stopped" for line in it.lines) == 3
        assert it.say("hello", "/parrot").status == 200
        health = it.health()
        assert health["status"] == "degraded"
        assert health["functions"]["echo"]["state"] == "failed"
        assert "It is broken." in health["startup_error"]
        main.write_text(text)
        until(lambda: it.say("hello").status == 200)
        assert it.health()["status"] == "ok"


def test_sigterm_under_load_answers_what_runs_and_refuses_what_waits(
    tree: Tree, tmp_path: Path
) -> None:
    with service(tree) as it:
        end = tmp_path / "end"
        running_one = in_background(lambda: it.say(f"wait={end}"))
        until(lambda: is_busy(it))
        waiting = [in_background(lambda: it.say("hello")) for _ in range(3)]
        until(lambda: it.health()["queue"]["length"] == 3)
        it.process.terminate()
        it.event("draining")
        end.touch()
        assert running_one().status == 200
        for answer in waiting:
            assert (answer().status, answer().json["reason"]) == (503, "stopping")
            assert int(answer().headers["retry-after"]) >= 1
        assert it.process.wait(30) == 0


def test_sigterm_does_not_wait_for_ever(tree: Tree) -> None:
    with service(tree, DRAIN_SECONDS="1") as it:
        hanging = in_background(lambda: it.say("hang"))
        until(lambda: is_busy(it))
        pids = processes_of(it.process.pid)
        it.process.terminate()
        answer = hanging()
        assert (answer.status, answer.json["reason"]) == (503, "stopping")
        assert int(answer.headers["retry-after"]) >= 1
        assert it.process.wait(30) == 0
        assert not [pid for pid in pids if _is_alive(pid)]


def test_a_template_that_hangs_is_in_the_way_of_no_end(tree: Tree) -> None:
    with service(tree, DRAIN_SECONDS="1") as it:
        until(lambda: len(processes_of(it.process.pid)) == 1)
        [template] = processes_of(it.process.pid)
        os.kill(template, signal.SIGSTOP)
        asking = in_background(lambda: _or_none(lambda: it.say("hello")))
        until(lambda: it.state() == "starting")
        it.process.terminate()
        assert it.process.wait(30) == 0
        assert not _is_alive(template)
        asking()


@pytest.mark.parametrize("delay_s", [0.05, 0.15, 0.25, 0.35, 0.5])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_can_be_stopped_while_it_starts(tree: Tree, delay_s: float, number: int) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        environ = {**tree.environ, **OTHERS, "PORT": "0", "HOST": "127.0.0.1", "TMPDIR": folder}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "deploy.service"],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay_s)
        process.send_signal(number)
        try:
            process.wait(30)
        finally:
            process.kill()
        # 1 is the interpreter's own, interrupted before it has read a line of ours.
        assert process.returncode in (0, 1, -number)
        assert list(Path(folder).iterdir()) == []


def test_a_service_that_is_killed_leaves_no_process(tree: Tree) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        running(tree.environ, Path(folder), settings=OTHERS) as it,
    ):
        it.say("hello")
        pids = processes_of(it.process.pid)
        assert pids
        it.process.kill()
        it.process.wait()
        until(lambda: not [pid for pid in pids if _is_alive(pid)])


def _is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _or_none(work: Any) -> Any:
    try:
        return work()
    except OSError:
        return None


def test_a_client_that_leaves_stops_the_work(tree: Tree) -> None:
    with service(tree) as it:
        events = it.events("slow slow slow")
        names = [next(events)[0]]
        while "progress" not in names:
            names.append(next(events)[0])
        events.close()
        assert it.event("report")["status"] == 499
        assert it.say("hello").status == 200
        assert not [line for line in it.lines if line["event"] == "stopped"]


def test_a_client_that_leaves_work_that_does_not_stop_costs_the_process(tree: Tree) -> None:
    with service(tree) as it:
        _impatient(it, "hang")
        assert it.event("stopped", function="echo")["why"] == "cancelled"
        assert it.say("hello").status == 200


def _impatient(it: Service, words: str, path: str = "/echo") -> None:
    """Ask, and leave as soon as that is worked on."""
    with socket.create_connection(("127.0.0.1", it.port)) as client:
        client.sendall(_head(len(words), path=path) + words.encode())
        until(lambda: is_busy(it, path.strip("/")))


def _head(length: int, more: str = "", path: str = "/echo") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {length}\r\n{more}\r\n"
    ).encode()


def test_a_client_that_leaves_while_it_waits_frees_its_place(tree: Tree, tmp_path: Path) -> None:
    with service(tree, QUEUE_LENGTH="1") as it:
        end = tmp_path / "end"
        waits = in_background(lambda: it.say(f"wait={end}"))
        until(lambda: is_busy(it))
        with socket.create_connection(("127.0.0.1", it.port)) as client:
            client.sendall(_head(5) + b"hello")
            until(lambda: it.health()["queue"]["length"] == 1)
            refused = it.say("hello")
            assert (refused.status, refused.json["reason"]) == (503, "queue_full")
            assert int(refused.headers["retry-after"]) >= 1
        until(lambda: it.health()["queue"]["length"] == 0)
        end.touch()
        assert waits().status == 200


def test_clients_that_are_slow_or_send_half_a_body_are_in_nobodys_way(tree: Tree) -> None:
    with service(tree) as it:
        half = socket.create_connection(("127.0.0.1", it.port))
        half.sendall(_head(1000) + b"half")
        slow = socket.create_connection(("127.0.0.1", it.port))
        slow.sendall(b"POST /echo HT")
        assert it.say("hello").status == 200
        half.close()
        slow.close()
        until(lambda: not list((next(it.folder.iterdir()) / "bodies").iterdir()))


def test_a_length_that_nobody_would_read_is_refused_at_once(tree: Tree) -> None:
    with service(tree) as it, socket.create_connection(("127.0.0.1", it.port)) as client:
        client.settimeout(30)
        client.sendall(_head(10_000_000_000))
        answer = b""
        while part := client.recv(65536):
            answer += part
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"application/problem+json" in answer
        assert it.say("hello").status == 200


def test_a_flood_of_headers_is_refused(tree: Tree) -> None:
    with service(tree) as it:
        flood = "".join(f"X-{n}: {'y' * 1000}\r\n" for n in range(2_000))
        with socket.create_connection(("127.0.0.1", it.port)) as client:
            client.settimeout(30)
            try:
                client.sendall(_head(5, flood) + b"hello")
                answer = client.recv(65536)
            except OSError:  # It was closed while we still sent.
                answer = b"HTTP/1.1 4"
        assert answer.startswith(b"HTTP/1.1 4")
        assert it.say("hello").status == 200


def test_a_full_disk_is_said(other: Tree) -> None:
    edit(other.root / "functions/echo/function.toml", "bytes = 5_000", "bytes = 500_000")
    small = Path(tempfile.mkdtemp(dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        small.rmdir()
        pytest.skip("Only root can mount a small file system.")
    try:
        with running(other.environ, small, settings=OTHERS) as it:
            answer = it.say("word " * 20_000)
            assert (answer.status, answer.json["reason"]) == (503, "disk")
            assert "disk" in answer.json["detail"].lower()
            assert int(answer.headers["retry-after"]) >= 1
            assert it.say("hello").status == 200
            assert it.say("word " * 8_000).status == 200
            it.stop()
    finally:
        subprocess.run(["umount", str(small)], check=True)
        small.rmdir()


@pytest.mark.slow
def test_nothing_leaks(other: Tree) -> None:
    """1,000 requests with evictions; some die, some are left, some are refused."""
    copy(other, "mynah")
    names = ["echo", "parrot", "mynah"]
    try:
        with (
            cage(memory_mb=140) as its,
            tempfile.TemporaryDirectory(dir="/tmp") as folder,
            running(other.environ, Path(folder), its.start, settings=OTHERS) as it,
        ):
            for name in 3 * names:  # What they need is learnt; then the third pushes one out.
                assert it.say("hello", f"/{name}").status == 200
            before = _count(it)
            for number in range(1_000):
                path = (
                    f"/{names[number % 3]}" if number % 50 == 0 else f"/{names[number // 50 % 3]}"
                )
                match number % 100:
                    case 7:
                        assert it.say("die", path).status == 502
                    case 17:
                        assert it.say("refuse", path).status == 422
                    case 27:
                        _impatient(it, "slow slow", path)
                    case 37:
                        assert it.say("x" * 10_000, path).status == 413
                    case _:
                        assert it.say("hello", path).status == 200, number
            evicted = sum(line.get("why") == "evicted" for line in it.lines)
            assert evicted >= 15
            until(lambda: no_more(_count(it), before))
            assert list((next(Path(folder).iterdir()) / "bodies").iterdir()) == []
            assert its.read().oom_kills == 0
            assert it.stop() == 0
            assert list(Path(folder).iterdir()) == []
    except CageUnavailable as why:
        pytest.skip(str(why))


def _count(it: Service) -> dict[str, int]:
    """What there is of everything that could leak, in the service and its processes' number."""
    sockets = list(next(it.folder.iterdir()).glob("*.socket"))
    return {
        "processes": len(processes_of(it.process.pid)),
        "descriptors": descriptors(it.process.pid),
        "sockets": len(sockets),
    }


def test_settings_that_cannot_be_meant_are_said_in_a_line(tree: Tree) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "deploy.service"],
        env={**tree.environ, "QUEUE_LENGTH": "many"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "QUEUE_LENGTH is 'many'" in done.stderr


def test_a_port_that_is_taken_is_said_in_a_line(tree: Tree) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "deploy.service"],
            env={**tree.environ, "HOST": "127.0.0.1", "PORT": str(taken.getsockname()[1])},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "in use" in done.stdout + done.stderr
