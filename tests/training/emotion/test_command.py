"""The whole of training, in an environment of its own: from a folder of voices to a model."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks import clips
from functions.emotion import network
from tests.tree import ROOT

SPEAKERS = ("rav02", "rav04", "rav06", "rav07", "nemoKD0", "nemoKS0", "nemoTP0", "nemoWR0")
LABELS = ("neutral", "sad", "angry")
EACH = 2
"""Clips of a speaker with one label."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (clips.folder() / "emotion" / "manifest.csv").exists(),
        reason="There are no labelled clips here: set HALFGIG_DATA to the folder that has them.",
    ),
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what training needs beside the development lock."""
    folder = tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    for wanted in (["-r", "requirements.txt"], ["--no-deps", "-r", "teacher.txt"]):
        subprocess.run([*pip, "--target", folder, *wanted], cwd=ROOT / "training", check=True)
    return folder


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some clips of four speakers in each of two corpora, and one of `test` that is not there."""
    folder = tmp_path_factory.mktemp("voices")
    given: Counter[tuple[str, str]] = Counter()
    rows = [{"path": "none.opus", "corpus": "RAVDESS", "emotion": "sad", "split": "test"}]
    for audio, row in clips.rows(clips.folder(), "emotion", "train"):
        label = row["speaker"], row["emotion"]
        if row["speaker"] in SPEAKERS and row["emotion"] in LABELS:
            given[label] += 1
        if 0 < given[label] <= EACH:
            (folder / audio.name).symlink_to(audio.resolve())
            rows.append(row)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["path", "corpus", "speaker", "emotion", "split"], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(rows)
    return folder


def run(packages: Path, voices: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, with voices alone and few steps; it works in `folder`."""
    command = [sys.executable, "-m", "training.emotion", "--student-steps", "40"]
    places = {"--voices": voices, "--work": folder / "work", "--out": folder / "emotion.onnx"}
    for option, path in places.items():
        command += [option, str(path)]
    return subprocess.run(
        [*command, "--speech"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )


def trained(packages: Path, voices: Path, folder: Path) -> tuple[str, bytes]:
    """What the command found, a line of JSON, and the model that it wrote."""
    done = run(packages, voices, folder)
    assert done.returncode == 0, done.stderr
    (found,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
    return found, (folder / "emotion.onnx").read_bytes()


def test_one_command_makes_a_model_that_the_function_loads(
    packages: Path, voices: Path, tmp_path: Path
) -> None:
    said, model = trained(packages, voices, tmp_path / "one")
    found = json.loads(said)
    assert found["uar"].keys() == {"RAVDESS", "nEMO"}
    its = network.load(tmp_path / "one" / "emotion.onnx")
    logs = its.log_probabilities(np.zeros((100, 192), np.float32))
    assert logs.shape == (1, len(its.labels))
    assert np.exp(logs).sum() == pytest.approx(1.0)
    assert f"on {len(list(voices.glob('*.opus')))} clips of 8 speakers" in its.calibration

    again, same = trained(packages, voices, tmp_path / "two")
    assert (again, same) == (said, model)


def test_an_emotion_that_is_not_known_is_refused_in_a_line(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        "path,corpus,speaker,emotion,split\na.opus,mine,ann,joyful,train\n"
    )
    done = run(packages, tmp_path, tmp_path)
    assert done.returncode == 1
    assert "joyful" in done.stderr
    assert "Traceback" not in done.stderr
