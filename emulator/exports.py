"""The files that `halfgig invoke` writes beside a result: a click track, a picture."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from functions.kit.manifest import Export, Manifest


def show(function: Manifest) -> ModuleType | None:
    """The function's own way to show its results, where it has one; imported when needed."""
    if not (function.folder / "show.py").exists():
        return None
    return importlib.import_module(f"functions.{function.name}.show")


def check(export: Export, out: Path, files: Sequence[str]) -> None:
    """Raises `UsageError` where `export` of `files` can't be written to `out`."""
    option = f"--{export.name}"
    if len(files) != 1:
        raise click.UsageError(f"{option} takes exactly one FILE; {len(files)} were given.")
    if out.suffix.lower() != export.suffix:
        raise click.UsageError(f"{option} writes {export.suffix}: '{out}' does not end so.")
    if not out.parent.is_dir():
        raise click.UsageError(f"{option}: there is no folder '{out.parent}'.")
    if out.is_dir() or _is_song(out, files[0]):
        raise click.UsageError(f"{option}: '{out}' is a folder, or the song itself.")


def write(function: Manifest, export: Export, result: Any, audio: Path, out: Path) -> None:
    """Write `out` whole or not at all."""
    unfinished = out.with_name(f".halfgig-{os.getpid()}{out.suffix}")
    try:
        getattr(show(function), export.name)(result, audio, unfinished)
        unfinished.replace(out)
    except ImportError as error:
        need = f"pip install 'halfgig[{export.extra}]'" if export.extra else f"{error.name}"
        raise click.ClickException(f"--{export.name} needs more: {need}") from None
    except OSError as error:
        raise click.ClickException(f"'{out}' cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _is_song(out: Path, name: str) -> bool:
    try:
        song = os.fstat(sys.stdin.fileno()) if name == "-" and sys.stdin else Path(name).stat()
        return os.path.samestat(song, out.stat())
    except OSError:  # One of them is not there.
        return False
