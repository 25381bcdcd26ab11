"""`/openapi.json`: what the service takes and answers, made of the manifests and result schemas."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from functions.kit import keys as key_setting
from functions.kit.manifest import Contract, Manifest

RESULT = "result.json"
"""The file of a function's folder that has the schema of its result."""

ERRORS = {
    400: "Empty, not audio, damaged from the start, or not a body that can be read.",
    401: f"No key in the header `{key_setting.HEADER}`, or one that is not known.",
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
ASKING = (400, 401, 404, 429, 503)
"""What a request without a body may come to."""

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
    },
    "required": ["type", "title", "status", "detail", "reason"],
}


def document(functions: Mapping[str, Manifest], *, keys: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a service of `functions`.

    keys : whether a POST needs one of the keys that are set
    """
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    paths: dict[str, Any] = {}
    for function in functions.values():
        schemas |= _result(function)
        paths[f"/{function.name}"] = {"post": _invocation(function)}
        for contract in function.contracts:
            paths[contract.route] = {"post": _contract(contract, function)}
    paths["/analyze"] = {"post": _analysis(functions)}
    paths["/warmup"] = {"get": _warmup(functions)}
    paths |= {path: {"get": operation} for path, operation in _PAGES.items()}
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "halfgig",
            "version": "1",
            "summary": "Audio functions that fit in half a gigabyte.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {str(status): _error(status) for status in ERRORS},
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
        },
    }
    if keys:
        _lock(described)
    return described


def _result(function: Manifest) -> dict[str, Any]:
    """The schema of the function's result, and those that it refers to, as components."""
    path = function.folder / RESULT
    text = path.read_text() if path.exists() else '{"type": "object"}'
    schema = json.loads(text.replace('"#/$defs/', f'"#/components/schemas/{function.name}.'))
    parts = schema.pop("$defs", {})
    return {function.name: schema} | {
        f"{function.name}.{name}": part for name, part in parts.items()
    }


def _invocation(function: Manifest) -> dict[str, Any]:
    limits = function.limits
    return {
        "operationId": function.name,
        "summary": function.summary,
        "description": (
            f"Takes {limits.min_seconds:g} s to {limits.seconds:g} s of audio in at most "
            f"{limits.bytes:,} bytes, and {function.timeout_s:g} s at most. {EVENTS}"
        ),
        "parameters": _refs("parameters", _PARAMETERS),
        "requestBody": _audio(function.media_types),
        "responses": _answers(_ref("schemas", function.name)),
    }


def _contract(contract: Contract, function: Manifest) -> dict[str, Any]:
    """An earlier service's route; it has its own errors, or its own statuses for problems."""
    fields = {
        "language": {"type": "string", "enum": contract.languages},
        "audioFormat": {"type": "string", "enum": contract.formats},
        "audioBase64": {"type": "string", "contentEncoding": "base64"},
    }
    body = {"type": "object", "properties": fields, "required": [*fields]}
    kind, schema = "application/problem+json", _ref("schemas", "Problem")
    if contract.errors == "message":
        kind = "application/json"
        schema = {
            "type": "object",
            "properties": {"status": {"const": "error"}, "message": {"type": "string"}},
            "required": ["status", "message"],
        }
    errors = {
        str(status): {
            "description": ERRORS.get(status, "Not a POST."),
            "headers": _headers(status),
            "content": {kind: {"schema": schema}},
        }
        for status in contract.statuses
    }
    return {
        "operationId": f"{function.name}{contract.route.replace('/', '_')}",
        "summary": f"{function.name}, as an earlier service answered.",
        "parameters": _refs("parameters", _PARAMETERS),
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _ok({"type": "object"})} | errors,
    }


