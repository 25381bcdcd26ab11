"""The drop-in contracts: requests and errors as an earlier service had them.

A request is `{"language": …, "audioFormat": …, "audioBase64": …}`. Its answer is the function's own
to translate; its errors are of the contract's style:

message : `{"status": "error", "message": …}`
problem : problem+json (RFC 9457). Its `detail` is where FastAPI's `HTTPException` has its sentence.
"""

import base64
import re
import reprlib
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from functions.kit import sniff
from functions.kit.manifest import Contract
from functions.kit.problem import Problem

_SPACE = string.whitespace.encode()
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.ASCII)


class BadBody(Problem):
    status, reason, title = 400, "bad_body", "The request's body can't be read"


@dataclass(frozen=True)
class Asked:
    """A request: `language` as the contract spells it, the audio's bytes, and what to remark."""

    language: str
    audio: bytes
    warnings: list[str]


Answer: TypeAlias = Callable[[Any, Asked], dict[str, Any]]
"""A function's result, and what was asked, as the contract answers it."""


class Error(NamedTuple):
    """An error as the contract has it: its HTTP status, media type and JSON document."""

    status: int
    media_type: str
    document: dict[str, Any]


def read(document: object, contract: Contract) -> Asked:
    """The request in `document`, a JSON body as parsed. Raises `BadBody`."""
    if not isinstance(document, dict):
        raise BadBody(
            "The JSON body must be an object with 'language', 'audioFormat' and 'audioBase64'."
        )
    language = _one_of(contract.languages, document, "language")
    format = _one_of(contract.formats, document, "audioFormat")
    audio = decoded(_text(document, "audioBase64"), "audioBase64")
    content = sniff.content(audio[: sniff.HEAD])
    warnings = []
    if content and content.kind is sniff.Kind.DECODABLE and content.name.lower() != format.lower():
        warnings.append(
            f"'audioFormat' is {format}, but the content is {content.name}, and was read as that."
        )
    return Asked(language, audio, warnings)


def decoded(text: str, field: str) -> bytes:
    """The bytes that `text`, the value of `field`, stands for: base64, with line breaks or without.

    A data URL (`data:audio/mp3;base64,…`), as browsers make it of a file, will do too. Raises
    `BadBody`.
    """
    if url := _DATA_URL.match(text):
        text = text[url.end() :]
    try:
        return base64.b64decode(text.encode("ascii").translate(None, _SPACE), validate=True)
    except ValueError:
        raise BadBody(f"'{field}' is not valid base64 (RFC 4648, section 4).") from None


def error(contract: Contract, problem: Problem, request_id: str) -> Error:
    """What `contract` answers for `problem`.

    A status that it doesn't know becomes 400 where the request is at fault, and else 503.
    """
    status = problem.status
    if status not in contract.statuses:
        status = 400 if status < 500 else 503
    if contract.errors == "message":
        return Error(status, "application/json", {"status": "error", "message": problem.detail})
    document = problem.as_dict(request_id) | {"status": status}
    return Error(status, "application/problem+json", document)


def _one_of(allowed: tuple[str, ...], document: dict[str, Any], field: str) -> str:
    """The one of `allowed` that `field` names, in whichever case."""
    value = _text(document, field)
    for name in allowed:
        if name.casefold() == value.strip().casefold():
            return name
    raise BadBody(f"'{field}' is {reprlib.repr(value)}. It must be one of {', '.join(allowed)}.")


def _text(document: dict[str, Any], field: str) -> str:
    if field not in document:
        raise BadBody(f"'{field}' is missing from the JSON body.")
    value = document[field]
    if not isinstance(value, str):
        raise BadBody(f"'{field}' is {reprlib.repr(value)}. It must be a text.")
    return value
