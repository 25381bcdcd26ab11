"""The OpenAPI document: valid, whole, and of whatever functions there are."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from deploy import schemas
from deploy.service import catalogue, openapi
from functions.kit import manifest
from tests.tree import ROOT, Tree

FUNCTIONS = manifest.discover(ROOT / "functions")


def described(root: Path = ROOT, *, keys: bool = False) -> Any:
    """As whoever asks for it reads it."""
    document = openapi.document(manifest.discover(root / "functions"), keys=keys)
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("keys", [False, True])
def test_it_is_valid(keys: bool) -> None:
    validate(described(keys=keys), cls=OpenAPIV31SpecValidator)


def test_every_route_is_there() -> None:
    paths = described()["paths"]
    posts = {path for path, methods in paths.items() if "post" in methods}
    routes = [route for function in FUNCTIONS.values() for route in catalogue.routes(function)]
    assert posts == {"/analyze", *routes}
    assert {"/", "/functions", "/health", "/readyz", "/metrics", "/warmup"} <= paths.keys()


def test_results_are_as_the_functions_have_them() -> None:
    document = described()
    components = document["components"]["schemas"]
    for name, function in FUNCTIONS.items():
        schema = schemas.of(function)
        assert components[name]["properties"].keys() == schema["properties"].keys()
        answer = document["paths"][f"/{name}"]["post"]["responses"]["200"]["content"]
        assert answer["application/json"]["schema"] == {"$ref": f"#/components/schemas/{name}"}
        assert "text/event-stream" in answer
    votes = components["voice_detect"]["properties"]["votes"]
    assert votes["items"] == {"$ref": "#/components/schemas/voice_detect.Vote"}


def test_bodies_are_as_the_manifests_have_them() -> None:
    post = described()["paths"]["/beats"]["post"]
    kinds = post["requestBody"]["content"]
    assert kinds.keys() == {
        *FUNCTIONS["beats"].media_types,
        "multipart/form-data",
        "application/json",
    }
    assert "7200 s" in post["description"]


def test_a_contract_is_as_the_manifest_has_it() -> None:
    (first, _) = FUNCTIONS["voice_detect"].contracts
    post = described()["paths"][first.route]["post"]
    fields = post["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert fields["language"]["enum"] == list(first.languages)
    assert post["responses"].keys() == {"200", *map(str, first.statuses)}
    error = post["responses"]["400"]["content"]["application/json"]["schema"]
    assert error["properties"].keys() == {"status", "message"}


def test_refusals_say_when_to_come_back() -> None:
    for status in ("429", "503"):
        assert "Retry-After" in described()["components"]["responses"][status]["headers"]


def test_what_needs_a_key() -> None:
    assert "securitySchemes" not in described()["components"]
    document = described(keys=True)
    assert document["components"]["securitySchemes"]["key"]["name"] == "x-api-key"
    locked = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if "security" in operation
    }
    posts = {path for path, methods in document["paths"].items() if "post" in methods}
    assert locked == {*posts, "/warmup"}


def test_a_function_that_was_dropped_in(tree: Tree) -> None:
    document = described(tree.root)
    validate(document, cls=OpenAPIV31SpecValidator)
    assert document["components"]["schemas"]["echo"] == {"type": "object"}
    echo = document["paths"]["/echo"]["post"]
    assert echo["summary"] == "Does what the words in a file say."
    assert "text/plain" in echo["requestBody"]["content"]
    analyze = document["paths"]["/analyze"]["post"]
    assert "text/plain" in analyze["requestBody"]["content"]
    assert "echo" in analyze["parameters"][-1]["schema"]["items"]["enum"]
