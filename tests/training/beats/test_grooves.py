from pathlib import Path

import numpy as np
import pytest

from training.beats import genres, grooves, tempo
from training.beats.genres import DRUMS, GENRES, PROGRAMS, PROGRESSIONS, Genre
from training.beats.notation import parse
from training.beats.piece import Note, Part, Piece


@pytest.mark.parametrize("genre", GENRES, ids=lambda genre: genre.name)
def test_every_pattern_fits_its_meter_and_names_what_exists(genre: Genre) -> None:
    lines = [(t, DRUMS) for t in genre.drums] + [(t, PROGRAMS) for t in genre.comp]
    for text, names in [*lines, *((f"bass {t}", ("bass",)) for t in genre.bass)]:
        pattern = parse(text)
        assert pattern.beats % genre.meter == 0 or genre.meter % pattern.beats == 0, text
        assert {name for name, _ in pattern.lines} <= set(names), text
    assert {genre.basses, *genre.lead} <= set(PROGRAMS)
    assert set(genre.harmony) <= set(PROGRESSIONS)
    assert genre.character in tempo.KINDS
    assert genre.bpm[0] <= genre.bpm[1] <= genre.bpm[2]


@pytest.mark.parametrize("genre", GENRES, ids=lambda genre: genre.name)
def test_a_piece_lasts_and_its_beats_count_through_its_bars(genre: Genre) -> None:
    piece = grooves.compose(np.random.default_rng(3), genre, 20.0)
    assert piece.parts
    assert piece.beats[-1] > 17
    assert np.all(np.diff(piece.beats) > 0)
    after = piece.numbers[:-1] % genre.meter + 1
    assert np.array_equal(piece.numbers[1:], after)


def test_without_swing_and_jitter_the_drums_are_on_the_beats() -> None:
    genre = Genre("plain", (100, 120, 140), drums=("bd x*4",), character="click", bare=0.0)
    rng = np.random.default_rng(0)
    piece = grooves.compose(rng, genre, 30.0)
    kicks = np.array([n.start for p in piece.parts for n in p.notes if n.pitch == DRUMS["bd"]])
    assert len(kicks) > 20
    away = np.abs(kicks[:, None] - piece.beats[None]).min(axis=1)
    assert np.mean(away < 1e-9) > 0.8  # the rest are fills and ghost notes


@pytest.mark.parametrize("kind", ["constant", "drift", "ramp", "step", "rubato"])
def test_a_tempo_curve_stays_about_its_tempo(kind: str) -> None:
    bpm = tempo.curve(np.random.default_rng(1), kind, 100.0, 64, 4)
    assert bpm.shape == (64,)
    assert np.all((bpm > 55) & (bpm < 170))


def test_swing_moves_the_second_eighth_and_leaves_triplets() -> None:
    grid = tempo.Grid(np.arange(5.0), swing=2 / 3)
    assert grid.at(1.5) == pytest.approx(1 + 2 / 3)
    assert grid.at(1 + 1 / 3) == pytest.approx(1 + 1 / 3)
    assert grid.at(1.5, straight=True) == 1.5
    assert grid.at(-1) == -1
    assert grid.at(5) == 5


def test_an_excerpt_starts_at_zero_and_keeps_what_is_held() -> None:
    notes = (Note(0, 4, 60, 90), Note(1, 1.5, 62, 90), Note(3, 5, 64, 90))
    piece = Piece((Part(0, notes),), np.arange(6.0), np.arange(6) % 4 + 1, "d", "s", "g")
    cut = piece.excerpt(2.0, 2.0)
    assert [(n.start, n.end, n.pitch) for n in cut.parts[0].notes] == [(0, 2, 60), (1, 2, 64)]
    assert cut.beats.tolist() == [0, 1]
    assert cut.numbers.tolist() == [3, 4]


def test_a_genre_like_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "genres.toml"
    path.write_text('[polka]\nlike = "waltz"\nbpm = [1, 2, 3]\n')
    with pytest.raises(ValueError, match="'polka' is like 'waltz'"):
        genres.load(path)
    path.write_text("[polka]\nbpm = [1, 2, 3]\nspeed = 3\n")
    with pytest.raises(ValueError, match=r"'polka' has the unknown keys \['speed'\]"):
        genres.load(path)
