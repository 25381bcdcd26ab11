import io
from pathlib import Path

import mir_eval
import numpy as np
import pytest
import soundfile

from functions.beats import core
from functions.beats.core import Beats, NoBeats
from functions.kit.refusals import Silent, TooLong, TooShort
from functions.kit.spectrum import Floats
from functions.kit.steps import Progress

RATE = 22_050


def drums(bpm: float, seconds: float, per_bar: int = 4, start: float = 0.5) -> Floats:
    """Kick on the first beat of each bar, snare on the others, hats between them."""
    rng = np.random.default_rng(1)
    song = 0.001 * rng.standard_normal(int(seconds * RATE))
    hit = np.arange(RATE // 5) / RATE
    kick = np.sin(2 * np.pi * 60 * hit) * np.exp(-hit * 20)
    snare = 0.5 * rng.standard_normal(hit.size) * np.exp(-hit * 30)
    hat = 0.1 * np.diff(rng.standard_normal(hit.size + 1)) * np.exp(-hit * 90)
    for i in range(int((seconds - start - 0.3) * bpm / 60 * 2)):
        at = int((start + i * 30 / bpm) * RATE)
        sound = hat if i % 2 else kick if (i // 2) % per_bar == 0 else snare
        song[at : at + hit.size] += 0.6 * sound
    return song.astype(np.float32)


def wav(samples: Floats, rate: int = RATE, **options: str) -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **{"format": "WAV", "subtype": "PCM_16", **options})
    file.seek(0)
    return file


@pytest.fixture(scope="module")
def song() -> Floats:
    return drums(112, 30)


@pytest.fixture(scope="module")
def heard(song: Floats) -> Beats:
    return core.analyse(wav(song))


def test_the_beats_of_drums_are_found(heard: Beats) -> None:
    true = 0.5 + np.arange(54) * 60 / 112
    assert mir_eval.beat.f_measure(true, np.array(heard.beats), 0.04) > 0.95
    assert heard.tempo_bpm == pytest.approx(112, rel=0.005)
    assert heard.tempo_curve is None
    assert heard.duration_s == pytest.approx(30, abs=0.01)
    assert heard.warnings == []


def test_the_answer_is_consistent(heard: Beats) -> None:
    assert np.all(np.diff(heard.beats) > 0)
    assert len(heard.beat_strength) == len(heard.beats)
    assert heard.beat_strength == [round(strength, 2) for strength in heard.beat_strength]
    assert 0 <= heard.confidence <= 1
    assert (heard.downbeats is None) == (heard.beats_per_bar is None)
    assert set(heard.downbeats or []) <= set(heard.beats)
    profile = heard.profile
    assert len(profile.loudness_db) == len(profile.low_db) == 300
    assert max(profile.loudness_db) <= 0.0


def test_a_quiet_stereo_flac_at_another_rate_gives_the_same_beats(
    song: Floats, heard: Beats
) -> None:
    soft = np.interp(np.arange(len(song) * 2) / 2, np.arange(len(song)), song) * 0.05
    other = core.analyse(wav(np.stack([soft, soft], axis=1), 2 * RATE, format="FLAC"))
    assert len(other.beats) == len(heard.beats)
    np.testing.assert_allclose(other.beats, heard.beats, atol=0.02)


def test_a_path_and_a_stream_are_the_same(tmp_path: Path, song: Floats, heard: Beats) -> None:
    path = tmp_path / "song.txt"
    path.write_bytes(wav(song).getvalue())
    assert core.analyse(path) == heard


def test_silence_around_the_song_has_no_beats(song: Floats) -> None:
    pause = np.zeros(8 * RATE, np.float32)
    result = core.analyse(wav(np.concatenate([pause, song, pause])))
    assert result.beats[0] > 8
    assert result.beats[-1] < 38.2


def test_progress_only_rises_and_ends_with_the_result(song: Floats) -> None:
    seen: list[Progress] = []
    core.analyse(wav(song), progress=seen.append)
    fractions = [step.fraction for step in seen if step.fraction is not None]
    assert len(fractions) == len(seen) > 5
    assert fractions == sorted(fractions)
    assert [step.stage for step in seen][-1] == "tracking"


def test_a_damaged_tail_is_said_in_a_warning(song: Floats) -> None:
    whole = wav(song).getvalue()
    result = core.analyse(io.BytesIO(whole[: len(whole) * 2 // 3]))
    assert result.duration_s == pytest.approx(20, abs=0.1)
    assert "ends early" in result.warnings[0]


def test_what_has_no_beats_is_refused() -> None:
    breath = np.zeros(RATE * 4, np.float32)
    breath[RATE : RATE + 3] = 0.001
    with pytest.raises(NoBeats, match="not two beats"):
        core.analyse(wav(breath))
    with pytest.raises(Silent):
        core.analyse(wav(np.zeros(RATE * 4, np.float32)))
    with pytest.raises(TooShort):
        core.analyse(wav(drums(112, 1)))


def test_the_limits_are_the_callers(song: Floats) -> None:
    from dataclasses import replace

    limits = replace(core.MANIFEST.limits, seconds=20.0)
    with pytest.raises(TooLong, match="20 s"):
        list(core.steps(wav(song), limits))
