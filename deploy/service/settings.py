"""The service's settings, from the environment: each field is the variable of its name."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from deploy import plans
from functions.kit import keys
from functions.kit.manifest import Manifest

T = TypeVar("T")

_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("", "0", "false", "no", "off"), False)


class SettingsError(ValueError):
    """A variable that can't be used; the message names it and its value, and says what would do."""


@dataclass(frozen=True)
class Settings:
    """What the service was told. A field's docstring is what the README says of its variable."""

    port: int
    """The port to listen at."""
    host: str
    """The address to listen at."""
    plan: plans.Plan
    """The plan of `deploy/plans.toml` that says how much memory and CPU there are."""
    concurrency: int
    """How many requests run at once; by default as many as the plan has whole CPUs, at
    least one."""
    queue_length: int
    """How many requests may wait."""
    queue_seconds: float
    """How long one may wait."""
    api_keys: bool
    """The keys, with commas between, one of which each POST must send in `x-api-key`."""
    rate_per_minute: float
    """How many requests a minute a key may make, or an address where there are no keys; 0: any."""
    cors_origins: tuple[str, ...]
    """The origins, with commas between, whose pages may ask; `*` is all."""
    max_body_mb: float
    """The most MB of a body, where that is less than the function takes itself."""
    spool_mb: float
    """The most MB of all bodies that are on the disk at a time."""
    tmpdir: Path
    """The folder for bodies and sockets."""
    disabled: frozenset[str]
    """`1` takes the function out."""
    urls: Mapping[str, str]
    """Where the function is, if it is to be forwarded to instead of started."""
    memory_mode: Literal["normal", "lite"]
    """`lite` or `normal`, shown by `/health`."""
    memory_watch: bool
    """`0` leaves it to the kernel alone to end a process that takes more than its memory."""
    drain_seconds: float
    """How long running requests may take to end once the service is told to stop."""


def variable(field: str) -> str:
    """The environment variable that `field` of `Settings` is read from."""
    per_function = {"disabled": "DISABLE_<NAME>", "urls": "FUNCTION_<NAME>_URL"}
    return per_function.get(field, field.upper())


def load(environ: Mapping[str, str], functions: Mapping[str, Manifest]) -> Settings:
    """The settings in `environ`, for the service of `functions`. Raises `SettingsError`."""
    source = _Source(environ)
    plan = source.read("PLAN", "free", _plan, f"one of {', '.join(plans.load())}")
    whole = "a whole number of at least 1"
    return Settings(
        port=source.read("PORT", "10000", _whole(0, 65_535), "a port, from 0 to 65535"),
        host=source.read("HOST", "0.0.0.0", str, ""),
        plan=plan,
        concurrency=source.read("CONCURRENCY", str(max(1, int(plan.cpus))), _whole(1), whole),
        queue_length=source.read("QUEUE_LENGTH", "32", _whole(0), "a whole number"),
        queue_seconds=source.read("QUEUE_SECONDS", "120", _number, "a number of seconds"),
        api_keys=bool(environ.get(keys.SETTING)),
        rate_per_minute=source.read("RATE_PER_MINUTE", "0", _number, "a number, 0 or more"),
        cors_origins=source.read(
            "CORS_ORIGINS",
            "",
            _origins,
            "'*', or origins such as https://example.org with commas between",
        ),
        max_body_mb=source.read("MAX_BODY_MB", "inf", _limit, "a number of MB, more than 0"),
        spool_mb=source.read("SPOOL_MB", "2048", _limit, "a number of MB, more than 0"),
        tmpdir=source.read("TMPDIR", "/tmp", _folder, "a folder that can be written to"),
        disabled=frozenset(
            name
            for name in functions
            if source.read(f"DISABLE_{name.upper()}", "", _boolean, "1 or 0")
        ),
        urls=_urls(environ, functions),
        memory_mode=source.read("MEMORY_MODE", "normal", _mode, "lite or normal"),
        memory_watch=source.read("MEMORY_WATCH", "1", _boolean, "1 or 0"),
        drain_seconds=source.read("DRAIN_SECONDS", "25", _number, "a number of seconds"),
    )


class _Source:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def read(self, name: str, default: str, parse: Callable[[str], T], wanted: str) -> T:
        """`name`'s value as `parse` makes it, which raises ValueError or KeyError for others."""
        text = self._environ.get(name, "").strip() or default
        try:
            return parse(text)
        except (ValueError, KeyError):
            raise SettingsError(f"{name} is {text!r}. It must be {wanted}.") from None


def _urls(environ: Mapping[str, str], functions: Iterable[str]) -> dict[str, str]:
    names = {f"FUNCTION_{name.upper()}_URL": name for name in functions}
    found = {}
    for variable, value in environ.items():
        if not (variable.startswith("FUNCTION_") and variable.endswith("_URL") and value.strip()):
            continue
        if variable not in names:
            raise SettingsError(
                f"{variable} is set, but there is no such function. It must be one of "
                f"{', '.join(names)}."
            )
        if not _is_url(value.strip()):
            raise SettingsError(
                f"{variable} is not shown here, as it may hold a secret. It must be an address "
                "such as https://example.org/beats."
            )
        found[names[variable]] = value.strip()
    return found


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        port = url.port  # raises for one that is none
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and url.scheme in ("http", "https") and bool(url.hostname) and port != 0


def _plan(text: str) -> plans.Plan:
    return plans.load()[text]


def _whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError
        return value

    return parse


def _number(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def _limit(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError
    return value


def _boolean(text: str) -> bool:
    return _BOOLEANS[text.lower()]


def _mode(text: str) -> Literal["normal", "lite"]:
    modes: dict[str, Literal["normal", "lite"]] = {"normal": "normal", "lite": "lite"}
    return modes[text.lower()]


def _folder(text: str) -> Path:
    if not os.access(text, os.W_OK | os.X_OK) or not Path(text).is_dir():
        raise ValueError
    return Path(text).resolve()


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip().rstrip("/") for origin in text.split(",") if origin.strip())
    for origin in origins:
        url = urlsplit(origin)
        if origin != "*" and (not url.scheme or not url.netloc or url.path or url.query):
            raise ValueError
    return origins
