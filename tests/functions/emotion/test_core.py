"""What is answered of a voice, and what is refused; whichever emotion the model hears in it."""

import json
from dataclasses import asdict, replace
from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from functions.emotion import core, network
from functions.emotion.core import Emotion
from functions.kit import tiers
from functions.kit.listener import LEAST_SHARE
from functions.kit.windows import WINDOW_S
from tests.voice import RATE, hiss, voice, wav

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


def test_a_margin_that_is_not_reached_is_not_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: Path | None) -> network.Network:
        return replace(network.load(path), margin=1.01)

    monkeypatch.setattr(core, "chosen", tiers.Once(core.MANIFEST, {"embedded": load}))
    assert not core.analyse(wav(voice(3))).certain


def test_a_word_in_a_long_silence_is_told_with_a_warning() -> None:
    result = core.analyse(wav(np.concatenate([hiss(4), voice(1.6)[RATE:], hiss(6)])))
    assert any(each.emotion for each in result.segments)
    assert all(each.speech_ratio < LEAST_SHARE for each in result.segments)
    assert "are speech." in result.warnings[-1]
    assert not result.certain
