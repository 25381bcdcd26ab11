"""`/openapi.json`: what the service takes and answers, made of the manifests and result schemas."""

import json
from collections.abc import Mapping
from typing import Any

from deploy.service import components
from deploy.service.components import JSON, PROBLEM_JSON, fields, ref
from functions.kit import keys as key_setting
from functions.kit.manifest import Contract, Manifest

RESULT = "result.json"
"""The file of a function's folder that has the schema of its result."""


def document(functions: Mapping[str, Manifest], *, keys: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a service of `functions`.

    keys : whether a POST needs one of the keys that are set
    """
    schemas: dict[str, Any] = {"Problem": components.PROBLEM, "Analysis": _analysis(functions)}
    paths: dict[str, Any] = {}
    for function in functions.values():
        schemas |= _result(function)
        paths[f"/{function.name}"] = {"post": _invocation(function)}
        for contract in function.contracts:
            paths[contract.route] = {"post": _contract(contract, function)}
    paths["/analyze"] = {"post": _analyze(functions)}
    paths["/warmup"] = {"get": _warmup(functions)}
    paths |= _pages()
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
            "responses": {str(each): components.error(each) for each in components.ERRORS},
            "parameters": components.PARAMETERS,
            "headers": components.HEADERS,
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
            f"{limits.bytes:,} bytes, and {function.timeout_s:g} s at most. {components.EVENTS}"
        ),
        "parameters": components.parameters(),
        "requestBody": components.audio(function.media_types),
        "responses": {"200": components.answer_or_events(ref("schemas", function.name))}
        | components.errors(components.ERRORS),
    }


def _contract(contract: Contract, function: Manifest) -> dict[str, Any]:
    """An earlier service's route; it has its own errors, or its own statuses for problems."""
    body = fields(
        {
            "language": {"type": "string", "enum": contract.languages},
            "audioFormat": {"type": "string", "enum": contract.formats},
            "audioBase64": {"type": "string", "contentEncoding": "base64"},
        }
    )
    content = {PROBLEM_JSON: {"schema": ref("schemas", "Problem")}}
    if contract.errors == "message":
        message = {"status": {"const": "error"}, "message": {"type": "string"}}
        content = {JSON: {"schema": fields(message)}}
    return {
        "operationId": f"{function.name}{contract.route.replace('/', '_')}",
        "summary": f"{function.name}, as an earlier service answered.",
        "parameters": components.parameters(),
        "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
        "responses": {"200": components.answer({"type": "object"})}
        | {str(status): components.error(status, content) for status in contract.statuses},
    }


def _analysis(functions: Mapping[str, Manifest]) -> dict[str, Any]:
    """The schema of several functions' answers in one."""
    results = {name: ref("schemas", name) for name in functions}
    problems = dict.fromkeys(functions, ref("schemas", "Problem"))
    return fields(
        {
            "results": {"type": "object", "properties": results},
            "errors": {"type": "object", "properties": problems},
        }
    )


def _analyze(functions: Mapping[str, Manifest]) -> dict[str, Any]:
    kinds = [kind for function in functions.values() for kind in function.media_types]
    analysis = ref("schemas", "Analysis")
    either = {PROBLEM_JSON: {"schema": ref("schemas", "Problem")}, JSON: {"schema": analysis}}
    return {
        "operationId": "analyze",
        "summary": "One upload, several functions, one answer.",
        "description": (
            "200 where any function has a result; `errors` has the others' problems. Where none "
            "has, it is the same with the worst of their statuses. What is wrong with the "
            f"request itself is a Problem. {components.EVENTS} Each says which `function` it is of."
        ),
        "parameters": [*components.parameters(), _choice(functions)],
        "requestBody": components.audio(dict.fromkeys(kinds)),
        "responses": {"200": components.answer_or_events(analysis, ())}
        | {str(status): components.error(status, either) for status in components.ERRORS},
    }


def _warmup(functions: Mapping[str, Manifest]) -> dict[str, Any]:
    states = fields({"functions": {"type": "object"}})
    unready = components.response(
        "One of them can't be made ready; the answer says which.", {JSON: {"schema": states}}
    )
    return {
        "operationId": "warmup",
        "summary": "Start functions, and wait until they are ready.",
        "parameters": [_choice(functions)],
        "responses": {"200": components.response("All are ready.", {JSON: {"schema": states}})}
        | components.errors((400, 401, 404, 429))
        | dict.fromkeys(("502", "503", "504"), unready),
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


def _pages() -> dict[str, Any]:
    """What GET answers."""
    paths: dict[str, Any] = {}
    for path, name, summary, kind in (
        ("/", "page", "The functions, and how to call them, for people.", "text/html"),
        ("/functions", "functions", "The functions, their limits and their states.", JSON),
        ("/health", "health", "How the service is; 200 while it lives.", JSON),
        ("/readyz", "readyz", "Whether it takes requests now: 200, or 503.", JSON),
        ("/metrics", "metrics", "Counts and gauges, as Prometheus reads them.", "text/plain"),
        ("/openapi.json", "openapi", "This document.", JSON),
    ):
        responses = {"200": components.response("The answer.", {kind: {}})}
        if path == "/readyz":
            responses["503"] = components.error(503, {kind: {}})
        paths[path] = {"get": {"operationId": name, "summary": summary, "responses": responses}}
    return paths


def _lock(described: dict[str, Any]) -> None:
    """Say that every POST, and `/warmup`, needs a key."""
    described["components"]["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": key_setting.HEADER}
    }
    for path, methods in described["paths"].items():
        if "post" in methods or path == "/warmup":
            for operation in methods.values():
                operation["security"] = [{"key": []}]
