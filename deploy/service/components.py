"""What the operations of the OpenAPI document have in common: errors, headers, bodies, answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from functions.kit import keys

JSON, PROBLEM_JSON = "application/json", "application/problem+json"

ERRORS = {
    400: "Empty, not audio, damaged from the start, or not a body that can be read.",
    401: f"No key in the header `{keys.HEADER}`, or one that is not known.",
    404: "The function is switched off.",
    408: "The body stopped coming.",
    413: "Too many bytes, or too long.",
    415: "A type that can't be decoded.",
    422: "Audio that can't be judged; the detail says why.",
    429: "Too many requests in a minute; Retry-After says when to ask.",
    500: "The function failed; its log says why.",
    502: "The function's process ended before it had answered.",
    503: "No memory, no place in the queue, no start, or stopping; Retry-After says when to ask.",
    504: "The function took longer than its timeout.",
}
RETRY = (429, 503)

EVENTS = (
    "With `Accept: text/event-stream` the answer is a stream of events: `queued` "
    '({"place": 1 for the next}), `starting`, `progress` ({"stage", "fraction"}), then one '
    "`result`, which has `timings` beside its own members, or one `error`, a Problem."
)

PROBLEM = {
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence: what is wrong, what would do."},
        "reason": {"type": "string", "description": "A word for programs; it never changes."},
        "request_id": {"type": "string"},
        "retry_after_s": {"type": "integer", "description": "As in Retry-After."},
    },
    "required": ["type", "title", "status", "detail", "reason"],
}

_TEXT = {"type": "string"}
PARAMETERS = {
    "X-Request-ID": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "A name for the request, up to 128 characters; else it is given one.",
        "schema": _TEXT,
    },
    "traceparent": {
        "name": "traceparent",
        "in": "header",
        "description": "The caller's place in a trace, as W3C Trace Context has it.",
        "schema": _TEXT,
    },
}
HEADERS = {
    "X-Request-ID": {"description": "The request's name in the logs.", "schema": _TEXT},
    "Server-Timing": {"description": "Milliseconds of queue, init and fn.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}


def ref(kind: str, name: str) -> dict[str, Any]:
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def errors(statuses: Iterable[int]) -> dict[str, Any]:
    """References to the errors of these statuses."""
    return {str(status): ref("responses", str(status)) for status in statuses}


def parameters() -> list[dict[str, Any]]:
    """References to those of every call."""
    return [ref("parameters", name) for name in PARAMETERS]


def response(
    description: str, content: Mapping[str, Any], headers: Iterable[str] = ()
) -> dict[str, Any]:
    """A response with these headers, beside those that each has."""
    return {
        "description": description,
        "headers": {name: ref("headers", name) for name in ("X-Request-ID", *headers)},
        "content": dict(content),
    }


def error(status: int, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The response of that status: a Problem, or else `content`."""
    return response(
        ERRORS.get(status, "Not a POST."),
        content or {PROBLEM_JSON: {"schema": ref("schemas", "Problem")}},
        ("Retry-After",) if status in RETRY else (),
    )


def answer(
    schema: Mapping[str, Any], headers: Iterable[str] = ("Server-Timing",)
) -> dict[str, Any]:
    """The response of a call that went well."""
    return response("The answer.", {JSON: {"schema": schema}}, headers)


def answer_or_events(
    schema: Mapping[str, Any], headers: Iterable[str] = ("Server-Timing",)
) -> dict[str, Any]:
    """The same, of a call that can be followed as it goes."""
    its = answer(schema, headers)
    its["content"]["text/event-stream"] = {"schema": {"type": "string", "description": EVENTS}}
    return its


def audio(media_types: Iterable[str]) -> dict[str, Any]:
    """A body that holds a recording, in each way that one may come."""
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    text = {"type": "string", "contentEncoding": "base64"}
    content: dict[str, Any] = {kind: {} for kind in media_types}
    content["multipart/form-data"] = {"schema": fields({"file": file})}
    content[JSON] = {"schema": fields({"audio_base64": text})}
    return {"required": True, "content": content}


def fields(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all of these."""
    return {"type": "object", "properties": properties, "required": [*properties]}
