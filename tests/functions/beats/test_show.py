"""What people are shown of a result that is given here."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from functions.beats import show

RATE = 22_050


def result(**changed: Any) -> dict[str, Any]:
    """A waltz at 60 BPM."""
    beats = [round(0.5 + i, 3) for i in range(9)]
    return {
        "tempo_bpm": 60.0,
        "beats": beats,
        "downbeats": beats[::3],
        "beats_per_bar": 3,
        "confidence": 0.85,
        "duration_s": 10.0,
        "tempo_curve": None,
        "profile": {"loudness_db": [-20.0] * 50 + [-60.0] * 50},
        "warnings": [],
        **changed,
    }


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Ten seconds of noise that is 60 dB below the clicks."""
    path = tmp_path / "song.wav"
    noise = np.random.default_rng(0).standard_normal(10 * RATE)
    soundfile.write(path, 0.0005 * noise, RATE, subtype="FLOAT")
    return path


def test_text_says_what_was_heard() -> None:
    rows = show.text(result(), 60).splitlines()
    assert rows[0] == "tempo       60.0 BPM, steady"
    assert rows[1] == "bars        3 beats each"
    assert rows[2] == "beats       9 in 10.0 s: 0.50 1.50 2.50 3.50 4.50 … 8.50"
    assert rows[3].strip() == "┃╷╷┃╷╷┃╷╷"
    assert rows[4].split()[1] == "█" * 24
    assert rows[5] == "confidence  0.85 (high)"


def test_text_says_what_was_not() -> None:
    curve = [{"time_s": 1.0, "bpm": 58.2}, {"time_s": 5.0, "bpm": 71.0}]
    unclear = result(downbeats=None, beats_per_bar=None, tempo_curve=curve, warnings=["It ends."])
    text = show.text(unclear, 80)
    assert "moving between 58 and 71" in text
    assert "bars        not clear enough to say" in text
    assert "┃" not in text
    assert text.endswith("warning     It ends.")


@pytest.mark.parametrize("width", [1, 20, 40])
def test_text_fits_in_any_width(width: int) -> None:
    text = show.text(result(warnings=["A sentence that is long. " * 9]), width)
    assert max(map(len, text.splitlines())) <= width


def pitch(sound: NDArray[np.float64], rate: int, at: float) -> float:
    """The strongest frequency in the 40 ms from `at` on, in Hz; 0 where it is quiet."""
    part = sound[round(at * rate) : round((at + 0.04) * rate)]
    spectrum = np.abs(np.fft.rfft(part, 1 << 14))
    return float(spectrum.argmax()) * rate / (1 << 14) if np.abs(part).max() > 0.1 else 0.0


def test_a_click_on_every_beat_and_another_on_downbeats(song: Path, tmp_path: Path) -> None:
    out = tmp_path / "clicks.wav"
    show.click(result(), song, out)
    sound, rate = soundfile.read(out)
    assert len(sound) == pytest.approx(10 * rate, abs=2)
    for i, beat in enumerate(result()["beats"]):
        expected = show.DOWNBEAT_HZ if i % 3 == 0 else show.CLICK_HZ
        assert pitch(sound, rate, beat) == pytest.approx(expected, rel=0.05)
        assert pitch(sound, rate, beat - 0.05) == pitch(sound, rate, beat + 0.5) == 0.0


@pytest.mark.parametrize("write", [show.click, show.plot])
def test_a_file_that_cannot_be_written_is_an_os_error(write: Any, song: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write(result(), song, song.parent / "no" / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Needs a device that is full.")
@pytest.mark.parametrize("write", [show.click, show.plot])
def test_so_is_a_disk_that_is_full(write: Any, song: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write(result(), song, Path("/dev/full"))


@pytest.mark.parametrize("name", [b"song", b"$\\frac$", b"a_$x", b"\xff\xfe", "曲 ♪\n".encode()])
def test_a_picture_of_a_song_of_any_name(name: bytes, song: Path) -> None:
    try:
        named = song.rename(song.parent / os.fsdecode(name))
    except OSError:
        pytest.skip("This file system refuses such names.")
    out = song.parent / "out.png"
    show.plot(result(), named, out)
    assert out.read_bytes().startswith(b"\x89PNG")
