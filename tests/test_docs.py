"""The README is true: its commands run, its output is what they print, its names are there."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from deploy.service import openapi, places, settings
from emulator.cli import COMMANDS
from functions.kit import manifest
from functions.kit.problem import Problem
from functions.kit.refusals import NotAllowed, NotFound
from tests import framework, readme
from tests.tree import ROOT

TEXT = readme.README.read_text()
FUNCTIONS = manifest.discover(ROOT / "functions")
MAKEFILE = (ROOT / "Makefile").read_text()
ENVIRON = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed.")


def unmeasured(text: str) -> str:
    """`text` without its figures, which are another machine's or another day's."""
    return re.sub(r"[▁▂▃▄▅▆▇█ ]*[▁▂▃▄▅▆▇█][▁▂▃▄▅▆▇█ ]*", "~", re.sub(r"\d+(\.\d+)?", "0", text))


def test_what_commands_print_is_what_they_print() -> None:
    """Where this fails, `make readme` writes it anew."""
    assert unmeasured(readme.anew(TEXT)) == unmeasured(TEXT)


def test_commands_and_their_options_exist() -> None:
    shown = [*readme.blocks("sh", TEXT), *readme.blocks("console", TEXT)]
    commands = re.findall(r"(?m)^(?:\$ )?(halfgig .*)$", "\n".join(shown))
    assert commands
    for command in commands:
        words = command.split()[1:]
        if words[0] == "--help":
            continue
        assert words[0] in COMMANDS
        helps = [f"halfgig {words[0]} --help"]
        if len(words) > 1 and not words[1].startswith("-"):
            helps.append(f"halfgig {words[0]} {words[1]} --help")
        for option in set(re.findall(r" (--[\w-]+)", command)):
            known = any(f" {option}" in readme.output(each) for each in helps)
            assert known, f"{command}: there is no {option}."


def test_make_targets_exist() -> None:
    for target in re.findall(r"(?m)(?:^|`)make (\w+)", TEXT):
        assert re.search(rf"(?m)^{target}:", MAKEFILE), f"There is no 'make {target}'."


def test_settings_exist() -> None:
    sources = MAKEFILE + "".join(
        path.read_text()
        for room in ("functions", "deploy", "emulator", "benchmarks", "training", "tests")
        for path in (ROOT / room).rglob("*.py")
        if path != Path(__file__)
    )
    anyones = "|".join(name.upper() for name in FUNCTIONS)
    known = {settings.variable(field.name) for field in fields(settings.Settings)}
    for name in set(re.findall(r"\b([A-Z][A-Z_]+)=", TEXT)):
        if re.sub(anyones, "<NAME>", name) in known:
            continue
        assert re.search(rf"\b{name}\b", sources), f"Nothing reads {name}."


ROOMS = ("functions/", "deploy/", "emulator/", "training/", "benchmarks/", "demo/", "LICENSE")


def test_files_exist() -> None:
    named = re.findall(r"`([\w.-]+/[\w./-]*|[\w-]+\.py)`", TEXT)
    named += re.findall(r"\]\((?!http)([^)#]+)\)", TEXT)
    named = [name for name in named if name.startswith(ROOMS) and "NAME" not in name]
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("code", readme.blocks("python", TEXT))
def test_python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_settings_are_the_services() -> None:
    """Where this fails, `make readme` writes the table anew."""
    assert readme.with_settings(TEXT) == TEXT
    assert "| `QUEUE_LENGTH` | `32` |" in TEXT


def test_routes_are_the_services() -> None:
    told = set(re.findall(r"`(GET|POST) (/[^`]*)`", TEXT))
    paths = openapi.document(FUNCTIONS, keys=False)["paths"]
    assert told == {(method.upper(), path) for path, its in paths.items() for method in its}


def test_reasons_are_the_services() -> None:
    importlib.import_module("deploy.service.__main__")  # Which imports whatever has a reason.
    rows = re.findall(r"(?m)^\| (\d+) \| (`.*?`) \|", TEXT)
    told = {(int(status), reason) for status, its in rows for reason in re.findall(r"`(.*?)`", its)}
    seen = {
        (kind.status, kind.reason)
        for kind in subclasses(Problem)
        if kind.__module__.startswith("deploy.service") and "reason" in vars(kind)
    }
    seen |= {(kind.status, kind.reason) for kind in (NotAllowed, NotFound)}
    for reason in get_args(get_type_hints(places.Refused.__init__)["reason"]):
        seen.add((places.Refused.status, reason))
    for reason in get_args(get_type_hints(places.Lost.__init__)["reason"]):
        seen.add((places.Lost("", reason).status, reason))
    assert told == seen | {(Problem.status, Problem.reason)}


def subclasses(kind: type[Problem]) -> set[type[Problem]]:
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def requests_to(port: str) -> list[str]:
    """The README's own lines that ask at `port`."""
    lines = [line for block in readme.blocks("sh", TEXT) for line in block.splitlines()]
    found = [line for line in lines if line.startswith("curl ") and f"localhost:{port}" in line]
    assert len(found) > 3
    return found


def answer_to(request: str, port: str, ours: str) -> str:
    """What comes of such a line, asked at our port instead."""
    local = request.replace(f"localhost:{port}", f"127.0.0.1:{ours}")
    fail = local.replace("curl ", "curl --silent --show-error --fail ", 1)
    done = subprocess.run(fail, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (request, done.stderr)
    return done.stdout


@needs_curl
def test_http_routes_answer() -> None:
    """The README's own lines: the server, then each request to it."""
    (server,) = re.findall(r"(?m)^functions-framework .*$", TEXT)
    port = framework.free_port()
    command = [*server.replace("8080", port).split(), "--host", "127.0.0.1"]
    with framework.serving(command, port, ROOT, ENVIRON):
        for request in requests_to("8080"):
            answer = answer_to(request, "8080", port)
            assert '"tempo_bpm":' in answer or '"status":' in answer


@needs_curl
def test_the_services_routes_answer() -> None:
    (server,) = re.findall(r"(?m)^halfgig serve$", TEXT)
    port = framework.free_port()
    environ = {**ENVIRON, "PORT": port, "HOST": "127.0.0.1"}
    with framework.serving(server.split(), port, ROOT, environ) as url:
        for request in requests_to("10000"):
            assert '"model":' in answer_to(request, "10000", port) or "/health" in request
        for method, path in re.findall(r"`(GET|POST) (/[^`]*)`", TEXT):
            if method == "GET":
                assert answer_to(f"curl {url}{path}", "10000", port)
