import numpy as np
import pytest

from training.beats import excerpts
from training.beats.corpus import Song

FRAMES = 4_000
BEATS = np.arange(20, FRAMES, 30)


def song(numbered: bool = True) -> Song:
    """Loud on every beat, near silence between."""
    logs = np.full((FRAMES, 64), np.log(0.001), np.float16)
    logs[BEATS] = 0.0
    numbers = np.arange(len(BEATS)) % 4 + 1 if numbered else np.zeros(len(BEATS), int)
    return Song("made", "made", "dev", logs, BEATS / 50, numbers)


def test_targets_are_widened_around_beats_and_downbeats() -> None:
    beat, downbeat = excerpts.targets(song(), FRAMES).T
    assert beat[18:23].tolist() == pytest.approx([0.25, 0.6, 1.0, 0.6, 0.25])
    assert np.flatnonzero(beat == 1).tolist() == BEATS.tolist()
    assert np.flatnonzero(downbeat == 1).tolist() == BEATS[::4].tolist()


def test_downbeats_that_are_not_annotated_are_unknown() -> None:
    assert (excerpts.targets(song(numbered=False), FRAMES)[:, 1] == -1).all()
    _, known = excerpts.draw(song(numbered=False), np.random.default_rng(0))
    assert (known[:, 1] == -1).all()


@pytest.mark.parametrize("seed", range(60))
def test_however_it_is_changed_the_targets_stay_on_the_beats(seed: int) -> None:
    bands, known = excerpts.draw(song(), np.random.default_rng(seed))
    assert bands.shape == (excerpts.EXCERPT, 64)
    assert np.isfinite(bands).all()
    beats = np.flatnonzero(known[:, 0] == 1)
    beats = beats[(beats > 5) & (beats < excerpts.EXCERPT - 5)]
    loud = bands.mean(axis=1)
    for beat in beats:
        assert loud[beat - 1 : beat + 2].max() > loud[[beat - 5, beat + 5]].max()


def test_before_the_song_there_is_silence_and_no_beat() -> None:
    for seed in range(200):
        bands, known = excerpts.draw(song(), np.random.default_rng(seed))
        first = int(np.argmax(known[:, 0] > 0))
        if first > 300:
            assert bands[: first - 50].mean() < bands[first : first + 5].max(axis=0).mean()
            assert not known[: first - 50].any()
            return
    pytest.fail("No excerpt began before the song.")
