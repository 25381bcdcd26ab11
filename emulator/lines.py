"""The lines of the service's log, as a person reads them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from deploy.service.report import Report
from emulator.faults import Fault

_REPORT = {each.name for each in fields(Report)}
_SILENT = (  # or said otherwise
    "state",
    "cage",
    "draining",
    "recorded",
    "saved",
    "listening",
    "ended",
    "exit",
)
RAW = ("stderr", "stdout")
"""Events whose text is not prose."""
_BAD = "31"
_GOOD = "32"
_DIM = "2"

Line = Mapping[str, Any]


def shown(line: Line) -> tuple[str, str] | None:
    """Its text, and how that is to look (see `emulator.screen`); None if it is not to be shown."""
    match line:
        case {"event": event} if event in _SILENT:
            return None
        case {"event": "report", "status": status}:
            return report(line), _BAD if status >= 500 else ""
        case {"event": "stderr" | "stdout", "text": str(text)}:
            return text, ""
        case {"event": "stopped", "why": "replaced" | "memory" | "timeout"}:
            return None  # The verdict says it.
        case {"event": "refused", "reason": "memory" | "timeout" | "queue_timeout"}:
            return None
        case {"event": "started", "function": name, "init_s": seconds}:
            return f"{name} started in {seconds:.2f} s.", _DIM
        case {"event": "stopped", "why": "idle" | "evicted" | "stopping" as why}:
            return f"{line['function']} ended: {why}.", _DIM
        case {"event": "stopped", "why": "stopped" | "cancelled", "detail": detail}:
            return detail, _DIM
        case {"event": "stopped", "detail": detail}:
            return detail, _BAD
        case {"event": "refused", "status": status, "reason": reason, "detail": detail}:
            return f"Refused, {status} {reason} at '{line['route']}': {detail}", _DIM
        case {"event": "broken"}:
            return broken(line), _BAD
        case {"event": "reloaded", "function": name}:
            return f"{name} reloaded: its next request runs what was saved.", _GOOD
        case {"event": "reload_failed", "function": name, "detail": detail}:
            return f"{name} was not reloaded, and is as it was: {detail}", _BAD
        case {"event": "restarting"}:
            return "What all functions share was saved: the service starts anew.", _GOOD
        case {"event": "restart_failed", "detail": detail}:
            return f"The service did not start anew: {detail}", _BAD
        case {"event": "verdict", "lines": lines}:
            return "\n".join(lines), _BAD
        case {"event": "log", "level": level, "message": message}:
            return f"{level}: {message}", _BAD if level in ("error", "critical") else ""
        case {"event": "record_full", "detail": detail}:
            return detail, _BAD
        case {"event": "record_failed", "detail": detail}:
            return f"A request could not be kept: {detail}", _BAD
    rest = (f"{key}={value}" for key, value in line.items() if key not in ("time", "event"))
    return f"{line['event']}: {', '.join(rest)}", _DIM


def report(line: Line) -> str:
    """The REPORT line."""
    return Report(**{name: line[name] for name in _REPORT}).line()


def broken(line: Line) -> str:
    """A fault of a file, with its line, the place in it, and what that means."""
    fault = Fault(*(line[each.name] for each in fields(Fault)))
    what = f"'{line['function']}' was" if line.get("function") else "the service was"
    text = [f"{fault.place}: {fault.detail}"]
    if fault.text:
        stripped = fault.text.lstrip()
        text.append(f"    {stripped}")
        if fault.column:
            at = fault.column - 1 - (len(fault.text) - len(stripped))
            text.append(f"    {' ' * max(at, 0)}^")
    text.append(f"What {what} before goes on serving.")
    return "\n".join(text)
