"""Each function's result as JSON Schema: `python -m deploy.schemas` writes `result.json` beside it.

It is made of the type that `core.steps` returns, with its docstrings. The service reads the file
for `/openapi.json`, so that it needs neither the code nor pydantic, which only this command does.
"""

import ast
import dataclasses
import importlib
import inspect
import json
import textwrap
import typing
from typing import Any

from functions.kit import manifest
from functions.kit.manifest import Manifest

FILE = "result.json"


def text(function: Manifest) -> str:
    """What `function`'s `result.json` must hold."""
    return json.dumps(of(function), indent=2, ensure_ascii=False) + "\n"


def of(function: Manifest) -> dict[str, Any]:
    """The schema of `function`'s result."""
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class Untitled(GenerateJsonSchema):
        """Gives a field no title, which would be its name once more."""

        def field_title_should_be_set(self, schema: object) -> bool:
            return False

    steps = importlib.import_module(f"functions.{function.name}.core").steps
    result = typing.get_args(typing.get_type_hints(steps)["return"])[2]
    schema = TypeAdapter(result).json_schema(mode="serialization", schema_generator=Untitled)
    _describe(schema, result)
    return schema


def main() -> None:
    """The command line."""
    for function in manifest.discover().values():
        (function.folder / FILE).write_text(text(function))


def _describe(schema: dict[str, Any], result: type) -> None:
    """Give each property the docstring under its field."""
    parts = {result.__name__: schema} | schema.get("$defs", {})
    for kind in _dataclasses(result):
        for name, words in _docstrings(kind).items():
            parts[kind.__name__]["properties"][name]["description"] = words


def _dataclasses(kind: Any) -> set[type]:
    """Every dataclass in a type, itself among them."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return {kind}.union(*map(_dataclasses, typing.get_type_hints(kind).values()))
    return set().union(*map(_dataclasses, typing.get_args(kind)))


def _docstrings(kind: type) -> dict[str, str]:
    """The text under each field that has one, on one line."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, after in zip(definition.body, definition.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(words))
            ):
                found[name] = " ".join(words.split())
    return found


if __name__ == "__main__":
    main()
