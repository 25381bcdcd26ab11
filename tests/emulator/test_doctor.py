"""`halfgig doctor`, where all is well, and where each thing is not."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import soundfile

from emulator import doctor
from functions.kit import manifest
from tests.tree import ROOT, Tree, halfgig


@pytest.fixture
def mine(tmp_path: Path) -> Tree:
    """A tree of this test's own."""
    return Tree(tmp_path / "tree", ROOT / "tests" / "fourth" / "echo")


def found(tree: Tree, **settings: str) -> tuple[int, list[dict[str, Any]]]:
    """Its exit code, and what it says."""
    done = subprocess.run(
        [sys.executable, halfgig(), "doctor", "--json"],
        env={**tree.environ, "XDG_RUNTIME_DIR": "", "PORT": "0", **settings},
        cwd=tree.root.parent,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def says(findings: list[dict[str, Any]], state: str) -> list[str]:
    return [f"{each['what']}: {each['says']}" for each in findings if each["state"] == state]


def test_where_all_is_well(tree: Tree) -> None:
    code, findings = found(tree)
    assert says(findings, "missing") == []
    assert code == 0
    well = "\n".join(says(findings, "ok"))
    assert f"Python: 3.{sys.version_info.minor}." in well
    assert f"numpy {version('numpy')}" in well
    assert "WAV, FLAC, OGG, MP3" in well
    assert "emotion's tier 'embedded': model/emotion.onnx is there, whole, and loads." in well
    assert "telemetry: off: " in well
    (cage,) = [each for each in findings if each["what"] == "cage"]
    assert cage["state"] == ("note" if "Not enforced" in cage["says"] else "ok")


def test_what_a_person_sees(tree: Tree) -> None:
    lines = tree.halfgig("doctor").stdout.splitlines()
    assert re.match(r"ok      Python     3\.\d+", lines[0])
    assert not any("\x1b" in line for line in lines)


def replaced(tree: Tree, path: str, old: str, new: str) -> None:
    file = tree.root / "functions" / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def cut_model(tree: Tree) -> None:
    model = tree.root / "functions" / "emotion" / "model" / "emotion.onnx"
    model.write_bytes(model.read_bytes()[:-1])


def no_model(tree: Tree) -> None:
    (tree.root / "functions" / "voice_detect" / "model" / "voice_detect.onnx").unlink()


def no_load(tree: Tree) -> None:
    """A file that is the one that is named, and no model."""
    folder = tree.root / "functions" / "emotion"
    (folder / "model" / "emotion.onnx").write_bytes(b"")
    (tier,) = manifest.load(folder).tiers
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    replaced(tree, "emotion/function.toml", str(tier.sha256), empty)


def no_package(tree: Tree) -> None:
    replaced(tree, "echo/function.toml", '["functions-framework"]', '["no-such-package"]')


def no_manifest(tree: Tree) -> None:
    replaced(tree, "echo/function.toml", "timeout_s = 60", "timeout_s = true")


def telemetry(tree: Tree) -> None:
    replaced(tree, "kit/onnx.py", '_TELEMETRY"] = "1"', '_NOTHING"] = "1"')


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut_model, "emotion's tier 'embedded' can't be used: 'model/emotion.onnx' is not what"),
        (no_model, "voice_detect's tier 'embedded' can't be used: .* is not there"),
        (no_load, "emotion's tier 'embedded' can't be used: onnxruntime"),
        (no_package, "no-such-package is not installed: pip install no-such-package"),
        (no_manifest, r"function echo: .*line 6: 'timeout_s' is True. It must be a number"),
        (telemetry, r"telemetry: onnxruntime left .*onnxruntime\.db"),
    ],
)
def test_what_is_missing(mine: Tree, spoil: Callable[[Tree], None], said: str) -> None:
    spoil(mine)
    code, findings = found(mine)
    missing = "\n".join(says(findings, "missing"))
    assert re.search(said, missing), missing
    assert code == 1


def test_a_worse_tier_is_enough(mine: Tree) -> None:
    no_model(mine)
    path = mine.root / "functions" / "voice_detect" / manifest.FILE
    path.write_text(f'{path.read_text()}\n[[tiers]]\nname = "plain"\nmemory_mb = 1\n')
    code, findings = found(mine)
    assert code == 0
    assert "models: voice_detect's tier 'embedded' can't be used" in "\n".join(
        says(findings, "note")
    )


def test_a_port_that_is_taken(tree: Tree) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, findings = found(tree, PORT=str(port))
    (taken,) = [each for each in says(findings, "note") if each.startswith("port: ")]
    assert re.fullmatch(
        rf"port: Port {port} is taken by .+\. \d+ is free: halfgig start --port \d+", taken
    )
    assert code == 0


def test_a_port_that_is_none(tree: Tree) -> None:
    code, findings = found(tree, PORT="http")
    (port,) = says(findings, "missing")
    assert port == "port: PORT is 'http'. It must be a port, from 0 to 65535."
    assert code == 1


def test_little_room(mine: Tree) -> None:
    replaced(mine, "echo/function.toml", "bytes = 5_000", "bytes = 1_000_000_000_000_000")
    code, findings = found(mine)
    assert re.search(
        r"room: \d+ MB in .*, and a function takes files", "".join(says(findings, "note"))
    )
    assert code == 0


def test_a_library_that_knows_less(monkeypatch: pytest.MonkeyPatch) -> None:
    formats = {name: "" for name in soundfile.available_formats() if name != "MP3"}
    monkeypatch.setattr(soundfile, "available_formats", lambda: formats)
    (missing,) = [each for each in doctor.findings() if each.state == "missing"]
    assert missing.what == "decoders"
    assert missing.says.endswith(" can't read MP3.")


def test_what_can_not_be_told_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(folder: str) -> None:
        raise OSError("It is gone.")

    monkeypatch.setattr(shutil, "disk_usage", fails)
    (missing,) = [each for each in doctor.findings() if each.state == "missing"]
    assert missing == doctor.Finding("room", "missing", "It can't be told: OSError: It is gone.")
