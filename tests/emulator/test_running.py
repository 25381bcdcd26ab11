"""The service in a cage, with real processes: told of, restarted, and nothing left of it."""

import contextlib
import os
import socket
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import cgroups, plans
from emulator import processes
from emulator.bed import Bed
from emulator.client import Address
from emulator.running import NotStarted, Running
from tests.service import processes_of

STANDARD = plans.load()["standard"]


@pytest.fixture(autouse=True)
def tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A short folder for temporary files, in which nothing may be left; nor anywhere else."""
    before = processes_of(os.getpid())
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield
        assert list(Path(folder).iterdir()) == []
    assert processes_of(os.getpid()) == before
    assert groups() == []


def groups() -> list[Path]:
    """The control groups named after this process."""
    owned = [cgroups.own(kind) for kind in ("memory", "cpu", "cpuacct")]
    folders = [group.folder for group in owned if group]
    return [path for folder in folders for path in folder.glob(f"halfgig-{os.getpid()}-*")]


def got(running: Running, path: str = "/health") -> str:
    with urllib.request.urlopen(f"{running.url}{path}") as answer:
        text: str = answer.read().decode()
    return text


def after(running: Running, event: str, do: Callable[[], Any]) -> list[dict[str, Any]]:
    """All lines; `do` is done once there is one of `event`."""
    lines = []
    for line in running.events():
        lines.append(line)
        if line["event"] == event:
            do()
    return lines


def events(lines: list[dict[str, Any]]) -> list[str]:
    return [line["event"] for line in lines if line["event"] not in ("state", "stderr")]


def test_it_answers_in_a_cage_and_tells_what_it_does() -> None:
    with Running(["beats"], STANDARD) as running:
        assert '"limit_mb":2048' in got(running).replace(" ", "")
        assert running.url == f"http://127.0.0.1:{running.port}"
        running.stop()
        lines = after(running, "", lambda: None)
    assert events(lines) == ["cage", "listening", "draining", "ended", "exit"]
    assert lines[0]["enforces"] == running.cage.enforces
    assert lines[-1]["code"] == 0
    assert lines[-1]["wanted"] is True


def test_ctrl_c_once_it_listens_and_before_it_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> Address:
        raise KeyboardInterrupt

    monkeypatch.setattr(Address, "read", interrupted)
    with pytest.raises(KeyboardInterrupt), Bed(["beats"], STANDARD):
        pytest.fail("It was not interrupted.")


def test_no_plan_has_all_of_the_machine() -> None:
    with Running(["beats"], None) as running:
        assert running.cage.kind == "none"
        assert '"limit_mb":2048' not in got(running).replace(" ", "")


def test_only_the_functions_that_are_named() -> None:
    with Running(["beats"], None) as running, pytest.raises(OSError, match="404"):
        got(running, "/warmup?functions=emotion")


def test_the_parts_of_its_memory() -> None:
    with Running(["beats"], STANDARD) as running:
        got(running, "/warmup?functions=beats")
        parts = running.parts()
        assert parts.keys() == {"router", "template", "beats"}
        assert all(1 < mb < 200 for mb in parts.values())
        assert running.pid in running.cage.pids()
        os.kill(running.pid, 0)


def test_a_restart_is_at_the_same_port_and_no_end() -> None:
    with Running(["beats"], STANDARD) as running:
        url, pid = running.url, running.pid
        running.restart()
        assert running.url == url
        assert running.pid != pid
        assert "beats" in got(running)
        running.stop()
        lines = after(running, "", lambda: None)
    expected = ["cage", "listening", "restarting", "draining", "ended"]
    assert events(lines) == [*expected, "listening", "draining", "ended", "exit"]


@pytest.mark.parametrize("moment", ["restarting", "draining", "ended", "listening"])
def test_a_stop_in_the_midst_of_a_restart(moment: str) -> None:
    with Running(["beats"], STANDARD) as running:
        for line in running.events():
            if line["event"] == "listening":
                break
        restart = threading.Thread(target=_restarted, args=[running])
        restart.start()
        lines = after(running, moment, running.stop)
        restart.join()
    assert lines[-1]["event"] == "exit"


def _restarted(running: Running) -> None:
    with contextlib.suppress(NotStarted):
        running.restart()


def test_a_restart_that_fails_can_be_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    failing = tmp_path / "sitecustomize.py"  # Python imports it as it starts.
    with Running(["beats"], None) as running:
        failing.write_text("import os; os.write(2, b'Not today.\\n'); os._exit(5)")
        with pytest.raises(NotStarted, match=r"^Not today\.$"):
            running.restart()
        failing.unlink()
        running.restart()
        assert "beats" in got(running)


def test_a_stop_after_a_restart_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Running(["beats"], None) as running:
        (tmp_path / "sitecustomize.py").write_text("import os; os._exit(5)")
        with pytest.raises(NotStarted, match="ended with exit code 5 as it started"):
            running.restart()
        running.stop()
        assert after(running, "", lambda: None)[-1]["code"] == 5


def test_a_second_stop_ends_at_once() -> None:
    with Running(["beats"], STANDARD) as running:
        running.stop()
        lines = after(running, "draining", running.stop)
    assert "ended" not in events(lines)
    assert lines[-1]["code"] == -9


def test_what_ends_by_itself_was_not_wanted() -> None:
    with Running(["beats"], STANDARD) as running:
        got(running, "/warmup?functions=beats")
        os.kill(running.pid, 9)
        lines = after(running, "", lambda: None)
    assert lines[-1]["code"] == -9
    assert lines[-1]["wanted"] is False


def test_a_setting_that_will_not_do() -> None:
    running = Running(["beats"], STANDARD, settings={"QUEUE_LENGTH": "many"})
    with pytest.raises(NotStarted, match=r"^QUEUE_LENGTH is 'many'\. It must be a whole number\.$"):
        running.__enter__()


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = Running(["beats"], STANDARD, port=taken.getsockname()[1])
        with pytest.raises(NotStarted, match="address already in use"):
            running.__enter__()


def test_two_at_once() -> None:
    with Running(["beats"], STANDARD) as one, Running(["beats"], STANDARD) as other:
        assert one.port != other.port
        assert got(one)
        assert got(other)
        assert not set(one.cage.pids()) & set(other.cage.pids())


def test_it_is_ended_where_whoever_runs_it_fails() -> None:
    running = Running(["beats"], STANDARD)
    with pytest.raises(ZeroDivisionError), running:
        raise ZeroDivisionError
    assert not processes.began(running.pid)


def test_lines_of_ones_own_and_those_of_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[dict[str, Any]] = []
    monkeypatch.setenv("PYTHONWARNINGS", "nonsense")  # Python says so as it starts.
    with Running(["beats"], None, heard=heard.append) as running:
        running.note("verdict", text="guilty")
        running.stop()
        lines = after(running, "", lambda: None)
    assert lines == heard
    stderr = next(line for line in lines if line["event"] == "stderr")
    assert "nonsense" in stderr["text"]
    assert next(line for line in lines if line["event"] == "verdict")["text"] == "guilty"
