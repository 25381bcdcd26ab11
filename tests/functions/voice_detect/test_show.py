"""What people are shown of a result that is given here."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.voice_detect import show
from functions.voice_detect.features import NAMES
from tests.voice import RATE, voice, wav

WHY = (
    "This sounds machine-made: the probability that it is machine-made is 93 %. The network's "
    "score speaks for a machine, but all 5 features are as usual in human speech."
)


def segment(start: float, probability: float | None) -> dict[str, Any]:
    label = None if probability is None else "AI_GENERATED" if probability >= 0.5 else "HUMAN"
    certain = probability is not None and abs(probability - 0.5) > 0.3
    return {
        "start": start,
        "end": start + 5,
        "label": label,
        "probability": probability,
        "certain": certain,
        "speech_ratio": 0.9 if label else 0.0,
    }


def vote(feature: str) -> dict[str, Any]:
    span = {"low": 0.0001234, "high": 0.02345}
    return {"feature": feature, "value": 0.0151234, **span, "vote": "HUMAN", "weight": 0.25}


def result(*probabilities: float | None, **changed: Any) -> dict[str, Any]:
    """Windows with these probabilities, of a recording that is machine-made by 0.93."""
    segments = [segment(2.5 * i, each) for i, each in enumerate(probabilities)]
    return {
        "label": "AI_GENERATED",
        "probability": 0.93,
        "certain": True,
        "explanation": WHY,
        "votes": [vote(name) for name in NAMES],
        "segments": segments,
        "speech_ratio": 0.625,
        "duration_s": segments[-1]["end"],
        "warnings": [],
        **changed,
    }


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / "voice.wav"
    path.write_bytes(wav(voice()).getvalue())
    return path


def test_text_says_what_was_heard() -> None:
    rows = show.text(result(0.9, None, 0.25), 80).splitlines()
    assert rows[0] == "label       AI_GENERATED (certain)"
    assert rows[1] == "probability of AI_GENERATED 0.93 " + "█" * 37 + "▎"
    assert rows[2].startswith("why         This sounds machine-made: ")
    assert " ".join(row[12:] for row in rows[2:5]) == WHY
    assert rows[5].split() == [
        "votes",
        "feature",
        "value",
        "in",
        "human",
        "speech",
        "vote",
        "weight",
    ]
    assert rows[6].split() == ["energy", "0.0151", "0.000123", "to", "0.0234", "HUMAN", "+0.25"]
    assert [row.split()[0] for row in rows[6:11]] == list(NAMES)
    assert rows[11] == "speech      62% of 10.0 s"
    assert rows[12].startswith("timeline    0:00.0 to 0:05.0 AI_GENERATED 0.90 █")
    assert rows[13] == "            0:02.5 to 0:07.5 -"
    assert rows[14].startswith("            0:05.0 to 0:10.0 HUMAN        0.25 █")


def test_text_says_what_is_not_sure() -> None:
    text = show.text(result(0.4, label="HUMAN", certain=False, warnings=["It ends."]), 80)
    assert text.startswith("label       HUMAN (not sure)\n")
    assert text.endswith("warning     It ends.")


def test_in_a_long_recording_windows_that_agree_are_a_line() -> None:
    given = result(*[0.2, 0.4] * 500, *[None] * 40, *[0.75] * 400)
    rows = show.text(given, 80).splitlines()[12:]
    assert [row[12:].split(" █")[0] for row in rows] == [
        "0:00.0 to 41:42.5 HUMAN        0.30",
        "41:40.0 to 43:22.5 -",
        "43:20.0 to 60:02.5 AI_GENERATED 0.75",
    ]


@pytest.mark.parametrize("width", [1, 20, 30, 40, 80])
def test_text_fits_in_any_width(width: int) -> None:
    text = show.text(result(0.9, None, warnings=["A sentence that is long. " * 9]), width)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [50, 60, 72, 80])
def test_a_bar_is_as_long_as_it_says_in_any_width(width: int) -> None:
    whole, half = (
        show.text(result(each, probability=each), width).splitlines()[1].count("█")
        for each in (1.0, 0.5)
    )
    assert whole // 2 == half > 7


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.024, 19.1, 60.0])
def test_a_spectrogram_has_as_many_columns_as_a_picture(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    samples = np.resize(voice(), round(seconds * RATE))
    path.write_bytes(wav(samples).getvalue())
    columns, bins = show._spectrogram(path, seconds).shape
    assert bins == 257
    assert min(seconds * 62, show.COLUMNS / 2) <= columns <= 2 * show.COLUMNS


def test_a_file_that_cannot_be_written_is_an_os_error(audio: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        show.plot(result(0.9), audio, audio.parent / "no" / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Needs a device that is full.")
def test_so_is_a_disk_that_is_full(audio: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        show.plot(result(0.9), audio, Path("/dev/full"))


@pytest.mark.parametrize("name", [b"voice", b"$\\frac$", b"a_$x", b"\xff\xfe", "声 ♪\n".encode()])
@pytest.mark.parametrize("probabilities", [[0.9, None, 0.2], [None, 0.6]])
def test_a_picture_of_a_recording_of_any_name(
    probabilities: list[float | None], name: bytes, audio: Path
) -> None:
    try:
        named = audio.rename(audio.parent / os.fsdecode(name))
    except OSError:
        pytest.skip("This file system refuses such names.")
    out = audio.parent / "out.png"
    show.plot(result(*probabilities), named, out)
    assert out.read_bytes().startswith(b"\x89PNG")
