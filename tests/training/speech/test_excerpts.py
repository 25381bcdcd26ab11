import numpy as np

from functions.kit.mel import BANDS
from functions.kit.speech import AROUND, STEP
from training.speech import excerpts
from training.speech.excerpts import FRAMES, OTHER, SPEECH, STEPS, UNKNOWN, Sounds, Sources


def clips(speech: bool, frames: int, level: float = -5.0) -> Sounds:
    return Sounds(speech, [np.full((frames, BANDS), level, np.float16)], np.ones(1))


def test_loud_frames_of_a_voice_are_speech_and_its_pauses_are_not_asked_for() -> None:
    power = np.ones((FRAMES, BANDS))
    power[200:] = 1e-5
    _, labels = excerpts.placed(np.random.default_rng(0), power, True)
    assert set(labels[:200]) == {SPEECH}
    assert set(labels[200:]) == {UNKNOWN}
    steps = excerpts.asked(labels)
    assert steps.shape == (STEPS,)
    assert (steps[: (200 - AROUND) // STEP] == SPEECH).all()
    assert (steps[-3:] == UNKNOWN).all()


def test_around_speech_nothing_is_asked_of_silence_and_further_off_it_is_other() -> None:
    labels = np.zeros(FRAMES, np.int8)
    middle = FRAMES // 2
    labels[middle : middle + STEP] = SPEECH
    steps = excerpts.asked(labels)
    spoken = int(np.flatnonzero(steps == SPEECH)[0])
    assert steps[spoken - 1] == steps[spoken + 1] == UNKNOWN
    assert steps[0] == steps[-1] == OTHER


def test_speech_that_another_sound_drowns_is_not_asked_for() -> None:
    labels = np.array([SPEECH, SPEECH, OTHER], np.int8)
    power, other = np.array([[2.0], [0.5], [0.5]]), np.ones((3, 1))
    assert excerpts.masked(labels, power, other).tolist() == [SPEECH, UNKNOWN, OTHER]


def test_excerpts_are_finite_the_same_for_a_seed_and_of_both_sorts() -> None:
    other = clips(False, 700)
    sources = Sources([clips(True, 150), clips(True, 1)], [other, clips(False, 2, -23.0)], other)
    found = []
    for seed in range(40):
        logs, labels = sources.draw(np.random.default_rng(seed))
        again, _ = sources.draw(np.random.default_rng(seed))
        np.testing.assert_array_equal(logs, again)
        assert logs.shape == (FRAMES, BANDS)
        assert np.isfinite(logs).all()
        found.append(labels)
    assert {OTHER, SPEECH} <= set(np.concatenate(found))
