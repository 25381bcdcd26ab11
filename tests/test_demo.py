"""The demo clips are what their scripts make, and functions have something to say about theirs."""

import importlib
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import soundfile

from demo.__main__ import clips
from functions.kit import manifest
from tests.tree import ROOT

FUNCTIONS = manifest.discover(ROOT / "functions")


@pytest.fixture(params=sorted(path.stem for path in (ROOT / "demo").glob("*.ogg")))
def script(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(f"demo.{request.param}")


def test_a_clip_is_small(script: ModuleType) -> None:
    assert script.PATH.stat().st_size < 250_000


def test_a_clip_is_what_its_script_renders(script: ModuleType) -> None:
    shipped, rate = soundfile.read(script.PATH, always_2d=True)
    rendered = script.render().reshape(len(shipped), -1)
    assert rate == script.RATE
    assert shipped.shape == rendered.shape
    # Lossy: the loudness of each 20 ms agrees, not each sample.
    frame = rate // 50
    size = frame * shipped.shape[1]
    loudness = [
        np.sqrt((sound[: len(sound) // frame * frame] ** 2).reshape(-1, size).mean(axis=1))
        for sound in (shipped, rendered)
    ]
    assert np.corrcoef(*loudness)[0, 1] > 0.99


def test_the_demo_runs_every_function_on_its_own_clips() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, function in FUNCTIONS.items():
        files = " ".join(f"demo/{clip}.ogg" for clip in function.demo)
        assert f"$ halfgig invoke {name} {files}\n" in done.stdout
        assert done.stdout.count(f"REPORT fn={name} ") == len(function.demo)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_names_clips_that_are_there(name: str) -> None:
    assert clips(FUNCTIONS[name])
    assert all(clip.exists() for clip in clips(FUNCTIONS[name]))
