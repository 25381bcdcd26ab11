"""A copy of the package of functions, which a service runs while they are being worked on.

What was saved comes into it once nothing is wrong with that, so that the code before goes on
serving until then, even where its process is started anew. It is compiled there: a copy that was
compiled at the same second from other code is never taken for it, and the folders that people work
in are left as they are.
"""

import contextlib
import os
import py_compile
import shutil
import sys
import warnings
from pathlib import Path

from emulator.faults import ROOT

LINKED = 2**20
"""Files with more bytes than this are linked to, not copied: models."""


class Mirror:
    """The copy of the package `root`, in `folder`; that is where a service is to find it first."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder, self._root = folder, root
        self._copy = folder / root.name
        self._copy.mkdir(parents=True)
        for name in self.parts():
            self.take(name)

    def parts(self) -> set[str]:
        """The names in the package, and in its copy: functions, the kit, single modules."""
        return _names(self._root) | _names(self._copy)

    def take(self, part: str) -> None:
        """Have in the copy what is in this part of the package now.

        Raises OSError for a folder that can't be read, or a disk that is full.
        """
        _take(self._root / part, self._copy / part)

    def true(self, text: str) -> str:
        """`text` with the names of the package's own files in the place of the copy's."""
        return text.replace(f"{self._copy}{os.sep}", f"{self._root}{os.sep}")


def _take(source: Path, copy: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # It goes away meanwhile; others are there.
        _take_one(source, copy)


def _take_one(source: Path, copy: Path) -> None:
    if source.is_dir():
        if not copy.is_dir():
            _remove(copy)
            copy.mkdir()
        for name in _names(source) | _names(copy):
            _take(source / name, copy / name)
    elif not source.is_file():  # It has gone, or is a pipe, or a socket.
        _remove(copy)
    elif not _is_taken(source, copy):
        _remove(copy)
        if source.stat().st_size > LINKED:
            copy.symlink_to(source)
            return
        try:
            shutil.copy2(source, copy)
        except PermissionError:
            copy.symlink_to(source)  # Whoever wants to read it is told of that.
            return
        if copy.suffix == ".py":
            _compile(copy)


def _names(folder: Path) -> set[str]:
    names = {path.name for path in folder.iterdir()}
    return {name for name in names if not name.startswith((".", "__pycache__"))}


def _is_taken(source: Path, copy: Path) -> bool:
    """Is it a copy of that already?"""
    if not copy.exists():
        return False
    its, own = source.stat(), copy.stat()
    if copy.is_symlink() != (its.st_size > LINKED):
        return False
    return (its.st_mtime_ns, its.st_size) == (own.st_mtime_ns, own.st_size)


def _remove(copy: Path) -> None:
    if copy.is_dir() and not copy.is_symlink():
        shutil.rmtree(copy)
    else:
        copy.unlink(missing_ok=True)


def _compile(path: Path) -> None:
    """Leave it compiled for whoever imports it, marked with its hash: a time is too coarse."""
    if sys.pycache_prefix:
        return
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")  # Whoever imports it is told of what is wrong.
        py_compile.compile(
            str(path),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
        )
