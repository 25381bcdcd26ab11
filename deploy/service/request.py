"""What is asked: the head of a request, read from its ASGI scope."""

import os
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qs

from functions.kit.problem import Problem

Scope = MutableMapping[str, Any]

_REQUEST_ID_LENGTH = 128
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


class BadHead(Problem):
    status, reason, title = 400, "bad_request", "The request can't be read"


class BadQuery(Problem):
    status, reason, title = 400, "bad_query", "The address's query can't be read"


class Request:
    """A request's head. Headers' names are in lower case."""

    def __init__(self, scope: Scope) -> None:
        self._headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            first = self._headers.get(name)
            self._headers[name] = value if first is None else b"%b, %b" % (first, value)
        self._query: bytes = scope["query_string"]
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.scheme: str = scope["scheme"]
        self.address = str(scope["client"][0]) if scope.get("client") else ""
        self.id = self._id()

    def header(self, name: bytes) -> bytes | None:
        """The header `name`; where it was sent more than once, all of its values in a list."""
        return self._headers.get(name)

    def text(self, name: bytes) -> str | None:
        """The header `name` as a text, each of its bytes a character."""
        value = self.header(name)
        return None if value is None else value.decode("latin-1")

    @property
    def media_type(self) -> str:
        """The Content-Type, less its parameters, in lower case."""
        return (self.text(b"content-type") or "").partition(";")[0].strip().lower()

    @property
    def length(self) -> int | None:
        """How many bytes the body has; None where that is not told."""
        if self.header(b"transfer-encoding") is not None:
            return None
        length = self.header(b"content-length")
        return int(length) if length is not None else 0

    @property
    def waits_for_continue(self) -> bool:
        """Whether the client sends its body only once it is told to."""
        return (self.text(b"expect") or "").lower() == "100-continue"

    @property
    def traceparent(self) -> bytes | None:
        """The W3C trace context, if it is one."""
        value = self.header(b"traceparent")
        return value if value and _TRACEPARENT.fullmatch(value) else None

    @property
    def wants_events(self) -> bool:
        """Whether an event stream is named in Accept, and preferred to JSON if that is too."""
        wanted = {"text/event-stream": 0.0, "application/json": 0.0}
        for item in (self.text(b"accept") or "").split(","):
            kind, *parameters = (part.strip().lower() for part in item.split(";"))
            if kind in wanted:
                wanted[kind] = _quality(parameters)
        return wanted["text/event-stream"] > wanted["application/json"]

    def list(self, name: str) -> list[str] | None:
        """The query's parameter `name`, a list with commas between; None where it isn't there."""
        try:
            query = parse_qs(
                self._query.decode(), keep_blank_values=True, errors="strict", max_num_fields=20
            )
        except ValueError:
            raise BadQuery(f"It must be UTF-8 and short, such as ?{name}=one,two.") from None
        if name not in query:
            return None
        items = ",".join(query[name]).split(",")
        return list(dict.fromkeys(item.strip() for item in items if item.strip()))

    def _id(self) -> str:
        given = self.text(b"x-request-id") or ""
        if given.isascii() and given.isprintable() and 0 < len(given) <= _REQUEST_ID_LENGTH:
            return given
        return os.urandom(16).hex()


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
