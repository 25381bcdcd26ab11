"""The package, installed from its wheel into an environment of its own."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.framework import framework, free_port, left, post, serving
from tests.tree import ROOMS, ROOT, Tree


@pytest.mark.slow
def test_the_wheel_works_wholly(tree: Tree, tmp_path: Path) -> None:
    """With a function dropped into the tree it was built from, which it carries too."""
    venv = tmp_path / "venv"
    python = venv / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    lock = ROOT / "requirements-run.lock"
    subprocess.run([*pip, "install", "--require-hashes", "-r", lock], check=True)
    wheel: list[str | Path] = [
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        tree.root,
    ]
    subprocess.run([*pip, *wheel], check=True)
    (built,) = tmp_path.glob("halfgig-*.whl")
    subprocess.run([*pip, "install", built], check=True)

    home = tmp_path / "home"
    home.mkdir()
    environ = {"HOME": str(home), "PATH": f"{venv / 'bin'}:/usr/bin:/bin"}

    def halfgig(*args: str) -> str:
        return subprocess.run(
            [venv / "bin" / "halfgig", *args],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    listed = [json.loads(line) for line in halfgig("list", "--json").splitlines()]
    assert {function["name"] for function in listed} >= {"beats", "echo"}
    assert all(function["folder"].startswith(str(venv)) for function in listed)
    for function in listed:
        if function["name"] != "echo":
            clip = ROOT / "demo" / f"{function['demo'][0]}.ogg"
            answer = json.loads(halfgig("invoke", function["name"], str(clip), "--json"))
            assert answer["report"]["status"] == 200
            args = ("--target", function["target"], "--source", f"{function['folder']}/main.py")
            with framework(python, tmp_path, environ, *args) as url:
                assert post(url, clip.read_bytes(), "audio/ogg") == answer["result"]
    port = free_port()
    serve = [str(venv / "bin" / "halfgig"), "serve"]
    served = {**environ, "HOST": "127.0.0.1", "PORT": port}
    with serving(serve, port, tmp_path, served) as url:
        assert post(f"{url}/echo", b"hello", "text/plain")["words"] == ["hello"]
        with urllib.request.urlopen(f"{url}/openapi.json") as answer:
            assert "beats.Profile" in json.loads(answer.read())["components"]["schemas"]
    assert left(home) == []
    sites = {path.name for path in (venv / "lib").glob("python*/site-packages/*")}
    assert {*ROOMS} <= sites
    assert not sites & {"tests", "training", "benchmarks", "demo"}
