"""What is answered of a voice, and what is refused; whichever emotion the model hears in it."""

import io
import json
from dataclasses import asdict, replace
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import soxr

from functions.emotion import core, network
from functions.emotion.core import Emotion
from functions.kit import tiers
from functions.kit.listener import LEAST_SHARE, NoSpeech
from functions.kit.refusals import BadSamples, Silent, TooLong, TooShort
from functions.kit.steps import Progress
from functions.kit.windows import WINDOW_S
from tests.voice import CLIP, RATE, Samples, hiss, tone, voice, wav

LABELS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "other"]


@pytest.fixture(scope="module")
def heard() -> Emotion:
    return core.analyse(wav(voice()))


def test_the_answer_is_consistent(heard: Emotion) -> None:
    labels = list(heard.scores)
    assert labels == LABELS
    assert sum(heard.scores.values()) == pytest.approx(1.0, abs=0.001)
    assert heard.emotion == max(labels, key=heard.scores.__getitem__)
    first, second = sorted(heard.scores.values(), reverse=True)[:2]
    margin = core.chosen().loaded.margin
    if abs(first - second - margin) > 0.001:  # else the digits that were cut off decide
        assert heard.certain == (first - second >= margin)
    assert heard.duration_s == 10.0
    assert heard.speech_ratio > 0.8
    assert heard.calibration == core.chosen().loaded.calibration != ""
    assert (heard.model.tier, heard.model.passed_over) == ("embedded", ())
    assert heard.model.version
    assert heard.warnings == []
    json.dumps(asdict(heard), allow_nan=False)


def test_the_timeline_is_a_window_every_two_and_a_half_seconds(heard: Emotion) -> None:
    assert [(each.start, each.end) for each in heard.segments] == [(0, 5), (2.5, 7.5), (5, 10)]
    for each in heard.segments:
        scores = each.scores
        assert scores is not None
        assert each.emotion == max(scores, key=scores.__getitem__)
        assert sum(scores.values()) == pytest.approx(1.0, abs=0.001)
        assert 0 < each.speech_ratio <= 1


def test_rows_are_the_windows_every_five_seconds(heard: Emotion) -> None:
    first, _, last = heard.segments
    assert [asdict(row) for row in heard.rows] == [
        {"time": "0:00", "emotion": first.emotion, "duration": 5.0},
        {"time": "0:05", "emotion": last.emotion, "duration": 5.0},
    ]


def test_what_is_said_over_all_is_the_mean_of_the_windows_by_their_speech(heard: Emotion) -> None:
    def mean(label: str) -> float:
        weights = [each.speech_ratio for each in heard.segments]
        scores = [each.scores[label] for each in heard.segments if each.scores]
        logs = [log(max(score, 1e-5)) for score in scores]
        return exp(np.average(logs, weights=weights))

    means = {label: mean(label) for label in heard.scores}
    for label, score in heard.scores.items():
        assert score == pytest.approx(means[label] / sum(means.values()), abs=0.02)


@pytest.mark.parametrize(
    ("seconds", "windows", "rows"),
    [
        (1.0, [(0, 1)], [1]),
        (4.0, [(0, 4)], [4]),
        (5.0, [(0, 5)], [5]),
        (5.3, [(0, 5), (0.3, 5.3)], [5.3]),
        (5.6, [(0, 5), (0.6, 5.6)], [5, 0.6]),
        (7.6, [(0, 5), (2.6, 7.6)], [5, 2.6]),
        (8.2, [(0, 5), (2.5, 7.5), (3.2, 8.2)], [5, 3.2]),
    ],
)
def test_the_last_window_ends_where_the_audio_does(
    seconds: float, windows: list[tuple[float, float]], rows: list[float]
) -> None:
    result = core.analyse(wav(voice(seconds)))
    assert [(each.start, each.end) for each in result.segments] == windows
    assert [row.duration for row in result.rows] == rows
    start = WINDOW_S * (len(rows) - 1)
    nearest = min(result.segments, key=lambda each: abs(each.start - start))
    assert result.rows[-1].emotion == nearest.emotion


def test_where_nobody_speaks_there_is_no_emotion() -> None:
    result = core.analyse(wav(np.concatenate([hiss(12), voice(), hiss(12)])))
    silent = [each for each in result.segments if each.end <= 11 or each.start >= 23]
    spoken = [each for each in result.segments if each.start >= 12.5 and each.end <= 22]
    assert len(silent) == 6
    assert all(each.emotion is None and each.scores is None for each in silent)
    assert all(each.emotion is not None for each in spoken)
    assert {row.time for row in result.rows if row.emotion} >= {"0:10", "0:15"}
    assert not {row.time for row in result.rows if row.emotion} & {"0:00", "0:05", "0:25", "0:30"}
    assert result.rows[-1].time == "0:30"
    assert 0.2 < result.speech_ratio < 0.4


def test_what_is_said_over_all_does_not_heed_silence(heard: Emotion) -> None:
    result = core.analyse(wav(np.concatenate([voice(), hiss(7.5)])))
    assert result.scores.keys() == heard.scores.keys()
    judged = [each for each in result.segments if each.emotion]
    assert [each.scores for each in judged[:2]] == [each.scores for each in heard.segments[:2]]


