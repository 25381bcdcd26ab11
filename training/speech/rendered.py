"""Music of General MIDI instruments by fluidsynth: soloists of every program, and bands."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr

from functions.kit.mel import RATE
from training.speech.sounds import Rng, Sound

if TYPE_CHECKING:
    from training.beats.piece import Note, Part
    from training.beats.synth import Room

SECONDS = 12
"""Length of a soloist's clip."""
AT_ONCE = 8
"""Soloists that one run of fluidsynth renders, one after another."""
UNSEEN = tuple(program for program in range(128) if program % 8 == 5)
"""Programs that training leaves out, one of each family, to judge on."""
SEEN = tuple(program for program in range(128) if program % 8 != 5)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 6, 7, 10))


def fonts(folder: Path = Path("/usr/share/sounds")) -> list[Path]:
    """The sound fonts of a folder; none where fluidsynth is not installed."""
    if not shutil.which("fluidsynth"):
        return []
    return sorted({path.resolve() for path in folder.rglob("*.sf?")})


def soloists(rng: Rng, programs: Sequence[int], font: Path) -> Iterator[Sound]:
    """A clip of each program: a melody, or chords, without accompaniment."""
    # It needs mido, which only those who render have.
    from training.beats.piece import Part
    from training.beats.synth import Room

    for first in range(0, len(programs), AT_ONCE):
        some = programs[first : first + AT_ONCE]
        parts = [
            Part(program, tuple(notes(rng, i * (SECONDS + 2.0)))) for i, program in enumerate(some)
        ]
        room = Room(font, float(rng.choice([0.0, 0.3, 0.7])), float(rng.uniform(0.1, 0.9)))
        sound = _render(parts, len(some) * (SECONDS + 2.0), room)
        for i in range(len(some)):
            yield sound[i * (SECONDS + 2) * RATE :][: SECONDS * RATE]


def notes(rng: Rng, start: float) -> Iterator["Note"]:
    """A line in some tempo, range and articulation, with rests, from `start` on."""
    from training.beats.piece import Note

    beat = np.exp(rng.uniform(np.log(0.1), np.log(0.8)))
    lengths = rng.choice([0.5, 0.5, 1.0, 1.0, 1.5, 2.0, 4.0], 5)
    scale = SCALES[int(rng.integers(len(SCALES)))]
    lowest = int(rng.integers(38, 66))
    voices = int(rng.choice([1, 1, 1, 2, 3]))
    held, rest = rng.choice([0.5, 0.95, 1.1]), rng.choice([0.0, 0.15, 0.35])
    degree, now = int(rng.integers(0, 10)), start + rng.uniform(0, 0.5)
    while now < start + SECONDS - 0.2:
        seconds = beat * float(rng.choice(lengths))
        degree = int(np.clip(degree + rng.integers(-3, 4), 0, 2 * len(scale)))
        if rng.random() >= rest:
            loud = int(rng.integers(50, 120))
            end = min(now + seconds * held, start + SECONDS)
            for voice in range(voices):
                octave, step = divmod(degree + 2 * voice, len(scale))
                yield Note(now, end, lowest + 12 * octave + scale[step], loud)
        now += seconds


def bands(rng: Rng, count: int, font: Path) -> Iterator[Sound]:
    """Pieces of 24 s in the genres of `training.beats`."""
    from training.beats import grooves
    from training.beats.synth import Room

    for _ in range(count):
        piece = grooves.compose(rng, grooves.choose(rng), 30.0).excerpt(4.0, 24.0)
        yield _render(piece.parts, 24.0, Room(font, float(rng.choice([0.0, 0.3, 0.7]))))


def _render(parts: Sequence["Part"], seconds: float, room: "Room") -> Sound:
    from training.beats import synth

    with tempfile.TemporaryDirectory() as folder:
        sound = synth.render(parts, seconds, room, Path(folder))
    return np.asarray(soxr.resample(sound, synth.RATE, RATE), np.float64)
