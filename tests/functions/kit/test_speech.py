import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.kit.mel import RATE, LogMel
from functions.kit.spectrum import Floats
from functions.kit.speech import SPEECH, STEP, Gate, weights


def logs(frames: int) -> Floats:
    values: Floats = np.random.default_rng(frames).uniform(-20, 0, (frames, 64))
    return values.astype(np.float32)


def listened(samples: Floats) -> Floats:
    mel = LogMel()
    return Gate().push(np.concatenate([mel.push(samples), mel.finish()]), last=True)


def straight(x: Floats, step: int) -> float:
    """One step's judgement, a patch at a time, straight from its definition."""
    padded = np.pad(x.astype(float), ((96, 112), (0, 0)), constant_values=np.log(1e-10))
    near = padded[step * STEP :][: 2 * 96 + STEP]
    level = [np.log(np.exp(near[t : t + 96].max(axis=1)).mean()) for t in range(112)]
    y = ((near[48:160] - np.array(level)[:, None]).clip(-12, 3) / 4 + 1).T[None]
    strides = [(2, 4), (3, 2), (1, 1), (1, 2), (1, 1), (1, 1), (1, 1)]
    for i, (up, on) in enumerate(strides):
        weight = weights()[f"weight{i}"].astype(float)
        wide, long = weight.shape[2:]
        rows = [
            [
                np.tensordot(weight, y[:, f : f + wide, t : t + long], 3)
                for t in range(0, y.shape[2] - long + 1, on)
            ]
            for f in range(0, y.shape[1] - wide + 1, up)
        ]
        y = np.moveaxis(np.array(rows), 2, 0) + weights()[f"bias{i}"][:, None, None]
        y = y if i == 6 else np.maximum(y, 0)
    return float(1 / (1 + np.exp(-y[0, 0, 0])))


def test_it_computes_what_it_says() -> None:
    x = logs(70)
    expected = [straight(x, step) for step in range(5)]
    np.testing.assert_allclose(Gate().push(x, last=True), expected, atol=1e-4)


@settings(deadline=None)
@given(st.integers(0, 2000), st.lists(st.integers(0, 2000), max_size=6))
def test_any_cut_into_blocks_gives_the_same_judgements(frames: int, cuts: list[int]) -> None:
    x = logs(frames)
    gate = Gate()
    parts = [gate.push(part) for part in np.split(x, sorted(cuts))]
    parts.append(gate.push(x[:0], last=True))
    joined = np.concatenate(parts)
    np.testing.assert_allclose(joined, Gate().push(x, last=True), atol=1e-5)
    assert joined.shape == (-(-frames // STEP),)
    assert joined.dtype == np.float32


@pytest.mark.parametrize("level_db", [0, -20, -60])
def test_noise_a_tone_and_silence_are_not_speech_at_any_level(level_db: int) -> None:
    gain = 10 ** (level_db / 20)
    noise = np.random.default_rng(0).standard_normal(5 * RATE) * 0.1 * gain
    tone = np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE) * 0.5 * gain
    for sound in (noise, tone, np.zeros(5 * RATE)):
        assert listened(sound.astype(np.float32)).max() < SPEECH
