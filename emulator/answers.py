"""An HTTP answer, and what it says, whether it came as JSON or as events."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator import wire

EVENTS = "text/event-stream"
PASSING = ("request_id", "instance", "timings")
"""Members of an answer that are another each time."""
_PASSING_OF_FAILURES = (*PASSING, "detail")  # It may tell of numbers, and of processes.


@dataclass(frozen=True)
class Answer:
    """Its headers' names are in small letters; it took `seconds` from the request to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def said(self) -> "Said":
        """What it says."""
        if self.media_type == EVENTS:
            return _of_events(self.body)
        try:
            return Said(self.status, json.loads(self.body))
        except ValueError:
            return Said(self.status, {"bytes": len(self.body), "sha256": _sha256(self.body)})

    def timings(self) -> dict[str, float]:
        """The seconds of each part, such as queue, init and fn, as the service tells."""
        if self.media_type == EVENTS:
            for name, data in wire.events(iter(self.body.splitlines(keepends=True))):
                if name == "result" and isinstance(its := data.get("timings"), dict):
                    return {part.removesuffix("_s"): seconds for part, seconds in its.items()}
        return server_timing(self.headers.get("server-timing", ""))


@dataclass(frozen=True)
class Said:
    """The status that the answer would have as JSON, and the JSON.

    Of several functions it is {"results": …, "errors": …}, each by the function's name; of an
    answer that is no JSON, its length and its hash. A stream that broke off says nothing: null.
    """

    status: int
    value: Any

    @property
    def lasting(self) -> Any:
        """The value, less what is another each time."""
        value = self.value
        if isinstance(value, dict) and set(value) == {"results", "errors"}:
            return {
                part: {name: _less_passing(its) for name, its in value[part].items()}
                for part in value
            }
        return _less_passing(value)


def server_timing(header: str) -> dict[str, float]:
    """The seconds of each part in a Server-Timing header; those that can't be read are left out."""
    parts = {}
    for item in header.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            try:
                if key == "dur":
                    parts[name] = float(value) / 1000
            except ValueError:
                continue
    return parts


def _of_events(body: bytes) -> Said:
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    last = Said(200, None)
    for name, data in wire.events(iter(body.splitlines(keepends=True))):
        if name not in ("result", "error"):
            continue
        last = Said(200 if name == "result" else int(data.get("status", 500)), data)
        if "function" in data:
            its = {key: value for key, value in data.items() if key != "function"}
            (results if name == "result" else errors)[data["function"]] = its
    if results or errors:
        status = 200 if results else max(int(its.get("status", 500)) for its in errors.values())
        return Said(status, {"results": results, "errors": errors})
    return last


def _less_passing(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    failed = value.get("status", 0) if "reason" in value else 0
    passing = _PASSING_OF_FAILURES if failed in range(500, 600) else PASSING
    return {key: its for key, its in value.items() if key not in passing}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
