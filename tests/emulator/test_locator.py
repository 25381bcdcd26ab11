"""The files by which a running emulator is found, and what becomes of those of the dead."""

import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import locator, processes


@pytest.fixture(autouse=True)
def tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def place(folder: Path, pid: int, began: str) -> None:
    fields = {"pid": pid, "began": began, "url": "http://here", "plan": "free", "functions": []}
    (folder / f"{pid}.json").write_text(json.dumps(fields))
    (folder / f"{pid}.log").touch()


def test_what_runs_is_found_until_it_ends() -> None:
    assert locator.running() == []
    with locator.place() as journal:
        assert locator.running() == []
        with locator.announced(journal, "http://127.0.0.1:1", "free", ["beats"]):
            (found,) = locator.running()
            assert (found.pid, found.url, found.plan) == (os.getpid(), "http://127.0.0.1:1", "free")
            assert found.functions == ("beats",)
            assert found.journal == journal
            assert found.journal.exists()
            assert found.runs
        assert not found.journal.with_suffix(".json").exists()
        assert locator.running() == []


def test_nobody_else_can_read_it(tmp: Path) -> None:
    with locator.place() as journal:
        assert stat.S_IMODE(journal.parent.stat().st_mode) == 0o700
        assert journal.parent.parent == tmp


def test_a_stale_one_is_removed() -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    with locator.place() as journal:
        place(journal.parent, dead.pid, "1")
        assert locator.running() == []
        assert list(journal.parent.iterdir()) == [journal]


def test_another_process_of_the_same_number_is_not_it() -> None:
    with locator.place() as journal, subprocess.Popen(["sleep", "60"]) as other:
        place(journal.parent, other.pid, "1")
        assert locator.running() == []
        assert list(journal.parent.iterdir()) == [journal]
        place(journal.parent, other.pid, processes.began(other.pid))
        assert [found.pid for found in locator.running()] == [other.pid]
        other.kill()
        other.wait()
        assert locator.running() == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_one_is_none(text: str) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    with locator.place() as journal:
        (journal.parent / f"{dead.pid}.json").write_text(text)
        assert locator.running() == []


def test_the_newest_is_last() -> None:
    with (
        locator.place() as journal,
        subprocess.Popen(["sleep", "60"]) as other,
        locator.announced(journal, "http://127.0.0.1:1", "free", []),
    ):
        place(journal.parent, other.pid, processes.began(other.pid))
        os.utime(journal.parent / f"{other.pid}.json", (1, 1))
        assert [found.pid for found in locator.running()] == [other.pid, os.getpid()]
        other.kill()
        other.wait()
        assert [found.pid for found in locator.running()] == [os.getpid()]


def test_a_folder_of_somebody_elses_is_not_used(tmp: Path) -> None:
    folder = tmp / f"halfgig-{os.getuid()}"
    folder.mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="remove it"), locator.place():
        pass
    folder.rmdir()


def test_the_users_own_folder_for_such_files(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path_factory.mktemp("runtime")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with locator.place() as journal:
        assert journal.parent == runtime / "halfgig"
    assert list(runtime.iterdir()) == []
