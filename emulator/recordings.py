"""What `emulator.record` kept, read again."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator import record
from emulator.answers import Answer

ALL = "all"


class RecordingError(ValueError):
    """What is not there, or cannot be read; the message says which, and what would do."""


@dataclass(frozen=True)
class Recording:
    """One call, in `folder`: its request, its answer, and the REPORT of each function's part."""

    folder: Path
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    answer: Answer
    reports: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def target(self) -> str:
        """Its path, and its query if it has one."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def body(self) -> Path:
        return self.folder / record.BODY

    @property
    def request_id(self) -> str:
        return self.answer.headers.get("x-request-id", "")

    @property
    def cold(self) -> bool:
        """Whether a process had to be started for it."""
        return any(report["start"] == "cold" for report in self.reports)


def names(folder: Path) -> list[str]:
    """The recordings in `folder`, the oldest first. Raises `RecordingError` for none."""
    try:
        found = sorted(path.name for path in folder.iterdir() if (path / record.REQUEST).exists())
    except OSError as error:
        raise RecordingError(f"'{folder}' cannot be read: {error.strerror}.") from None
    if not found:
        raise RecordingError(
            f"There is nothing recorded in '{folder}'. `halfgig start --record {folder}` keeps "
            "every call that comes while it runs."
        )
    return found


def chosen(folder: Path, wanted: str) -> list[str]:
    """The names of those in `folder` that `wanted` means.

    That is `ALL`, a name, or a part of one that no other has, such as the request's id. Raises
    `RecordingError`.
    """
    every = names(folder)
    if wanted == ALL:
        return every
    meant = [name for name in every if name == wanted] or [name for name in every if wanted in name]
    if len(meant) == 1:
        return meant
    if meant:
        raise RecordingError(
            f"'{wanted}' is a part of {len(meant)} recordings' names. Give more of one: "
            f"{', '.join(meant[:3])}{', …' if len(meant) > 3 else ''}."
        )
    ids = {name.rpartition("Z-")[2].partition("-")[2]: name for name in every}
    near = difflib.get_close_matches(wanted, [*every, *ids], 1)
    guess = f"Did you mean '{near[0]}'?" if near else f"The last one is '{every[-1]}'."
    raise RecordingError(f"There is no recording '{wanted}' in '{folder}'. {guess}")


def load(folder: Path) -> Recording:
    """The recording in `folder`. Raises `RecordingError`."""
    try:
        request = _read(folder / record.REQUEST)
        head = _read(folder / record.ANSWER_HEAD)
        headers = {name.lower(): value for name, value in head["headers"]}
        reports = _read(folder / record.REPORT)
        (folder / record.BODY).stat()
        return Recording(
            folder=folder,
            path=request["path"],
            query=request["query"],
            headers=[(name, value) for name, value in request["headers"]],
            answer=Answer(head["status"], headers, (folder / record.ANSWER).read_bytes()),
            reports=[dict(report) for report in reports],
        )
    except OSError as error:
        name = Path(error.filename or folder).name
        raise RecordingError(
            f"The recording '{folder.name}' cannot be read: {name}: {error.strerror}."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(
            f"The recording '{folder.name}' is damaged: {type(error).__name__}: {error}. Remove it."
        ) from None


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
