"""ONNX Runtime is imported in one place, late, and leaves nothing behind in the home directory."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demo.__main__ import clip
from functions.kit import manifest, onnx
from tests.framework import framework, left, post
from tests.tree import ROOT, halfgig

MODELS = [
    (name, function.folder / tier.file)
    for name, function in manifest.discover(ROOT / "functions").items()
    for tier in function.tiers
    if tier.file and tier.file.endswith(".onnx")
]
NAMES = sorted({name for name, _ in MODELS})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with nothing in it."""
    return tmp_path


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    """An environment that says nothing about telemetry, nor of another place than `home`."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {"HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}


def test_nothing_else_imports_it() -> None:
    importing = re.compile(r"(?m)^\s*(import|from) onnxruntime\b")
    found = [
        str(path.relative_to(ROOT))
        for room in ("functions", "deploy", "emulator", "training", "benchmarks", "demo")
        for path in (ROOT / room).rglob("*.py")
        if importing.search(path.read_text())
    ]
    # The second has the first switch telemetry off before it reads the schema that comes with it.
    assert found == ["functions/kit/onnx.py", "training/ort_format.py"]


@pytest.mark.parametrize(("name", "path"), MODELS, ids=[name for name, _ in MODELS])
def test_a_session_has_one_thread(name: str, path: Path) -> None:
    options = onnx.session(path).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_plain_onnxruntime_would_leave_something(environ: dict[str, str], home: Path) -> None:
    """What the tests below would see."""
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=environ, check=True)
    if not left(home):
        pytest.skip("This build of onnxruntime leaves nothing in any case.")


LIBRARY = """
import os, sys
import functions.{name}.main
from functions.{name} import core
assert "onnxruntime" not in sys.modules
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
result = core.analyse(sys.argv[1])
assert "onnxruntime" in sys.modules
print(result.model.tier)
"""


@pytest.mark.parametrize("name", NAMES)
def test_imported_and_run_it_leaves_nothing(name: str, environ: dict[str, str], home: Path) -> None:
    function = manifest.discover()[name]
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY.format(name=name), clip(function)],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.strip() in [tier.name for tier in function.tiers]
    assert left(home) == []


@pytest.mark.parametrize("name", NAMES)
def test_invoked_it_leaves_nothing(name: str, environ: dict[str, str], home: Path) -> None:
    done = subprocess.run(
        [sys.executable, halfgig(), "invoke", name, clip(manifest.discover()[name]), "--json"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["report"]["status"] == 200
    assert done.stderr == ""
    assert left(home) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Needs Linux's /proc.")
def test_served_it_leaves_nothing_and_loads_the_model_with_the_first_request(
    name: str, environ: dict[str, str], home: Path
) -> None:
    function = manifest.discover()[name]
    source = str(function.folder / "main.py")
    args = ("--target", function.target, "--source", source)
    with framework(Path(sys.executable), home, environ, *args) as url:
        assert not any_process_of(home, "onnxruntime")
        post(url, clip(function).read_bytes(), "audio/ogg")
        assert any_process_of(home, "onnxruntime")
    assert left(home) == []


def any_process_of(home: Path, library: str) -> bool:
    """Whether a process with this home directory has `library` in memory."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = f"HOME={home}\0".encode() in (folder / "environ").read_bytes() + b"\0"
            if mine and library in (folder / "maps").read_text():
                return True
        except OSError:  # It has ended, or is another's.
            continue
    return False
