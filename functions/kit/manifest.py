"""`function.toml`, read: the one source of truth about a function."""

import math
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = "function.toml"
ROOT = Path(__file__).parent.parent
"""The folder of the functions' folders."""
ERRORS = ("message", "problem")
"""The styles of a contract's errors; `functions.kit.contract` says what they are."""
_TAKEN = ("json", "plan", "help")
_OWN_ROUTES = ("/", "/health")


class ManifestError(ValueError):
    """A `function.toml` that cannot be used; the message names the file, the key and the value."""


@dataclass(frozen=True)
class Limits:
    """What a function accepts. Sample rates are in Hz."""

    bytes: int
    seconds: float
    min_seconds: float
    channels: int
    sample_rate_min: int
    sample_rate_max: int


@dataclass(frozen=True)
class Memory:
    """What the function's process was measured to hold, in MB: loaded and idle, and at its peak."""

    idle_mb: float
    peak_mb: float


UNMEASURED = 0.005
"""The CPU seconds that a second of audio is taken to cost until that was measured."""


@dataclass(frozen=True)
class Tier:
    """One way to do the work, and the MB of memory it needs.

    `file`, relative to the function's folder, is what it is loaded from, and `sha256` (64 hex
    digits) what that must hold; a tier has both or neither.
    """

    name: str
    memory_mb: float
    file: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Export:
    """A file that `show.py` can write from a result: its function's name, help and suffix.

    `extra` names the extra of the distribution that it needs, where it needs one.
    """

    name: str
    help: str
    suffix: str
    extra: str | None


@dataclass(frozen=True)
class Contract:
    """A route that answers as an earlier service did, for those who still ask as it was asked.

    `languages` and `formats` are those that a request may name. `errors` is their style, one of
    `ERRORS`, and `statuses` are the HTTP statuses that they may have.
    """

    route: str
    languages: tuple[str, ...]
    formats: tuple[str, ...]
    errors: str
    statuses: tuple[int, ...]


@dataclass(frozen=True)
class Manifest:
    """A function, as its `function.toml` in `folder` declares it."""

    name: str
    summary: str
    target: str
    folder: Path
    media_types: tuple[str, ...]
    limits: Limits
    timeout_s: float
    concurrency: int
    idle_stop_s: float
    memory: Memory
    tiers: tuple[Tier, ...]
    requires: tuple[str, ...]
    exports: tuple[Export, ...]
    demo: tuple[str, ...] = ("clip",)
    """The clips that show it: files' names in `demo/`, less their ending; at least one."""
    contracts: tuple[Contract, ...] = ()
    cpu_per_s: float = UNMEASURED
    """CPU seconds that a second of audio was measured to cost, in a process that is warm."""


def load(folder: Path) -> Manifest:
    """Read `folder/function.toml`. Raises `ManifestError` where it cannot be used."""
    path = folder / FILE
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}.") from None
    return _read(folder, text)


