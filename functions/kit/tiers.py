"""Which tier answers: the best that is there and works, with the reasons why better ones do not.

A tier may be a file of the function's folder. Its sha256 is checked before anything reads it, so
that a file that was cut, swapped or left behind never answers as what it is not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from functions.kit.manifest import Manifest, Tier
from functions.kit.problem import Problem

T = TypeVar("T")


@dataclass(frozen=True)
class Model:
    """Which tier answered, and the ones passed over for it: their `tier` and the `reason`."""

    tier: str
    version: str
    passed_over: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Choice(Generic[T]):
    """What the chosen tier's loader gave, the tier's name, and the tiers passed over for it."""

    loaded: T
    tier: str
    passed_over: tuple[dict[str, str], ...]


class NoModel(Problem):
    """Not one tier can be used."""

    status, reason, title = 503, "no_model", "There is no model that works"


class Once(Generic[T]):
    """`choose`, made by the first call and kept for the life of the process.

    Requests that come at the same time wait for the one that loads. What can't be chosen is tried
    again by the next.
    """

    def __init__(
        self, manifest: Manifest, loaders: Mapping[str, Callable[[Path | None], T]]
    ) -> None:
        self._manifest, self._loaders = manifest, loaders
        self._lock = Lock()
        self._choice: Choice[T] | None = None

    def __call__(self) -> Choice[T]:
        with self._lock:
            if self._choice is None:
                self._choice = choose(self._manifest, self._loaders)
            return self._choice


def choose(manifest: Manifest, loaders: Mapping[str, Callable[[Path | None], T]]) -> Choice[T]:
    """Load the first of the manifest's tiers, best first, that can be used.

    `loaders` has a function for each name of a tier that this code knows. It takes the tier's file
    (None where it has none), and raises where that can't be used.

    Raises `NoModel`, with a reason for each tier, where none can.
    """
    passed_over: list[dict[str, str]] = []
    for tier in manifest.tiers:
        path = manifest.folder / tier.file if tier.file else None
        reason = unfit(tier, path) if tier.name in loaders else "Nothing here loads it."
        if not reason:
            try:
                return Choice(loaders[tier.name](path), tier.name, tuple(passed_over))
            except Exception as error:
                reason = f"It does not load: {_line(error)}"
        passed_over.append({"tier": tier.name, "reason": reason})
    reasons = " ".join(f"{each['tier']}: {each['reason']}" for each in passed_over)
    raise NoModel(f"'{manifest.name}' has no model that can be used. {reasons}")


def unfit(tier: Tier, path: Path | None) -> str:
    """Why the tier's file can't be trusted, or ""."""
    if path is None:
        return ""
    import hashlib  # With OpenSSL, which a function without such a file does not carry.

    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return f"'{tier.file}' is not there."
    except OSError as error:
        return f"'{tier.file}' cannot be read: {error.strerror}."
    if found != tier.sha256:
        return f"'{tier.file}' is not what function.toml names: its sha256 begins {found[:12]}."
    return ""


def _line(error: Exception) -> str:
    """What an error says, as one sentence."""
    words = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {words[:200].removesuffix('.')}."
