"""The five features, of sounds whose features are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.kit.mel import HOP, RATE, LogMel
from functions.kit.spectrum import Floats
from functions.voice_detect import features
from functions.voice_detect.features import Measures
from tests.voice import voice

EMBEDDING = np.array([1.0, 3.0])


def measures(samples: Floats) -> Floats:
    its = Measures()
    return np.concatenate([its.push(samples.astype(np.float32)), its.finish()])


def tone(hertz: float, seconds: float = 2.0, gain: float = 0.2) -> Floats:
    return np.asarray(gain * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE))


def values(samples: Floats) -> dict[str, float]:
    """The features of all that is not at an edge."""
    rows = measures(samples)
    speech = np.ones(len(rows), bool)
    speech[[0, -1]] = False
    found = features.of(rows, speech, EMBEDDING)
    return dict(zip(features.NAMES, found.tolist(), strict=True))


@given(st.integers(1, 20_000), st.lists(st.integers(0, 20_000), max_size=6))
def test_a_row_for_each_frame_of_the_log_mels_however_it_is_cut(
    count: int, cuts: list[int]
) -> None:
    samples = voice()[:count].astype(np.float32)
    mel, its = LogMel(), Measures()
    logs = np.concatenate([mel.push(samples), mel.finish()])
    parts = [its.push(part) for part in np.split(samples, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate([*parts, its.finish()]), measures(samples))
    assert len(logs) == len(measures(samples)) == -(-count // HOP)


def test_a_tone() -> None:
    found = values(tone(1000))
    assert found["energy"] == pytest.approx(0.02, rel=0.01)
    assert found["zero_crossing_rate"] == pytest.approx(2000 / RATE, rel=0.05)
    assert found["energy_variance"] == pytest.approx(0, abs=1e-4)
    assert found["temporal_variation"] == pytest.approx(0, abs=0.1)
    assert found["embedding_variance"] == 1.0


def test_a_tone_that_beats() -> None:
    """Its power is 1 + cos, whose variance is half of its squared mean."""
    samples = tone(1000) * np.sqrt(1 + np.cos(2 * np.pi * 4 * np.arange(2 * RATE) / RATE))
    found = values(samples)
    assert found["energy_variance"] == pytest.approx(0.5, rel=0.1)
    assert 1 < found["temporal_variation"] < 5


@pytest.mark.parametrize("hertz", [200, 3000])
def test_half_the_crossings_are_half_the_rate(hertz: float) -> None:
    one, other = (values(tone(each))["zero_crossing_rate"] for each in (hertz, hertz / 2))
    assert one == pytest.approx(2 * other, rel=0.1)


def test_all_but_the_energy_are_the_same_at_any_level_and_about_any_offset() -> None:
    found, quiet = values(voice()), values(0.05 * voice() + 0.2)
    assert quiet.pop("energy") == pytest.approx(0.05**2 * found.pop("energy"), rel=0.01)
    assert quiet == pytest.approx(found, rel=0.01)


def test_only_what_is_speech_counts() -> None:
    samples = np.concatenate([tone(500), tone(3000, gain=0.9)])
    rows = measures(samples)
    speech = np.arange(len(rows)) < len(rows) // 2 - 2
    found = features.of(rows, speech, EMBEDDING)
    assert found[0] == pytest.approx(0.02, rel=0.05)
    assert found[2] == pytest.approx(1000 / RATE, rel=0.1)


def test_pauses_have_no_say_in_crossings_and_changes() -> None:
    noise = 1e-4 * np.random.default_rng(0).standard_normal(RATE)
    found = values(np.concatenate([tone(500), noise, tone(500)]))
    assert found["zero_crossing_rate"] == pytest.approx(1000 / RATE, rel=0.1)
    assert found["temporal_variation"] < 1


def test_of_digital_silence_all_is_finite() -> None:
    assert np.isfinite(list(values(np.zeros(RATE)).values())).all()
