"""What people are shown of a result that is given here."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.emotion import show
from functions.kit.show import LINES
from tests.voice import voice, wav

LABELS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "other"]


def scores(emotion: str, score: float = 0.6) -> dict[str, float]:
    """The emotion's score; half of the rest is neutral's, and the other half calm's."""
    rest = (1 - score) / 2
    return {"neutral": rest, "calm": rest, **dict.fromkeys(LABELS[2:], 0.0), emotion: score}


def segment(start: float, emotion: str | None) -> dict[str, Any]:
    its = scores(emotion) if emotion else None
    share = 0.9 if emotion else 0.0
    return {
        "start": start,
        "end": start + 5,
        "emotion": emotion,
        "scores": its,
        "speech_ratio": share,
    }


def result(*emotions: str | None, **changed: Any) -> dict[str, Any]:
    """Ten seconds in which somebody is happy, falls silent and is sad."""
    segments = [segment(2.5 * i, each) for i, each in enumerate(emotions)]
    return {
        "emotion": "happy",
        "certain": True,
        "scores": scores("happy", 0.75),
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
    rows = show.text(result("happy", None, "sad"), 80).splitlines()
    assert rows[0] == "emotion     happy (certain)"
    assert rows[1] == "scores      happy      0.75 " + "█" * 30
    assert rows[2] == "            neutral    0.12 " + "█" * 5
    assert len(rows[1:10]) == len(LABELS)
    assert rows[9] == "            other      0.00"
    assert rows[10] == "speech      62% of 10.0 s"
    assert rows[11].startswith("timeline    0:00.0 to 0:05.0 happy      0.60 █")
    assert rows[12] == "            0:02.5 to 0:07.5 -"
    assert rows[13].startswith("            0:05.0 to 0:10.0 sad        0.60 █")


def test_text_says_what_is_not_certain() -> None:
    text = show.text(result("happy", certain=False, warnings=["It ends."]), 80)
    assert text.startswith("emotion     happy (not certain: it may be neutral)\n")
    assert text.endswith("warning     It ends.")


def test_in_a_long_recording_windows_that_agree_are_a_line() -> None:
    emotions = ["sad"] * 1000 + [None] * 40 + ["angry"] * 400
    rows = show.text(result(*emotions), 80).splitlines()[11:]
    assert [row[12:].split(" █")[0] for row in rows] == [
        "0:00.0 to 41:42.5 sad        0.60",
        "41:40.0 to 43:22.5 -",
        "43:20.0 to 60:02.5 angry      0.60",
    ]


def test_a_timeline_of_which_nothing_agrees_is_cut() -> None:
    rows = show.text(result(*["sad", "angry"] * 700), 80).splitlines()[11:]
    assert len(rows) == LINES + 1
    assert rows[-1].strip() == "and 1376 more, up to 58:22.5"


@pytest.mark.parametrize("width", [1, 20, 30, 40])
def test_text_fits_in_any_width(width: int) -> None:
    text = show.text(result("happy", None, warnings=["A sentence that is long. " * 9]), width)
    assert max(map(len, text.splitlines())) <= width


def test_the_stack_has_gaps_and_no_overlaps() -> None:
    given = result("happy", None, "sad")
    times, shares = show._stacked(given["segments"], LABELS)
    assert times.tolist() == [0, 3.75, 3.75, 6.25, 6.25, 10]
    assert np.isnan(shares[2:4]).all()
    assert shares[:2, 2].tolist() == shares[4:, 3].tolist() == [0.6, 0.6]
    assert shares[[0, 1, 4, 5]].sum(axis=1).tolist() == pytest.approx([1, 1, 1, 1])


def test_a_file_that_cannot_be_written_is_an_os_error(audio: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        show.plot(result("happy"), audio, audio.parent / "no" / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Needs a device that is full.")
def test_so_is_a_disk_that_is_full(audio: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        show.plot(result("happy"), audio, Path("/dev/full"))


@pytest.mark.parametrize("name", [b"voice", b"$\\frac$", b"a_$x", b"\xff\xfe", "声 ♪\n".encode()])
@pytest.mark.parametrize("emotions", [["happy", None, "sad"], [None, "sad"]])
def test_a_picture_of_a_recording_of_any_name(
    emotions: list[str | None], name: bytes, audio: Path
) -> None:
    try:
        named = audio.rename(audio.parent / os.fsdecode(name))
    except OSError:
        pytest.skip("This file system refuses such names.")
    out = audio.parent / "out.png"
    show.plot(result(*emotions), named, out)
    assert out.read_bytes().startswith(b"\x89PNG")