@lru_cache(maxsize=64)
def _read(folder: Path, text: bytes) -> Manifest:
    """The manifest that `text` is. A process asks several times, and parsing takes a while."""
    path = folder / FILE
    try:
        top = _Table(path, "", tomllib.loads(text.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} is not valid TOML: {error}.") from None

    limits = top.table("limits")
    memory = top.table("memory")
    manifest = Manifest(
        name=top.text("name"),
        summary=top.text("summary"),
        target=top.text("target"),
        folder=folder,
        media_types=top.texts("media_types"),
        limits=Limits(
            bytes=limits.whole("bytes"),
            seconds=limits.number("seconds"),
            min_seconds=limits.number("min_seconds"),
            channels=limits.whole("channels"),
            sample_rate_min=limits.whole("sample_rate_min"),
            sample_rate_max=limits.whole("sample_rate_max"),
        ),
        timeout_s=top.number("timeout_s"),
        concurrency=top.whole("concurrency"),
        idle_stop_s=top.number("idle_stop_s"),
        memory=Memory(idle_mb=memory.number("idle_mb"), peak_mb=memory.number("peak_mb")),
        tiers=tuple(_tier(tier) for tier in top.tables("tiers")),
        requires=top.texts("requires"),
        exports=tuple(
            Export(
                name=name,
                help=export.text("help"),
                suffix=export.text("suffix"),
                extra=export.text("extra") if "extra" in export.values else None,
            )
            for name, export in top.named_tables("exports")
        ),
        demo=top.names("demo") if "demo" in top.values else ("clip",),
        contracts=tuple(
            _contract(contract)
            for contract in (top.tables("contracts") if "contracts" in top.values else ())
        ),
        cpu_per_s=top.table("cpu").number("per_s") if "cpu" in top.values else UNMEASURED,
    )
    for export in manifest.exports:
        if not export.name.isidentifier() or export.name in _TAKEN:
            raise ManifestError(
                f"{path}: there is an export named '{export.name}'. It becomes a function in "
                f"show.py and an option beside --json, --plan and --help: name it as a Python "
                "function, and not like those."
            )
    routes = [contract.route for contract in manifest.contracts]
    for route in set(routes):
        if routes.count(route) > 1:
            raise ManifestError(
                f"{path}: {routes.count(route)} contracts have the route '{route}'."
            )
    if manifest.name != folder.resolve().name:
        raise ManifestError(
            f"{path}: 'name' is '{manifest.name}', but the folder is "
            f"'{folder.resolve().name}'. A function has its folder's name."
        )
    return manifest


def discover(root: Path | None = None) -> dict[str, Manifest]:
    """Every function in `root` (default: the installed `functions` package), sorted by name.

    A function is a sub-folder with a `function.toml`. Raises `ManifestError` as `load` does.
    """
    root = ROOT if root is None else root
    folders = sorted(path.parent for path in root.glob(f"*/{FILE}"))
    return {folder.name: load(folder) for folder in folders}


def _tier(table: "_Table") -> Tier:
    pinned = {"file", "sha256"} & table.values.keys()
    tier = Tier(
        name=table.text("name"),
        memory_mb=table.number("memory_mb"),
        file=table.text("file") if pinned else None,
        sha256=table.matching("sha256", r"[0-9a-f]{64}", "64 hex digits") if pinned else None,
    )
    if tier.file and (Path(tier.file).is_absolute() or ".." in Path(tier.file).parts):
        raise ManifestError(
            f"{table.path}: '{table.name}file' is {tier.file!r}. It must be in the function's "
            "folder, and named from there."
        )
    return tier


def _contract(table: "_Table") -> Contract:
    contract = Contract(
        route=table.matching("route", r"(/[\w-]+)+", "a path such as '/api/detect'"),
        languages=table.names("languages"),
        formats=table.names("formats"),
        errors=table.matching("errors", "|".join(ERRORS), f"one of {', '.join(ERRORS)}"),
        statuses=table.statuses("statuses"),
    )
    if contract.route in _OWN_ROUTES:
        raise ManifestError(
            f"{table.path}: '{table.name}route' is '{contract.route}', where every function "
            "answers as itself. Name another."
        )
    return contract


class _Table:
    """A TOML table that knows its place in the file, for errors that name it."""

    def __init__(self, path: Path, name: str, values: dict[str, Any]) -> None:
        self.path, self.name, self.values = path, name, values

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self._error(key, value, "a text")
        return value

    def matching(self, key: str, pattern: str, wanted: str) -> str:
        value = self.text(key)
        if not re.fullmatch(pattern, value):
            raise self._error(key, value, wanted)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._error(key, value, "a list of texts")
        return tuple(value)

    def names(self, key: str) -> tuple[str, ...]:
        if not (value := self.texts(key)):
            raise self._error(key, [], "a list of at least one text")
        return value

    def number(self, key: str) -> float:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(key, value, "a number")
        if not (0 <= value < math.inf):
            raise self._error(key, value, "zero or more, and finite")
        return float(value)

    def whole(self, key: str) -> int:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self._error(key, value, "a whole number of at least 1")
        return value

    def statuses(self, key: str) -> tuple[int, ...]:
        value = self._get(key)
        whole = isinstance(value, list) and all(type(item) is int for item in value)
        if not whole or not {400, 503} <= set(value):
            raise self._error(key, value, "a list of HTTP statuses, with 400 and 503 among them")
        return tuple(value)

    def table(self, key: str) -> "_Table":
        return self._as_table(key, self._get(key))

    def tables(self, key: str) -> Iterable["_Table"]:
        value = self._get(key)
        if not isinstance(value, list) or not value:
            raise self._error(key, value, "a list of at least one table")
        return [self._as_table(key, item) for item in value]

    def named_tables(self, key: str) -> Iterable[tuple[str, "_Table"]]:
        if key not in self.values:
            return []
        table = self.table(key)
        return [(name, table.table(name)) for name in table.values]

    def _get(self, key: str) -> Any:
        if key not in self.values:
            raise ManifestError(f"{self.path}: '{self.name}{key}' is missing.")
        return self.values[key]

    def _as_table(self, key: str, value: Any) -> "_Table":
        if not isinstance(value, dict):
            raise self._error(key, value, "a table")
        return _Table(self.path, f"{self.name}{key}.", value)

    def _error(self, key: str, value: Any, wanted: str) -> ManifestError:
        return ManifestError(f"{self.path}: '{self.name}{key}' is {value!r}. It must be {wanted}.")
