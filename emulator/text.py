"""Manifests and results as a person reads them, and as a machine does."""

import dataclasses
import json
from types import ModuleType
from typing import TYPE_CHECKING, Any

from emulator.invoke import Answer
from functions.kit.manifest import Manifest

if TYPE_CHECKING:  # It imports numpy.
    from emulator.profile import Profile


def human(function: Manifest) -> str:
    """A function in a few lines."""
    limits, memory = function.limits, function.memory
    tiers = ", ".join(f"{tier.name} ({tier.memory_mb:g} MB)" for tier in function.tiers)
    return "\n".join(
        [
            f"{function.name}: {function.summary}",
            f"  takes   {_span(limits.min_seconds)} to {_span(limits.seconds)} of audio, up to "
            f"{limits.bytes / 1e6:g} MB; {_span(function.timeout_s)} to answer",
            f"  memory  {memory.idle_mb:g} MB idle, {memory.peak_mb:g} MB at its peak",
            f"  tiers   {tiers}",
        ]
    )


def profile(function: Manifest, its: "Profile") -> str:
    """What was measured of a function, beside what its manifest says."""
    said, memory = function.memory, its.memory
    lines = [
        f"{function.name}: {memory.idle_mb:g} MB idle, {memory.peak_mb:g} MB at its peak "
        f"(function.toml said {said.idle_mb:g} and {said.peak_mb:g})"
    ]
    if its.cpu_per_s is not None:
        lines.append(
            f"  {its.cpu_per_s:g} CPU s a second of audio (it said {function.cpu_per_s:g})"
        )
    lines.append(f"  {'audio':<10}{'CPU s':>9}{'peak MB':>10}")
    for each in its.recordings:
        audio = "none" if each.seconds is None else f"{each.seconds:.4g} s"
        lines.append(f"  {audio:<10}{each.cpu_s:>9.3f}{each.peak_mb:>10.0f}")
    return "\n".join(lines)


def machine(function: Manifest) -> dict[str, Any]:
    """The whole manifest, for JSON."""
    return {**dataclasses.asdict(function), "folder": str(function.folder)}


def answer(file: str, came: Answer) -> dict[str, Any]:
    """What came of one file, for JSON."""
    line: dict[str, Any] = {"file": file}
    if came.error is None:
        line["result"] = came.result
    else:
        line["error"] = came.error
    if came.report is not None:
        line["report"] = came.report.as_dict()
    return line


def result(value: Any, show: ModuleType | None, width: int) -> str:
    """A function's result: by its own `show.text` where it has one, else each key on a line."""
    if show is not None and hasattr(show, "text"):
        shown: str = show.text(value, width)
        return shown
    pairs = value.items() if isinstance(value, dict) else [("result", value)]
    room = max((len(key) for key, _ in pairs), default=0)
    return "\n".join(_cut(f"{key:<{room}}  {_plain(item)}", width) for key, item in pairs)


def _span(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _plain(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
