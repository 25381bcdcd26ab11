"""What a template imports, and what is left for what it forks to import."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from demo.__main__ import clip
from deploy.service import rehearsal
from functions.kit import manifest, onnx
from tests.tree import ROOT

FUNCTIONS = manifest.discover(ROOT / "functions")
PACKAGES = sorted({name for each in FUNCTIONS.values() for name in each.requires})

IMPORTED = """
import json, sys
from pathlib import Path
from deploy.service import template
template.preload(json.loads(sys.argv[1]), json.loads(sys.argv[2]))
"""
FIRST_REQUEST = (
    IMPORTED
    + """
before = set(sys.modules)
from deploy.service import host
from deploy.service.report import Meter
from functions.kit import manifest

function = manifest.load(Path(sys.argv[3]))
app = host.Measured(host.load(function), Meter("it"), lambda report: None)
import waitress
waitress.create_server(app, unix_socket=sys.argv[5], threads=1).close()
with open(sys.argv[4], "rb") as body:
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": "", "wsgi.input": body,
        "CONTENT_LENGTH": str(Path(sys.argv[4]).stat().st_size), "CONTENT_TYPE": "audio/ogg",
        "SERVER_NAME": "it", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http", "HTTP_ACCEPT": "text/event-stream",
    }
    said = []
    answer = app(environ, lambda status, headers, *rest: said.append(status))
    assert b"event: result" in b"".join(answer)
    answer.close()
print(json.dumps(sorted(set(sys.modules) - before)))
"""
)
MODULES = IMPORTED + "print(json.dumps(sorted(sys.modules)))"
THREADS = IMPORTED + "print(len(list(Path('/proc/self/task').iterdir())))"


def python(code: str, packages: object, without: object, *args: str | Path) -> object:
    command = [sys.executable, "-c", code, json.dumps(packages), json.dumps(without)]
    done = subprocess.run([*command, *map(str, args)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def modules(packages: list[str], without: list[str]) -> set[str]:
    found = python(MODULES, packages, without)
    assert isinstance(found, list)
    return set(found)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_first_request_imports_the_functions_own_modules_only(name: str, tmp_path: Path) -> None:
    function = FUNCTIONS[name]
    without = sorted(set(PACKAGES) - set(function.requires))
    sound = clip(function)
    new = python(FIRST_REQUEST, function.requires, without, function.folder, sound, tmp_path / "s")
    assert isinstance(new, list)
    own = f"functions.{name}"
    assert [each for each in new if each not in ("main", own) and f"{own}." not in each] == []


def test_it_has_nothing_of_the_functions() -> None:
    found = modules(PACKAGES, [])
    assert {"numpy", "onnxruntime", "flask", "waitress", "functions.kit.audio"} <= found
    assert not {f"functions.{name}" for name in FUNCTIONS} & found
    assert "main" not in found


def test_it_has_nothing_that_others_require() -> None:
    others = sorted(set(PACKAGES) - {"functions-framework"})
    found = modules(["functions-framework"], others)
    assert not {"numpy", "soundfile", "soxr", "onnxruntime", "functions.kit.audio"} & found
    assert {"flask", "functions.kit.http"} <= found


def test_what_is_not_installed_is_left_to_the_function() -> None:
    assert "functions.kit.http" in modules(["functions-framework", "no-such-package"], [])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Needs Linux's /proc.")
def test_it_has_one_thread() -> None:
    assert python(THREADS, PACKAGES, []) == 1


def test_the_model_of_the_rehearsal_is_one(tmp_path: Path) -> None:
    path = tmp_path / "identity.onnx"
    path.write_bytes(rehearsal.IDENTITY)
    (out,) = onnx.session(path).run(None, {"x": np.array([7], np.float32)})
    assert out.tolist() == [7]
