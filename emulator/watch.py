"""Hot reload: what is saved in a function's folder is what the next request runs.

It looks from outside the cage, so that looking costs the service nothing. What can't be compiled,
and a manifest that can't be used, is told of with its place, and changes nothing.
"""

import dataclasses
import os
import threading
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, Protocol, Self

import deploy
from emulator import faults
from emulator.faults import ROOT, Fault
from emulator.mirror import Mirror
from emulator.process import NotStarted
from functions.kit import manifest
from functions.kit.manifest import Manifest

LOOK_S = 0.2
"""How often the files are looked at."""
SETTLE_S = 0.05
"""How long they must have been the same: an editor may write one in several steps."""

_SERVICE = Path(deploy.__file__).parent
_IGNORED_ENDS = ("~", ".md", ".pyc", ".swp", ".tmp", ".bak")
_IGNORED_STARTS = (".", "#", "__pycache__")
_VIM = "4913"  # It sees by this file whether it can write to a folder.

Stamp = tuple[int, int, int]


class Reloadable(Protocol):
    """A service that can be told of what has changed; see `emulator.running`.

    mirror : what it runs
    """

    mirror: Mirror

    def tell(self, **message: Any) -> None:
        """Write a line to its control channel."""

    def restart(self) -> None:
        """End it, and start it again. Raises `NotStarted`."""

    def note(self, event: str, **fields: Any) -> None:
        """Write a line of its log."""


class Watch:
    """Follows the files of all functions in `root`, and of the `service` itself.

    A function's own files replace that function alone; whatever all share restarts `running`, and
    so does a function that is new, or gone, or requires other packages. A context manager.

    It notes these events: `saved` (function or None, files), `broken` (function or None, and the
    fields of a `Fault`), `reload_failed` (function, detail) and `restart_failed` (detail).
    """

    def __init__(self, running: Reloadable, root: Path = ROOT, service: Path = _SERVICE) -> None:
        self._running, self._root, self._service = running, root, service
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._files = self._seen = self._now()
        self._manifests, broken = faults.manifests(self._root)
        self._broken = {self._root / name / manifest.FILE: its for name, its in broken.items()}
        self._down = False
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        known = set(self._broken)  # The service has said so.
        for path in map(Path, self._files):
            if path.suffix == ".py":
                self._check(path)
        self._tell_broken(self._broken.keys() - known)
        while not self._ended.wait(SETTLE_S if self._seen != self._files else LOOK_S):
            now = self._now()
            if now == self._seen != self._files:
                before, self._files = self._files, now
                self._act({Path(path) for path, _ in now.items() ^ before.items()})
            self._seen = now

    def _act(self, changed: set[Path]) -> None:
        """Have what has changed take effect, if nothing is wrong with it."""
        restarts = self._down
        names = {self._function(path) for path in changed}
        for name in sorted(names, key=str):
            its = {path for path in changed if self._function(path) == name}
            files = sorted(self._short(path) for path in its)
            self._running.note("saved", function=name, files=files)
            for path in its:
                self._check(path)
            if broken := {path for path in self._broken if self._function(path) == name}:
                self._tell_broken(broken)
            elif name is None or self._is_other(name):
                restarts = True
            else:
                try:
                    self._running.mirror.take(name)
                    self._running.tell(reload=name)
                except OSError as error:
                    self._running.note("reload_failed", function=name, detail=_line(error))
        if restarts:
            self._manifests, _ = faults.manifests(self._root)
            broken_parts = {self._part(path) for path in self._broken}
            try:
                for part in self._running.mirror.parts() - broken_parts:
                    self._running.mirror.take(part)
                self._running.restart()
                self._down = False
            except (NotStarted, OSError) as error:
                self._down = True
                detail = _line(error) if isinstance(error, OSError) else str(error)
                self._running.note("restart_failed", detail=detail)

    def _is_other(self, name: str) -> bool:
        """Is it another function for the service, one that it can't just start anew?"""
        before = self._manifests.get(name)
        now = self._manifest(self._root / name / manifest.FILE)
        if before is None or now is None or before.requires != now.requires:
            return before is not now
        self._manifests[name] = now
        return False

    def _check(self, path: Path) -> None:
        """Know what is wrong with a file, or that nothing is."""
        fault: Fault | None = None
        if path.suffix == ".py":
            ours = path.is_relative_to(self._root)
            fault = faults.of_code(path, self._root if ours else self._service)
        elif path.name == manifest.FILE and path.exists():
            fault = self._fault(path)
        if fault is None:
            self._broken.pop(path, None)
        else:
            self._broken[path] = fault

    def _manifest(self, path: Path) -> Manifest | None:
        try:
            return manifest.load(path.parent) if path.exists() else None
        except manifest.ManifestError:
            return None

    def _fault(self, path: Path) -> Fault | None:
        try:
            manifest.load(path.parent)
        except manifest.ManifestError as error:
            return faults.of_manifest(path, error, self._root)
        return None

    def _tell_broken(self, paths: Set[Path]) -> None:
        for path in sorted(paths):
            fields = dataclasses.asdict(self._broken[path])
            self._running.note("broken", function=self._function(path), **fields)

    def _function(self, path: Path) -> str | None:
        """The function whose file it is; None where all share it."""
        if not path.is_relative_to(self._root):
            return None
        parts = path.relative_to(self._root).parts
        if len(parts) < 2:
            return None
        name = parts[0]
        has_manifest = str(self._root / name / manifest.FILE) in self._files
        return name if name in self._manifests or has_manifest else None

    def _part(self, path: Path) -> str | None:
        """The part of the package of functions that a file is in."""
        return path.relative_to(self._root).parts[0] if path.is_relative_to(self._root) else None

    def _short(self, path: Path) -> str:
        for folder in (self._root, self._service):
            if path.is_relative_to(folder):
                return str(path.relative_to(folder.parent))
        return path.name

    def _now(self) -> dict[str, Stamp]:
        """All files that matter, and what changes when they are saved."""
        tops = (str(self._root), str(self._service))
        return {path: stamp for top in tops for path, stamp in _files(top)}


def _line(error: OSError) -> str:
    place = f"'{error.filename}': " if error.filename else ""
    return f"{place}{error.strerror or error}."


def _files(folder: str) -> Iterator[tuple[str, Stamp]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(_IGNORED_STARTS) or name.endswith(_IGNORED_ENDS):
                    continue
                if entry.is_dir():
                    yield from _files(entry.path)
                elif name != _VIM and entry.is_file():
                    its = entry.stat()
                    yield entry.path, (its.st_mtime_ns, its.st_size, its.st_ino)
    except OSError:  # It has gone meanwhile.
        return
