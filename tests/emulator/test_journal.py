"""The journal: what is written is read, and no more is kept than has room."""

import os
import threading
from pathlib import Path

import pytest

from emulator import journal
from emulator.journal import Journal


def numbers(path: Path) -> list[int]:
    return [line["number"] for line in journal.lines(path)]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    with Journal(path) as write:
        write({"event": "report", "number": 1, "word": "über"})
        write({"event": "report", "number": 2})
        assert next(journal.lines(path)) == {"event": "report", "number": 1, "word": "über"}
        assert numbers(path) == [1, 2]
        assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_what_only_passes_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    with Journal(path) as write:
        write({"event": "state", "number": 1})
        assert numbers(path) == []


def test_it_is_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    with Journal(path, most=1000) as write:
        for number in range(500):
            write({"event": "report", "number": number})
        kept = numbers(path)
        assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 2200
    assert kept == list(range(kept[0], 500))
    assert 20 < len(kept) < 100
    assert list(tmp_path.iterdir()) == []


def test_it_is_followed_past_its_turns_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    found: list[int] = []
    some, ended = threading.Event(), threading.Event()

    def follow() -> None:
        for line in journal.lines(path, lambda: not ended.is_set()):
            found.append(line["number"])
            some.set()

    with Journal(path, most=1000) as write:
        write({"event": "report", "number": 0})
        thread = threading.Thread(target=follow)
        thread.start()
        assert some.wait(20)
        for number in range(1, 25):
            write({"event": "report", "number": number})
        ended.set()
        thread.join()
    assert found == list(range(25))


def test_a_line_that_is_not_whole_yet_is_left(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_text('{"number": 1}\n{"numb')
    assert numbers(path) == [1]


def test_none_is_no_lines(tmp_path: Path) -> None:
    assert numbers(tmp_path / "1.log") == []


def test_a_full_disk_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with Journal(tmp_path / "1.log") as write:
        monkeypatch.setattr(os, "write", full)
        write({"event": "report", "number": 1})
