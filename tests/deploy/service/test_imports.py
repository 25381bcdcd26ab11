"""What the router makes its documents with imports nothing heavy."""

import json
import subprocess
import sys

import pytest

from tests.tree import ROOT

HEAVY = {"numpy", "flask", "waitress", "functions_framework", "prometheus_client", "pydantic"}


@pytest.mark.parametrize(
    "name", ["catalogue", "health", "metrics", "openapi", "page", "components"]
)
def test_nothing_heavy(name: str) -> None:
    code = f"import deploy.service.{name}, json, sys; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert not HEAVY & set(json.loads(done.stdout)), done.stderr
