"""The audio files that are named on the command line, opened."""

import difflib
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

import click

from functions.kit import stream
from functions.kit.problem import Problem
from functions.kit.refusals import TooLarge


class NoFile(Problem):
    """A file that cannot be read."""

    status = 404
    reason = "no_file"
    title = "The file cannot be read"


def shown(name: str) -> str:
    """`name` as a person reads it."""
    return "standard input" if name == "-" else click.format_filename(name)


def opened(name: str, folder: Path, limit: int) -> tuple[BinaryIO, Path]:
    """The file `name`, open, and its path. A pipe is first copied to `folder`.

    Raises `NoFile`, or `TooLarge` where there are more than `limit` bytes.
    """
    if name == "-" and sys.stdin is None:
        raise NoFile("Standard input is closed.")
    try:
        source = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115
    except FileNotFoundError:
        raise NoFile(f"There is no such file.{_guess(Path(name))}") from None
    except IsADirectoryError:
        raise NoFile("This is a directory; name the audio files in it.") from None
    except OSError as error:
        raise NoFile(f"It cannot be read: {error.strerror}.") from None
    path = Path(name)
    if name == "-" or not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        path = folder / "input"
        spool = path.open("wb+")
        stream.copy(source, spool, limit)
        if name != "-":
            source.close()
        source = spool
    if os.fstat(source.fileno()).st_size > limit:
        source.close()
        raise TooLarge.over(limit)
    return source, path


def _guess(path: Path) -> str:
    """The file that may have been meant: one beside it with nearly its name, or its stem."""
    try:
        beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:  # There is no such folder.
        return ""
    near = difflib.get_close_matches(path.name, beside, 1, cutoff=0.75)
    near += sorted(name for name in beside if Path(name).stem == path.stem)
    return f" Did you mean '{path.with_name(near[0])}'?" if near else ""
