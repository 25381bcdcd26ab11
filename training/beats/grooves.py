"""Made-up pieces: a genre's tempo, harmony, players and form, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.beats import players, tempo
from training.beats.genres import GENRES, PROGRAMS, Genre
from training.beats.piece import Note, Part, Piece
from training.beats.players import Player, Span

FORMS = (  # (section, bars) in turn; a section's letter chooses its patterns
    (("intro", 4), ("A", 8), ("B", 8), ("break", 4), ("B", 8)),
    (("A", 8), ("A", 8), ("B", 8)),
    (("intro", 2), ("A", 8), ("B", 8), ("A", 8)),
    (("A", 4), ("B", 4), ("A", 4), ("B", 4)),
    (("A", 8), ("break", 4), ("B", 8)),
    (("intro", 8), ("A", 16), ("B", 16)),
    (("A", 12), ("A", 12)),
    (("A", 16), ("B", 16)),
)
MUTED = {"intro": 0.5, "break": 0.55, "A": 0.08, "B": 0.0}  # chance that a player is out


@dataclass(frozen=True)
class Drumming:
    """A drummer's own recording to play along with.

    bpm : its tempo.
    hits : (place in beats, key, velocity) each.
    """

    bpm: float
    hits: Sequence[tuple[float, int, int]]
    source: str


def form(rng: np.random.Generator, bars: int, meter: int) -> list[tuple[str, Span]]:
    """Sections that fill at least `bars` bars."""
    sections: list[tuple[str, Span]] = []
    done = 0
    while done < bars:
        for name, length in FORMS[int(rng.integers(len(FORMS)))]:
            sections.append((name, Span(done * meter, length, meter)))
            done += length
    return sections


def choose(rng: np.random.Generator) -> Genre:
    """Draw a genre by weight."""
    weights = np.array([g.weight for g in GENRES])
    return GENRES[int(rng.choice(len(GENRES), p=weights / weights.sum()))]


def compose(
    rng: np.random.Generator, genre: Genre, seconds: float, drumming: Drumming | None = None
) -> Piece:
    """A piece of at least `seconds` seconds, played along with `drumming` if that is given.

    It starts with up to 1.5 s of silence, and sometimes in the middle of a bar (a pick-up).
    """
    low, usual, high = genre.bpm
    bpm = drumming.bpm * rng.uniform(0.9, 1.1) if drumming else rng.triangular(low, usual, high)
    meter = genre.meter
    sections = form(rng, int(np.ceil(seconds * bpm / 60 / meter)) + 1, meter)
    spans = [span for _, span in sections]
    beats = spans[-1].beats.stop
    kind = tempo.choose(rng, "click" if drumming else genre.character)
    human = genre.character != "click" and rng.random() < 0.8
    grid = tempo.grid(
        rng,
        tempo.curve(rng, kind, float(bpm), beats, meter),
        float(rng.uniform(0, 1.5)),
        float(rng.uniform(*genre.swing)),
        float(rng.uniform(*genre.swing16)),
        float(rng.uniform(0.002, 0.012)) if human else 0.0,
    )
    chords = players.harmony(rng, str(rng.choice(genre.harmony)), spans)

    def player() -> Player:
        return Player(rng, grid, float(rng.normal(0, 0.004)) if human else 0.0)

    def program(group: str) -> int:
        return int(rng.choice(PROGRAMS[group]))

    def playing() -> list[int]:
        return [i for i, (name, _) in enumerate(sections) if rng.random() >= MUTED[name]]

    def patterns(texts: Sequence[str], on: Sequence[int]) -> list[str]:
        by_section = {name: str(rng.choice(texts)) for name in MUTED}
        return [by_section[sections[i][0]] for i in on]

    parts: list[Part] = []
    alone = rng.random() < (0.12 if drumming else 0.04)
    if drumming:
        parts.append(_along(player(), drumming, beats))
    elif genre.drums and (alone or rng.random() >= genre.bare):
        on = playing()
        texts = patterns(genre.drums, on)
        kit = int(rng.choice(genre.kits))
        part = players.drums(player(), texts, [spans[i] for i in on], kit, rng.random() < 0.8)
        parts.append(part)
    alone = alone and bool(parts)
    if not alone and genre.bass and rng.random() < 0.93:
        on = playing()
        texts = patterns(genre.bass, on)
        play = [spans[i] for i in on]
        part = players.bass(player(), texts, play, chords, program(genre.basses))
        parts.append(replace(part, volume=int(rng.integers(80, 118))))
    layers = 0 if alone else min(len(genre.comp), int(rng.choice([1, 1, 2, 2, 3])))
    for text in rng.choice(genre.comp, layers, replace=False):
        on = playing()
        group = str(text).split()[0]
        part = players.comp(
            player(), [str(text)] * len(on), [spans[i] for i in on], chords, program(group)
        )
        parts.append(replace(part, volume=int(rng.integers(55, 105))))
    if not alone and rng.random() < 0.7:
        on = playing()
        part = players.lead(
            player(), [spans[i] for i in on], chords, program(str(rng.choice(genre.lead))),
            float(bpm), genre.triple,
        )  # fmt: skip
        parts.append(replace(part, volume=int(rng.integers(70, 112))))
    pickup = int(rng.integers(1, meter)) if rng.random() < 0.15 else 0
    numbers = np.arange(beats) % meter + 1
    signature = f"{3 * meter}/8" if genre.triple else f"{meter}/4"
    piece = Piece(
        tuple(p for p in parts if p.notes), grid.times[:-1], numbers,
        "gmd" if drumming else "grooves", drumming.source if drumming else "grooves.py",
        f"{genre.name} {signature}", kind,
    )  # fmt: skip
    start = grid.times[meter - pickup] - 0.25 if pickup else 0.0
    return piece.excerpt(max(float(start), 0.0), piece.end)


def _along(player: Player, drumming: Drumming, beats: int) -> Part:
    notes: list[Note] = []
    straight = replace(player.grid, jitter=0.0)
    exact = Player(player.rng, straight)
    for place, key, velocity in drumming.hits:
        if 0 <= place + 0.1 < beats:
            notes.append(exact.note(place, 0.2, key, velocity, straight=True))
    return Part(0, tuple(notes), drums=True)
