"""A function's bundle, and functions-framework's own command running it."""

import subprocess
import sys
from pathlib import Path

import pytest

from demo.__main__ import clip
from functions.kit import manifest
from tests.framework import framework, left, post
from tests.tree import ROOT, Tree

FUNCTIONS = manifest.discover(ROOT / "functions")


def test_it_holds_the_function_and_the_kit_and_nothing_else(tree: Tree, tmp_path: Path) -> None:
    done = tree.python("-m", "deploy.bundle", "echo", tmp_path / "out", cwd=tree.root)
    assert done.returncode == 0, done.stderr
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert {file for file in files if "kit" not in file} == {
        "main.py",
        "requirements.txt",
        "functions/__init__.py",
        "functions/echo/core.py",
        "functions/echo/function.toml",
    }
    assert "functions/kit/http.py" in files


def test_it_never_overwrites(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    done = tree.python("-m", "deploy.bundle", "echo", tmp_path, cwd=tree.root)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "is not an empty folder" in done.stderr


def test_it_never_copies_itself(tree: Tree) -> None:
    out = tree.root / "functions" / "echo" / "out"
    done = tree.python("-m", "deploy.bundle", "echo", out, cwd=tree.root)
    assert done.returncode == 1
    assert "is among the functions themselves" in done.stderr
    assert not out.exists()


def test_a_name_that_is_wrong(tree: Tree, tmp_path: Path) -> None:
    done = tree.python("-m", "deploy.bundle", "ecko", tmp_path / "out", cwd=tree.root)
    assert done.returncode == 1
    assert "Did you mean 'echo'?" in done.stderr


def test_functions_framework_runs_what_was_dropped_in(tree: Tree) -> None:
    source = str(tree.root / "functions" / "echo" / "main.py")
    python = Path(sys.executable)
    args = ("--target", "handle", "--source", source)
    with framework(python, tree.root.parent, tree.environ, *args) as url:
        assert post(url, b"hello there", "text/plain")["words"] == ["hello", "there"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FUNCTIONS, "echo"])
def test_a_bundle_runs_on_its_own_requirements_alone(tree: Tree, tmp_path: Path, name: str) -> None:
    function = manifest.discover(tree.root / "functions")[name]
    out = tmp_path / "out"
    made = tree.python("-m", "deploy.bundle", name, out, cwd=tree.root)
    assert made.returncode == 0, made.stderr
    venv = tmp_path / "venv"
    python = venv / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*install, "-r", out / "requirements.txt"], check=True)
    subprocess.run([python, "-m", "pip", "check"], check=True, stdout=subprocess.DEVNULL)
    home = tmp_path / "home"
    home.mkdir()
    environ = {"PATH": f"{venv / 'bin'}:/usr/bin:/bin", "HOME": str(home)}
    with framework(python, out, environ, "--target", function.target) as url:
        body = b"hello" if name == "echo" else clip(function).read_bytes()
        answer = post(url, body, "application/octet-stream")
    assert answer["words"] == ["hello"] if name == "echo" else answer["model"]["tier"]
    assert left(home) == []
