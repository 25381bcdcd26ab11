"""The results' schemas: as the code has them, and as real answers are."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from demo.__main__ import clip
from deploy import schemas
from emulator.invoke import Invoker
from functions.kit import manifest
from tests.tree import ROOT, Tree

FUNCTIONS = manifest.discover(ROOT / "functions")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_file_is_what_the_code_says(name: str) -> None:
    """Where this fails, `make generate` writes it anew."""
    function = FUNCTIONS[name]
    assert (function.folder / schemas.FILE).read_text() == schemas.text(function)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_real_answer_is_as_the_schema_says(name: str) -> None:
    schema = schemas.of(FUNCTIONS[name])
    # Nothing may be in the answer that is not in the schema.
    for part in (schema, *schema["$defs"].values()):
        part["unevaluatedProperties"] = False
    with Invoker(FUNCTIONS[name]) as invoker, clip(FUNCTIONS[name]).open("rb") as audio:
        answer = invoker.invoke(audio, lambda _: None)
    assert list(Draft202012Validator(schema).iter_errors(answer.result)) == []


def test_docstrings_are_descriptions() -> None:
    schema = schemas.of(FUNCTIONS["emotion"])
    assert schema["properties"]["emotion"]["description"] == "The likeliest, certain or not."
    assert schema["$defs"]["Row"]["description"].startswith("Five seconds from `time`")


def test_a_function_that_was_dropped_in(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", ROOT / "tests" / "fourth" / "echo")
    done = tree.python("-m", "deploy.schemas", cwd=tree.root)
    assert done.returncode == 0, done.stderr
    assert '"words"' in (tree.root / "functions" / "echo" / schemas.FILE).read_text()
