"""What the router weighs: its imports, its memory, and what uploads add to that."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import Service, running
from tests.tree import ROOT, Tree
from tests.wire import Raw

HEAVY = {"numpy", "flask", "waitress", "functions_framework", "onnxruntime", "soundfile"}
MB = 2**20

linux = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="Needs Linux's /proc."
)


def test_it_imports_nothing_that_a_function_needs() -> None:
    code = "import deploy.service.__main__, json, sys; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    modules = set(json.loads(done.stdout))
    assert "deploy.service.router" in modules
    assert not HEAVY & modules
    assert not {name for name in modules if name.startswith(("functions.beats", "functions.emo"))}


@pytest.fixture
def service(tree: Tree) -> Iterator[Service]:
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        running(tree.environ, Path(folder)) as service,
    ):
        upload(service, 1)
        yield service


def upload(service: Service, size: int) -> None:
    """Send so many bytes that are no audio."""
    with Raw(service.port) as client:
        kind = "audio/wav"
        length = str(size)
        client.post("/beats", Content_Type=kind, Content_Length=length, Connection="close")
        left = size
        while left:
            client.send(bytes(min(left, MB)))
            left -= min(left, MB)
        assert client.rest().startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 503 "))


def most_mb(service: Service) -> float:
    """The most that was resident since `forget`, or since the start."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def forget(service: Service) -> None:
    Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")


@linux
def test_it_is_light(service: Service) -> None:
    text = Path(f"/proc/{service.process.pid}/smaps_rollup").read_text()
    assert int(text.partition("\nPss:")[2].split()[0]) / 1024 < 30


@linux
def test_an_upload_goes_by(service: Service) -> None:
    forget(service)
    before = most_mb(service)
    upload(service, 50 * MB)
    assert most_mb(service) - before < 5


@linux
def test_many_uploads_at_once_go_by(service: Service) -> None:
    forget(service)
    before = most_mb(service)
    threads = [threading.Thread(target=upload, args=(service, 2 * MB)) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most_mb(service) - before < 20
