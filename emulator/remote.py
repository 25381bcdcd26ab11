"""The call of a function made here, made of a deployed service too, and put beside it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, BinaryIO

from emulator import client, difference, text
from emulator.answers import Answer, Said
from emulator.client import Address, AddressError, Unreachable
from emulator.difference import Difference
from emulator.invoke import Answer as Here
from functions.kit import keys
from functions.kit.manifest import Manifest
from functions.kit.problem import Problem
from functions.kit.steps import Progress

__all__ = ["AddressError", "Beside", "Remote"]

KEY = "HALFGIG_API_KEY"
"""The variable that has the service's key, where it wants one."""
_PATIENCE_S = 180.0
"""How long nothing may come, over what the function may take: a free service has to start first."""
_PARTS = {"queue": "queue", "init": "start", "fn": "function"}


class Elsewhere(Problem):
    """The address is not the service's."""

    status, reason, title = 502, "redirected", "The service is elsewhere"


@dataclass(frozen=True)
class Beside:
    """What came of a call here in `here_s`, and what came of it at `url` in `there_s`.

    There it was a result, or an error (problem+json), and each of its parts is said to have taken
    `timings` seconds.
    """

    here: Here
    here_s: float
    url: str
    result: Any
    error: dict[str, Any] | None
    timings: Mapping[str, float]
    there_s: float

    @property
    def differences(self) -> list[Difference]:
        """What is otherwise in the answer there."""
        return difference.between(
            _compared(self.here.result, self.here.error), _compared(self.result, self.error)
        )

    def as_dict(self) -> dict[str, Any]:
        """What came from there, for JSON."""
        its: dict[str, Any] = {"url": self.url}
        its |= {"result": self.result} if self.error is None else {"error": self.error}
        return its | {
            "seconds": round(self.there_s, 4),
            "timings": {f"{part}_s": round(its, 4) for part, its in self.timings.items()},
            "differences": [each.as_dict() for each in self.differences],
        }

    def text(self, show: ModuleType | None, width: int) -> str:
        """The same for a person, where the answer here is known."""
        found = self.differences
        if not found:
            lines = [f"{self.url} answers the same."]
        elif self.error is not None:
            lines = [f"{self.url} answers with an error, {self.error['status']}."]
        else:
            lines = [f"{self.url} answers otherwise:", text.result(self.result, show, width)]
            lines += [f"  {line}" for line in difference.text(found, width - 2)]
        return "\n".join([*lines, "", *self._table()])

    def _table(self) -> list[str]:
        """What it took here and there, a line each part."""
        report = self.here.report
        assert report is not None
        ours = {"queue": report.queue_s, "init": report.init_s, "fn": report.duration_s}
        said, known = sum(self.timings.get(part, 0.0) for part in _PARTS), bool(self.timings)
        rows = [("", "here", "there")]
        rows += [("status", str(report.status), str((self.error or {}).get("status", 200)))]
        rows += [("tier", _tier(self.here.result), _tier(self.result))]
        rows += [
            (label, _seconds(ours[part]), _seconds(self.timings.get(part)))
            for part, label in _PARTS.items()
        ]
        rest = self.there_s - said if known else None
        rows += [("the rest", _seconds(self.here_s - sum(ours.values())), _seconds(rest))]
        rows += [("in all", _seconds(self.here_s), _seconds(self.there_s or None))]
        return [f"{label:<10}{one:>14}{other:>14}" for label, one, other in rows]


class Remote:
    """A service at `address` that has the functions that are here."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @classmethod
    def at(cls, url: str) -> "Remote":
        """The one at `url`. Raises `AddressError`."""
        return cls(Address.read(url))

    def ask(
        self,
        function: Manifest,
        audio: BinaryIO,
        here: Here,
        here_s: float,
        progress: Callable[[Progress], None],
    ) -> Beside:
        """What it answers to `audio`, an open file, beside what came `here` in `here_s`."""
        url = f"{self._address}/{function.name}"
        try:
            answer = self._answer(function, audio, here, progress)
        except (Unreachable, Elsewhere) as problem:
            return Beside(here, here_s, url, None, problem.as_dict(), {}, 0.0)
        said = answer.said()
        failed = said.status >= 400 or not isinstance(said.value, dict)
        return Beside(
            here=here,
            here_s=here_s,
            url=url,
            result=None if failed else said.lasting,
            error=_error(said, answer) if failed else None,
            timings=answer.timings(),
            there_s=answer.seconds,
        )

    def _answer(
        self,
        function: Manifest,
        audio: BinaryIO,
        here: Here,
        progress: Callable[[Progress], None],
    ) -> Answer:
        headers = {
            "Accept": "text/event-stream, application/json;q=0.5",
            "Content-Type": "application/octet-stream",
        }
        if here.report and here.report.request_id:
            headers["X-Request-ID"] = here.report.request_id
        if key := os.environ.get(KEY):
            headers[keys.HEADER] = key

        def heard(name: str, data: Any) -> None:
            if name == "progress":
                progress(Progress(data["stage"], data["fraction"]))
            elif name in ("queued", "starting"):
                progress(Progress(name, None))

        audio.seek(0)
        answer = client.ask(
            self._address,
            f"/{function.name}",
            headers,
            audio,
            patience_s=function.timeout_s + _PATIENCE_S,
            progress=progress,
            heard=heard,
        )
        if 300 <= answer.status < 400:
            raise Elsewhere(
                f"{self._address} answers with status {answer.status} and sends on to "
                f"'{answer.headers.get('location', '')}'. Give that address."
            )
        return answer


def _error(said: Said, answer: Answer) -> dict[str, Any]:
    if isinstance(said.value, dict) and {"status", "detail", "reason"} <= set(said.value):
        return said.value
    its = answer.body[:200].decode("utf-8", "replace").strip()
    return {
        "type": "about:blank",
        "title": "It is no answer of a function",
        "status": answer.status if answer.status >= 400 else 502,
        "detail": f"What came from there has status {answer.status}, and is no answer of a "
        f"function's. Is it the address of the service? It begins so: {its}",
        "reason": f"http_{answer.status}",
    }


def _compared(result: Any, error: Mapping[str, Any] | None) -> Any:
    """Of an error, only what is the same everywhere."""
    if error is None:
        return result
    return {"error": {key: error.get(key) for key in ("status", "reason")}}


def _tier(result: Any) -> str:
    model = result.get("model") if isinstance(result, dict) else None
    return str(model.get("tier", "-")) if isinstance(model, dict) else "-"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{max(value, 0.0):.2f} s"
