"""render.yaml: what the manifests make, and what Render takes."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import plans
from deploy.targets import render
from functions.kit import manifest
from tests import framework
from tests.tree import ROOT, Tree

FUNCTIONS = manifest.discover(ROOT / "functions")
TEXT = (ROOT / render.FILE).read_text()

# What Render's published schema lets a web service have.
SERVICE = {
    *("type", "name", "region", "plan", "runtime", "repo", "branch", "rootDir", "numInstances"),
    *("healthCheckPath", "scaling", "buildCommand", "startCommand", "preDeployCommand", "domains"),
    *("envVars", "autoDeployTrigger", "disk", "buildFilter", "previews", "maintenanceMode"),
    *("maxShutdownDelaySeconds", "ipAllowList"),
}
PLANS = ("free", "starter", "standard", "pro", "pro plus", "pro max", "pro ultra")


def faults(text: str) -> list[str]:
    """What of a blueprint Render would refuse."""
    (service,) = yaml.safe_load(text)["services"]
    checks = {
        "unknown keys": service.keys() <= SERVICE,
        "name": isinstance(service.get("name"), str),
        "type": service.get("type") == "web",
        "runtime": service.get("runtime") == "python",
        "plan": service.get("plan") in PLANS,
        "path": str(service.get("healthCheckPath", "/")).startswith("/"),
        "delay": type(service.get("maxShutdownDelaySeconds")) is int
        and 1 <= service["maxShutdownDelaySeconds"] <= 300,
        "trigger": service.get("autoDeployTrigger") in ("off", "commit", "checksPass"),
        "free has no": service.get("plan") != "free"
        or not service.keys() & {"disk", "scaling", "numInstances", "preDeployCommand"},
        "filter": service.get("buildFilter", {"paths": []}).keys() <= {"paths", "ignoredPaths"},
        "variables": all(map(_is_variable, service.get("envVars", []))),
        "python": re.fullmatch(r"3\.\d+\.\d+", str(variables(service).get("PYTHON_VERSION"))),
    }
    return [name for name, holds in checks.items() if not holds]


def _is_variable(each: dict[str, Any]) -> bool:
    match each:
        case {"key": str(), "value": bool()}:
            return False
        case {"key": str(), "value": str() | int() | float(), **rest}:
            return not rest
        case {"key": str(), "generateValue": bool(), **rest}:
            return not rest
    return False


def variables(service: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: each.get("value") for each in service["envVars"]}


def test_it_is_what_the_manifests_make() -> None:
    """Where this fails, `make generate` writes it anew."""
    assert render.blueprint(FUNCTIONS, plans.load()[render.PLAN]) == TEXT


def test_render_takes_it() -> None:
    assert faults(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("runtime: python", "env: python", "unknown keys"),
        ("plan: free", "plan: tiny", "plan"),
        ("generateValue: true", "value: true", "variables"),
        ('"3.11.14"', '"3.11"', "python"),
        ("Seconds: 30", "Seconds: 301", "delay"),
        ("autoDeployTrigger: checksPass", "autoDeployTrigger: off", "trigger"),
    ],
)
def test_what_render_does_not_take_would_be_seen(old: str, new: str, fault: str) -> None:
    assert old in TEXT
    assert fault in faults(TEXT.replace(old, new))


def test_what_it_names_is_there() -> None:
    (service,) = yaml.safe_load(TEXT)["services"]
    for pattern in service["buildFilter"]["paths"]:
        assert list(ROOT.glob(pattern)), pattern
    assert "-r requirements-run.lock" in service["buildCommand"]
    assert variables(service)["PLAN"] in plans.load()


def test_a_function_that_was_dropped_in(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", ROOT / "tests" / "fourth" / "echo")
    done = tree.python("-m", "deploy.targets.render", cwd=tree.root)
    assert done.returncode == 0, done.stderr
    text = (tree.root / render.FILE).read_text()
    assert "#   echo: 40 MB idle, 60 MB at its peak;\n#     3 s for its longest" in text
    assert faults(text) == []


def test_a_function_that_never_fits() -> None:
    beats = FUNCTIONS["beats"]
    large = replace(beats, memory=replace(beats.memory, peak_mb=500))
    with pytest.raises(render.TooMuch, match="'beats' takes 500 MB at its peak"):
        render.blueprint({"beats": large}, plans.load()["free"])
    render.blueprint({"beats": large}, plans.load()["standard"])


@pytest.mark.slow
def test_its_commands_make_a_service_that_answers(tmp_path: Path) -> None:
    """In an environment of its own, as Render would run them."""
    tree = Tree(tmp_path / "tree", ROOT / "tests" / "fourth" / "echo")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    lock = (ROOT / "requirements-run.lock").read_bytes()
    (tree.root / "requirements-run.lock").write_bytes(lock)
    (service,) = yaml.safe_load(TEXT)["services"]
    port = framework.free_port()
    environ = {"PATH": f"{venv / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "PORT": port}
    environ |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    subprocess.run(service["buildCommand"], shell=True, cwd=tree.root, env=environ, check=True)
    assert list((tree.root / "functions" / "kit" / "__pycache__").glob("*.pyc"))
    environ |= {"PLAN": variables(service)["PLAN"]}
    with framework.serving(service["startCommand"].split(), port, tree.root, environ) as url:
        assert framework.post(f"{url}/echo", b"hello", "text/plain")["words"] == ["hello"]
        clip = (ROOT / "demo" / "speech.ogg").read_bytes()
        assert framework.post(f"{url}/emotion", clip, "audio/ogg")["emotion"]
