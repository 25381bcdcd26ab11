"""The line that says how far it is."""

import io

import pytest

from emulator.bar import Bar, render
from functions.kit.steps import Progress


def test_the_line() -> None:
    assert render("song.wav", Progress("listening", 0.5), 63.2, 79) == (
        "song.wav  listening  [############------------]  50%  1:03"
    )


def test_an_end_that_is_not_known_has_no_bar() -> None:
    assert render("song.wav", Progress("starting", None), 2, 79) == "song.wav  starting …  0:02"


def test_a_long_name_keeps_its_end() -> None:
    line = render("a/very/long/path/to/a/song.wav", Progress("listening", 1.0), 0, 64)
    assert line.startswith("…")
    assert "song.wav  listening" in line
    assert len(line) == 64


@pytest.mark.parametrize("width", [1, 10, 30])
def test_it_fits_in_any_width(width: int) -> None:
    assert len(render("song.wav", Progress("listening", 0.1), 0, width)) <= width


def test_what_is_no_terminal_gets_nothing() -> None:
    stream = io.StringIO()
    bar = Bar("song.wav", stream)
    bar(Progress("listening", 0.5))
    bar.clear()
    assert stream.getvalue() == ""
