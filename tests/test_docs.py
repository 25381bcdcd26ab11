"""The README is true: its commands run, its output is what they print, its names are there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.cli import cli
from tests import framework, readme
from tests.tree import ROOT

TEXT = readme.README.read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
ENVIRON = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


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
        assert words[0] in cli.commands
        for option in re.findall(r"--[\w-]+", command):
            help_text = readme.output(f"halfgig {' '.join(words[:2])} --help")
            assert f" {option}" in help_text, f"{command}: there is no {option}."


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
    for name in set(re.findall(r"\b([A-Z][A-Z_]+)=", TEXT)):
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


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed.")
def test_http_routes_answer() -> None:
    """The README's own lines: the server, then each request to it."""
    lines = [line for block in readme.blocks("sh", TEXT) for line in block.splitlines()]
    port = framework.free_port()
    (server,) = [line for line in lines if line.startswith("functions-framework ")]
    requests = [line for line in lines if line.startswith("curl ")]
    assert len(requests) > 3
    command = [*server.replace("8080", port).split(), "--host", "127.0.0.1"]
    with framework.serving(command, port, ROOT, ENVIRON):
        for request in requests:
            local = request.replace("localhost:8080", f"127.0.0.1:{port}")
            fail = local.replace("curl ", "curl --silent --show-error --fail ", 1)
            done = subprocess.run(fail, shell=True, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, (request, done.stderr)
            assert '"tempo_bpm":' in done.stdout or '"status":' in done.stdout