def _analysis(functions: Mapping[str, Manifest]) -> dict[str, Any]:
    kinds = [kind for function in functions.values() for kind in function.media_types]
    results = {name: _ref("schemas", name) for name in functions}
    errors = dict.fromkeys(functions, _ref("schemas", "Problem"))
    answer = {
        "type": "object",
        "properties": {
            "results": {"type": "object", "properties": results},
            "errors": {"type": "object", "properties": errors},
        },
        "required": ["results", "errors"],
    }
    return {
        "operationId": "analyze",
        "summary": "One upload, several functions, one answer.",
        "description": (
            "200 where any function has a result; `errors` has the others' problems. "
            f"{EVENTS} Each event says which `function` it is of."
        ),
        "parameters": [*_refs("parameters", _PARAMETERS), _choice(functions)],
        "requestBody": _audio(dict.fromkeys(kinds)),
        "responses": _answers(answer),
    }


def _warmup(functions: Mapping[str, Manifest]) -> dict[str, Any]:
    return {
        "operationId": "warmup",
        "summary": "Start functions, and wait until they are ready.",
        "parameters": [_choice(functions)],
        "responses": {"200": _ok({"type": "object"})} | _refs_by_status(ASKING),
    }


def _choice(functions: Mapping[str, Manifest]) -> dict[str, Any]:
    return {
        "name": "functions",
        "in": "query",
        "description": "Names with commas between; without it, all.",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": {"type": "string", "enum": [*functions]}},
    }


def _audio(media_types: Iterable[str]) -> dict[str, Any]:
    """A body that holds a recording, in each way that one may come."""
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    text = {"type": "string", "contentEncoding": "base64"}
    wrapped = {"multipart/form-data": {"file": file}, "application/json": {"audio_base64": text}}
    return {
        "required": True,
        "content": {kind: {} for kind in media_types}
        | {
            kind: {"schema": {"type": "object", "properties": fields, "required": [*fields]}}
            for kind, fields in wrapped.items()
        },
    }


def _answers(schema: dict[str, Any]) -> dict[str, Any]:
    ok = _ok(schema)
    ok["content"]["text/event-stream"] = {"schema": {"type": "string", "description": EVENTS}}
    return {"200": ok} | _refs_by_status(ERRORS)


def _ok(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": "The answer.",
        "headers": _headers(200),
        "content": {"application/json": {"schema": schema}},
    }


def _error(status: int) -> dict[str, Any]:
    return {
        "description": ERRORS[status],
        "headers": _headers(status),
        "content": {"application/problem+json": {"schema": _ref("schemas", "Problem")}},
    }


def _headers(status: int) -> dict[str, Any]:
    names = ["X-Request-ID"]
    names += ["Server-Timing"] if status == 200 else ["Retry-After"] if status in RETRY else []
    return {name: _ref("headers", name) for name in names}


def _page(name: str, summary: str, kind: str = "application/json") -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "As it says.", "content": {kind: {}}}},
    }


_PAGES = {
    "/": _page("page", "The functions, and how to call them, for people.", "text/html"),
    "/functions": _page("functions", "The functions, their limits and their states."),
    "/health": _page("health", "How the service is; 200 while it lives."),
    "/readyz": _page("readyz", "Whether it takes requests now: 200, or 503.")
    | {"responses": {"200": {"description": "It does."}, "503": {"description": "Not now."}}},
    "/metrics": _page("metrics", "Counts and gauges, as Prometheus reads them.", "text/plain"),
    "/openapi.json": _page("openapi", "This document."),
}

_TEXT = {"type": "string"}
_PARAMETERS = {
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
_HEADERS = {
    "X-Request-ID": {"description": "The request's name in the logs.", "schema": _TEXT},
    "Server-Timing": {"description": "Milliseconds of queue, init and fn.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}


def _ref(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _refs(kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
    return [_ref(kind, name) for name in names]


def _refs_by_status(statuses: Iterable[int]) -> dict[str, Any]:
    return {str(status): _ref("responses", str(status)) for status in statuses}


def _lock(described: dict[str, Any]) -> None:
    """Say that every POST, and `/warmup`, needs a key."""
    described["components"]["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": key_setting.HEADER}
    }
    for path, methods in described["paths"].items():
        if "post" in methods or path == "/warmup":
            for operation in methods.values():
                operation["security"] = [{"key": []}]
