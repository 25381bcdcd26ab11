"""What is answered of a voice, and what is refused; whatever the model says of it."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.kit import tiers
from functions.kit.listener import LEAST_SHARE
from functions.voice_detect import core, features, network
from functions.voice_detect.core import Detection, Judged
from functions.voice_detect.votes import HUMAN, MACHINE, Decision
from tests.voice import RATE, hiss, voice, wav


@pytest.fixture(scope="module")
def heard() -> Detection:
    return core.analyse(wav(voice()))


Change = Callable[[Decision], Decision]


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Has the network decide otherwise than its file says."""

    def decide(change: Change) -> None:
        def load(path: Path | None) -> network.Network:
            its = network.load(path)
            return replace(its, decision=change(its.decision))

        monkeypatch.setattr(core, "chosen", tiers.Once(core.MANIFEST, {"embedded": load}))

    return decide


def certain_only(low: float, high: float) -> Change:
    return lambda its: replace(its, human_below=low, machine_above=high)


def biased(bias: float) -> Change:
    return lambda its: replace(its, bias=bias, score=0.0)


def test_the_answer_is_consistent(heard: Detection) -> None:
    decision = core.chosen().loaded.decision
    assert heard.label == (MACHINE if heard.probability >= 0.5 else HUMAN)
    values = np.array([vote.value for vote in heard.votes])
    probability = decision.probability(heard.score, values)
    assert heard.probability == pytest.approx(probability, abs=0.001)
    assert heard.certain == decision.certain(probability)
    assert heard.certain != heard.explanation.startswith("Not sure")
    assert heard.duration_s == 10.0
    assert heard.speech_ratio > 0.8
    assert heard.calibration == core.chosen().loaded.calibration != ""
    assert (heard.model.tier, heard.model.passed_over) == ("embedded", ())
    assert heard.model.version
    assert heard.warnings == []
    json.dumps(asdict(heard), allow_nan=False)


def test_every_feature_votes_by_its_range(heard: Detection) -> None:
    assert tuple(vote.feature for vote in heard.votes) == features.NAMES
    ranges = core.chosen().loaded.decision.ranges
    for vote, its in zip(heard.votes, ranges, strict=True):
        assert (vote.low, vote.high, vote.weight) == (its.low, its.high, its.weight)
        assert vote.vote == (HUMAN if vote.low <= vote.value <= vote.high else MACHINE)


def test_the_timeline_is_a_window_every_two_and_a_half_seconds(heard: Detection) -> None:
    assert [(each.start, each.end) for each in heard.segments] == [(0, 5), (2.5, 7.5), (5, 10)]
    decision = core.chosen().loaded.decision
    for each in heard.segments:
        assert each.probability is not None
        assert each.label == (MACHINE if each.probability >= 0.5 else HUMAN)
        assert each.certain == decision.certain(each.probability)
        assert 0 < each.speech_ratio <= 1


def test_what_is_said_over_all_is_the_mean_of_the_windows_by_their_speech() -> None:
    listener = core.listener(core.chosen().loaded)
    listener.push(voice().astype(np.float32))
    told = listener.finish(10.0)
    its = core.overall(told)
    spoken = [each.speech_s for each in told.windows]
    assert its.score == pytest.approx(np.average([w.score for w in told.judged], weights=spoken))
    values = np.average([w.values for w in told.judged], weights=spoken, axis=0)
    np.testing.assert_allclose(its.values, values)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 8 * RATE), max_size=9))
def test_any_cut_into_blocks_gives_the_same_answer(cuts: list[int]) -> None:
    samples = voice(8).astype(np.float32)

    def judged(cuts: list[int]) -> Judged:
        listener = core.listener(core.chosen().loaded)
        for part in np.split(samples, sorted(cuts)):
            listener.push(part)
        return core.overall(listener.finish(8.0))

    whole, parts = judged([]), judged(cuts)
    assert parts.score == pytest.approx(whole.score, abs=0.01)
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-3)


def test_where_nobody_speaks_there_is_no_label() -> None:
    result = core.analyse(wav(np.concatenate([hiss(12), voice(), hiss(12)])))
    silent = [each for each in result.segments if each.end <= 11 or each.start >= 23]
    spoken = [each for each in result.segments if each.start >= 12.5 and each.end <= 22]
    assert len(silent) == 6
    assert all((each.label, each.probability) == (None, None) for each in silent)
    assert not any(each.certain for each in silent)
    assert all(each.label for each in spoken)
    assert 0.2 < result.speech_ratio < 0.4


def test_what_is_said_over_all_does_not_heed_silence(heard: Detection) -> None:
    result = core.analyse(wav(np.concatenate([voice(), hiss(7.5)])))
    first = [each.probability for each in heard.segments[:2]]
    assert [each.probability for each in result.segments[:2]] == pytest.approx(first, abs=0.01)


def test_another_functions_network_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Path | None) -> network.Network:
        return network.load(core.FOLDER.parent / "emotion" / "model" / "emotion.onnx")

    monkeypatch.setattr(core, "chosen", tiers.Once(core.MANIFEST, {"embedded": load}))
    with pytest.raises(tiers.NoModel, match="It does not load: KeyError: 'decision'"):
        core.analyse(wav(voice(1)))


def test_a_band_that_holds_all_is_never_certain(decided: Callable[[Change], None]) -> None:
    decided(certain_only(-1.0, 2.0))
    result = core.analyse(wav(voice(6)))
    assert not result.certain
    assert not any(each.certain for each in result.segments)
    assert result.explanation.startswith("Not sure")


@pytest.mark.parametrize(("bias", "label"), [(-20.0, HUMAN), (20.0, MACHINE)])
def test_what_is_beyond_doubt_is_certain(
    bias: float, label: str, decided: Callable[[Change], None]
) -> None:
    decided(biased(bias))
    result = core.analyse(wav(voice(6)))
    assert (result.label, result.certain) == (label, True)
    assert {(each.label, each.certain) for each in result.segments} == {(label, True)}
    assert result.probability == pytest.approx(float(label == MACHINE), abs=0.01)


def test_an_offset_changes_no_feature(heard: Detection) -> None:
    result = core.analyse(wav(voice() + 0.2, subtype="FLOAT"))
    for vote, before in zip(result.votes[:4], heard.votes[:4], strict=True):
        assert vote.value == pytest.approx(before.value, rel=0.02)


def test_a_word_in_a_long_silence_is_not_sure(decided: Callable[[Change], None]) -> None:
    decided(biased(20.0))
    result = core.analyse(wav(np.concatenate([hiss(4), voice(1.6)[RATE:], hiss(6)])))
    assert any(each.label for each in result.segments)
    assert all(each.speech_ratio < LEAST_SHARE for each in result.segments)
    assert "are speech." in result.warnings[-1]
    assert not result.certain
    assert not any(each.certain for each in result.segments)
    assert result.explanation.startswith("Not sure, as there is little speech")
