"""What /functions says: every function there is, with its routes and how it is."""

import json
from typing import Any

from deploy.service import catalogue
from functions.kit import manifest
from tests import snapshots
from tests.tree import Tree


def told(tree: Tree) -> dict[str, Any]:
    functions = manifest.discover(tree.root / "functions")
    moment = snapshots.of(echo=snapshots.function("busy"), voice_detect=snapshots.function())
    document = catalogue.document(functions, moment, disabled=["emotion"], remote=["beats"])
    return {each["name"]: each for each in json.loads(json.dumps(document))["functions"]}


def test_every_function_is_there(tree: Tree) -> None:
    states = {name: its["state"] for name, its in told(tree).items()}
    assert states == {
        "beats": "remote",
        "echo": "busy",
        "emotion": "disabled",
        "voice_detect": "stopped",
    }


def test_it_is_as_its_manifest_says(tree: Tree) -> None:
    echo = told(tree)["echo"]
    assert echo["summary"] == "Does what the words in a file say."
    assert echo["limits"]["bytes"] == 5_000
    assert echo["limits"]["timeout_s"] == 60
    assert echo["tiers"] == [{"name": "words", "memory_mb": 60}]
    assert echo["routes"] == ["/echo"]


def test_contracts_are_routes(tree: Tree) -> None:
    its = told(tree)["voice_detect"]
    assert its["routes"] == ["/voice_detect", "/api/voice-detection", "/detect"]
