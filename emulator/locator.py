"""The files by which other commands find the emulators that run on this machine."""

import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from emulator import processes

SUFFIX, JOURNAL = ".json", ".log"


@dataclass(frozen=True)
class Located:
    """An emulator that runs: its process, its address, and what it runs.

    began : when the process did, as the system says it
    since : the time from which it could be found
    plan : the plan's name, or "none"
    functions : those that it serves
    journal : the file of its log, as `emulator.journal` reads it
    """

    pid: int
    began: str
    since: float
    url: str
    plan: str
    functions: tuple[str, ...]
    journal: Path

    @property
    def runs(self) -> bool:
        """Does it still?"""
        return bool(self.began) and processes.began(self.pid) == self.began


@contextmanager
def place() -> Iterator[Path]:
    """A file for this process's journal, there until the end. Raises OSError."""
    path = _claim(f"{os.getpid()}{JOURNAL}")
    running()  # Removes what the dead have left.
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # There are others.
            path.parent.rmdir()


@contextmanager
def announced(journal: Path, url: str, plan: str, functions: Iterable[str]) -> Iterator[None]:
    """While this is entered, this process is among those that `running` gives."""
    path = journal.with_suffix(SUFFIX)
    unfinished = journal.with_suffix(".part")
    pid = os.getpid()
    fields = {
        "pid": pid,
        "began": processes.began(pid),
        "url": url,
        "plan": plan,
        "functions": list(functions),
    }
    try:
        unfinished.write_text(json.dumps(fields))
        unfinished.replace(path)
        yield
    finally:
        unfinished.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def running() -> list[Located]:
    """The emulators of this user that run, the newest last. What the dead have left is removed."""
    if not (where := folder()).is_dir():
        return []
    found = []
    for pid, paths in _by_process(where).items():
        located = next((_read(path) for path in paths if path.suffix == SUFFIX), None)
        if located and located.runs:
            found.append(located)
        elif located or not processes.began(pid):  # Else it is about to start, or to end.
            for path in paths:
                path.unlink(missing_ok=True)
    with suppress(OSError):
        where.rmdir()
    return sorted(found, key=lambda located: located.since)


def folder() -> Path:
    """Where the files are, if there are any."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK | os.X_OK):
        return Path(runtime) / "halfgig"
    return Path(tempfile.gettempdir()) / f"halfgig-{os.getuid()}"


def _claim(name: str) -> Path:
    """A new file in the folder, which only this user can read."""
    where = folder()
    while True:
        with suppress(FileExistsError):
            where.mkdir(mode=0o700)
        its = where.lstat()
        if its.st_uid != os.getuid() or its.st_mode & 0o077:
            why = "It is to be this user's alone, and is not; remove it"
            raise PermissionError(errno.EPERM, why, str(where))
        with suppress(FileNotFoundError):  # Another has just removed it, as it was empty.
            (where / name).touch(mode=0o600)
            return where / name


def _by_process(where: Path) -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = {}
    for path in where.iterdir():
        pid = path.name.partition(".")[0]
        if pid.isdigit():
            found.setdefault(int(pid), []).append(path)
    return found


def _read(path: Path) -> Located | None:
    try:
        fields = json.loads(path.read_text())
        return Located(
            pid=fields["pid"],
            began=fields["began"],
            since=path.stat().st_mtime,
            url=fields["url"],
            plan=fields["plan"],
            functions=tuple(fields["functions"]),
            journal=path.with_suffix(JOURNAL),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