def test_a_path_and_a_stream_are_the_same(tmp_path: Path, heard: Emotion) -> None:
    path = tmp_path / "voice.txt"
    path.write_bytes(wav(voice()).getvalue())
    assert core.analyse(path) == core.analyse(str(path)) == heard


def test_progress_only_rises_and_ends_with_the_result() -> None:
    seen: list[Progress] = []
    core.analyse(CLIP, progress=seen.append)
    fractions = [step.fraction for step in seen if step.fraction is not None]
    assert len(fractions) == len(seen) > 4
    assert fractions == sorted(fractions)
    assert [step.stage for step in seen][-1] == "judging"


def test_the_model_is_loaded_by_the_first_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Path | None] = []

    def load(path: Path | None) -> network.Network:
        loads.append(path)
        return network.load(path)

    monkeypatch.setattr(core, "chosen", tiers.Once(core.MANIFEST, {"embedded": load}))
    with pytest.raises(TooShort):
        core.analyse(wav(voice(0.1)))
    for _ in range(3):
        core.analyse(wav(voice(1)))
    assert loads == [core.FOLDER / "model" / "emotion.onnx"]


def test_without_a_model_that_works_the_answer_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    (tier,) = core.MANIFEST.tiers
    other = replace(core.MANIFEST, tiers=(replace(tier, sha256="0" * 64),))
    monkeypatch.setattr(core, "chosen", tiers.Once(other, {"embedded": network.load}))
    with pytest.raises(
        tiers.NoModel, match=r"embedded: 'model/emotion.onnx' is not what"
    ) as caught:
        core.analyse(wav(voice(1)))
    assert caught.value.status == 503


def test_a_margin_that_is_not_reached_is_not_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: Path | None) -> network.Network:
        return replace(network.load(path), margin=1.01)

    monkeypatch.setattr(core, "chosen", tiers.Once(core.MANIFEST, {"embedded": load}))
    assert not core.analyse(wav(voice(3))).certain


# What recordings are like that were not made with care.


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000])
def test_any_sample_rate(rate: int) -> None:
    result = core.analyse(wav(soxr.resample(voice(), RATE, rate), rate))
    assert result.speech_ratio > 0.7
    assert len(result.segments) == 3


@pytest.mark.parametrize("side", [0, 1])
def test_speech_on_one_side_only_is_heard(side: int, heard: Emotion) -> None:
    stereo = np.zeros((10 * RATE, 2))
    stereo[:, side] = voice()
    result = core.analyse(wav(stereo))
    assert result.speech_ratio == pytest.approx(heard.speech_ratio, abs=0.1)
    assert all(each.emotion for each in result.segments)


CHANGES = {
    "clipped": lambda samples: np.clip(40 * samples, -1, 1),
    "offset": lambda samples: 0.5 * samples + 0.3,
    "quiet": lambda samples: 0.01 * samples,
    "upside down": lambda samples: -samples,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_voice_that_is(change: str) -> None:
    changed: Samples = CHANGES[change](voice())
    result = core.analyse(wav(changed, subtype="FLOAT"))
    assert result.speech_ratio > 0.5
    assert all(each.emotion for each in result.segments)


def test_a_damaged_tail_is_said_in_a_warning() -> None:
    whole = wav(voice()).getvalue()
    result = core.analyse(io.BytesIO(whole[: len(whole) * 2 // 3]))
    assert result.duration_s == pytest.approx(6.7, abs=0.1)
    assert "ends early" in result.warnings[0]


def test_a_word_in_a_long_silence_is_told_with_a_warning() -> None:
    result = core.analyse(wav(np.concatenate([hiss(4), voice(1.6)[RATE:], hiss(6)])))
    assert any(each.emotion for each in result.segments)
    assert all(each.speech_ratio < LEAST_SHARE for each in result.segments)
    assert "are speech." in result.warnings[-1]
    assert not result.certain


# What has no voice in it.


@pytest.mark.parametrize(
    "samples",
    [
        hiss(6),
        100 * hiss(6),
        tone(6),
        tone(6, 150),
        np.full(6 * RATE, 0.3),
        np.concatenate([hiss(2), voice(0.15)[-800:], hiss(2)]),
    ],
    ids=["room", "noise", "tone", "hum", "offset", "50 ms of speech"],
)
def test_what_is_no_speech_is_refused_with_how_much_there_was(samples: Samples) -> None:
    with pytest.raises(
        NoSpeech, match=r"^There are 0\.\d\d s of speech in \d\.\d s of audio\. At"
    ) as caught:
        core.analyse(wav(samples))
    assert (caught.value.status, caught.value.reason) == (422, "no_speech")


def test_music_is_refused() -> None:
    with pytest.raises(NoSpeech):
        core.analyse(CLIP.with_name("clip.ogg"))


def test_what_the_kit_refuses() -> None:
    with pytest.raises(TooShort, match=r"0.05 s of audio. At least 0.5 s"):
        core.analyse(wav(voice(0.05)))
    with pytest.raises(Silent):
        core.analyse(wav(np.zeros(3 * RATE)))
    with pytest.raises(BadSamples):
        core.analyse(wav(np.append(voice(1), np.nan), subtype="FLOAT"))
    with pytest.raises(TooLong, match="5 s"):
        list(core.steps(wav(voice()), replace(core.MANIFEST.limits, seconds=5.0)))
