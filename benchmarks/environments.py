"""Environments of their own under `.bench/NAME` for what is compared, made when first asked for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from benchmarks import clips

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes that are started meanwhile compute with one thread each."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes of one thread each, which keep what they have loaded."""
    with one_thread(), ProcessPoolExecutor(count, get_context("spawn")) as pool:
        yield pool


class PeerError(Exception):
    """A peer that cannot be made here; the text says why and what would do."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The Pythons that a peer runs on, and what pip installs (in order); none: this interpreter."""

    name: str
    version: str
    pythons: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    package: str = ""

    def python(self) -> str:
        """The interpreter to run it with; makes its environment when there is none.

        Raises PeerError when no Python fits or pip fails.
        """
        if not self.package:
            return sys.executable
        home = clips.CACHE / self.name
        done = home / "recipe"
        recipe = repr((self.pythons, self.first, self.package))
        if not (done.exists() and done.read_text() == recipe):
            _build(self, clips.cache(self.name))
            done.write_text(recipe)
        return str(home / "bin" / "python")


def _build(its: Environment, home: Path) -> None:
    """Make `home` the environment of `its`. Its pins are old: builds see what is installed."""
    python = _find_python(its)
    print(f"Making the environment of {its.name} {its.version}.", file=sys.stderr)
    _must(its, [python, "-m", "venv", "--clear", str(home)])
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _must(its, [*pip, *its.first])
    _must(its, [*pip, "--no-build-isolation", its.package])


def _must(its: Environment, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise PeerError(f"{its.name} could not be installed: {' '.join(command)} said: {last}")


def _find_python(its: Environment) -> str:
    """An interpreter of a version the peer runs on, the peer's favourite first."""
    found: dict[str, str] = {}
    for candidate in _candidates(its.pythons):
        asked = subprocess.run(
            [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
        )
        if not asked.returncode:
            found.setdefault(asked.stdout.strip(), candidate)
    for version in its.pythons:
        if version in found:
            return found[version]
    raise PeerError(
        f"{its.name} {its.version} needs Python {' or '.join(its.pythons)}, and none was found. "
        f"Put one on PATH, or name its folder in HALFGIG_PYTHONS ('{os.pathsep}' between several)."
    )


def _candidates(versions: Sequence[str]) -> Iterator[str]:
    """HALFGIG_PYTHONS, this interpreter, PATH, and where pyenv and uv keep theirs."""
    named = [Path(item) for item in os.environ.get("HALFGIG_PYTHONS", "").split(os.pathsep) if item]
    home = Path.home()
    stores = [home / ".pyenv" / "versions", home / ".local" / "share" / "uv" / "python"]
    for item in named:
        yield from (str(path) for path in ([item] if item.is_file() else _inside(item, versions)))
    yield sys.executable
    for version in versions:
        if path := shutil.which(f"python{version}"):
            yield path
    for store in stores:
        if store.is_dir():
            for folder in sorted(store.iterdir()):
                yield from map(str, _inside(folder / "bin", versions))


def _inside(folder: Path, versions: Sequence[str]) -> list[Path]:
    paths = (folder / f"python{version}" for version in versions)
    return [path for path in paths if path.is_file()]


E = TypeVar("E", bound=Environment)


def named(text: str, peers: Mapping[str, E]) -> list[E]:
    """The peers named in `a,b,c`; raises PeerError for one that there is not."""
    wanted = [name for name in text.split(",") if name]
    for name in wanted:
        if name not in peers:
            raise PeerError(f"There is no peer {name!r}. There are: {', '.join(peers)}.")
    return [peers[name] for name in wanted]
