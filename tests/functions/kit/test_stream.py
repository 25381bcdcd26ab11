"""The decoder's view of a stream, and what is kept from being printed."""

import io
import os
from pathlib import Path

import pytest

from functions.kit.stream import Window, muted, spool


def test_a_window_starts_where_it_is_told_and_stays_inside() -> None:
    window = Window(io.BytesIO(b"0123456789"), start=4)
    assert window.seek(0, os.SEEK_END) == 6
    assert window.seek(-100, os.SEEK_END) == 0
    assert window.seek(100) == 6
    assert window.read(5) == b""
    assert window.seek(-2, os.SEEK_END) == 4
    assert window.read(5) == b"89"
    assert window.tell() == window.position == 6


def test_a_stretched_window_ends_in_zeros() -> None:
    window = Window(io.BytesIO(bytes([1]) * 100), stretch=64)
    assert window.seek(-128, os.SEEK_END) == 6_400 - 128
    assert window.read(200) == bytes(128)
    window.seek(90)
    assert window.read(20) == bytes([1]) * 10
    assert window.read(20) == b""


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_a_patch_is_read_in_place(size: int) -> None:
    window = Window(io.BytesIO(b"0123456789"), patch=(3, b"abc"))
    assert b"".join(iter(lambda: window.read(size), b"")) == b"012abc6789"


def test_a_failure_is_kept_and_reads_as_the_end() -> None:
    stream = io.BytesIO(b"0123")
    window = Window(stream)
    stream.close()
    assert window.read(4) == b""
    assert isinstance(window.error, ValueError)


def test_a_spool_tells_what_is_over_its_cap() -> None:
    with spool(io.BytesIO(b"0123"), 4) as file:
        assert file.read() == b"0123"
    with spool(io.BytesIO(bytes(1_000_000)), 70_000) as file:
        assert len(file.read()) == 70_001


def test_a_spool_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("gone")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(OSError, match="gone"):
        spool(Broken(), 10)
    assert list(tmp_path.iterdir()) == []


def test_muted(capfd: pytest.CaptureFixture[str]) -> None:
    with muted():
        os.write(1, b"out")
        os.write(2, b"err")
    os.write(1, b"after")
    assert capfd.readouterr() == ("after", "")


def test_muted_where_there_is_no_output(capfd: pytest.CaptureFixture[str]) -> None:
    saved = os.dup(2)
    os.close(2)
    try:
        with muted():
            os.write(1, b"out")
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(2)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    assert capfd.readouterr() == ("", "")
