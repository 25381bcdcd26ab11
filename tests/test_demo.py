"""The demo clip is what its script makes, and each function has something to say about it."""

import subprocess
import sys

import numpy as np
import soundfile

from demo import clip
from functions.kit import manifest
from tests.tree import ROOT


def test_the_clip_is_small() -> None:
    assert clip.PATH.stat().st_size < 250_000


def test_the_clip_is_what_the_script_renders() -> None:
    shipped, rate = soundfile.read(clip.PATH)
    rendered = clip.render()
    assert rate == clip.RATE
    assert shipped.shape == rendered.shape
    # Lossy: the loudness of each 20 ms agrees, not each sample.
    loudness = [
        np.sqrt((sound[: len(sound) // 882 * 882].reshape(-1, 882 * 2) ** 2).mean(axis=1))
        for sound in (shipped, rendered)
    ]
    assert np.corrcoef(*loudness)[0, 1] > 0.99


def test_the_demo_runs_every_function() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in manifest.discover():
        assert f"$ halfgig invoke {name} demo/clip.ogg" in done.stdout
        assert f"REPORT fn={name} " in done.stdout
