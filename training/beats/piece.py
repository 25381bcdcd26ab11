"""A piece of music as notes in seconds, with its beats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Note(NamedTuple):
    """One note: start and end in seconds, MIDI pitch and velocity (1-127)."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """The notes of one player. `program` is a General MIDI program, or a kit if `drums`."""

    program: int
    notes: tuple[Note, ...]
    drums: bool = False
    volume: int = 100


@dataclass(frozen=True)
class Piece:
    """Parts and the true beats.

    beats : shape (n,), seconds, ascending.
    numbers : shape (n,), each beat's number in its bar from 1, or 0 where it is not known.
    """

    parts: tuple[Part, ...]
    beats: Floats
    numbers: Ints
    dataset: str
    source: str
    genre: str
    note: str = ""

    @property
    def end(self) -> float:
        """Seconds at which the last note ends."""
        return max((n.end for p in self.parts for n in p.notes), default=0.0)

    def stretched(self, factor: float) -> Piece:
        """The piece with every time multiplied by `factor`."""

        def slow(part: Part) -> Part:
            moved = (n._replace(start=n.start * factor, end=n.end * factor) for n in part.notes)
            return replace(part, notes=tuple(moved))

        return replace(self, parts=tuple(map(slow, self.parts)), beats=self.beats * factor)

    def transposed(self, semitones: int) -> Piece:
        """The piece with every part but the drums moved by `semitones`."""

        def moved(part: Part) -> Part:
            if part.drums:
                return part
            pitches = np.clip([n.pitch + semitones for n in part.notes], 12, 108).tolist()
            pairs = zip(part.notes, pitches, strict=True)
            return replace(part, notes=tuple(n._replace(pitch=pitch) for n, pitch in pairs))

        return replace(self, parts=tuple(map(moved, self.parts)))

    def excerpt(self, start: float, seconds: float) -> Piece:
        """What sounds and beats in [start, start + seconds), moved to begin at 0.

        A note held over the cut keeps what is left of it when that is at least 0.3 s.
        """

        def cut(part: Part) -> Part:
            kept = []
            for n in part.notes:
                held = n.start < start and n.end > start + 0.3 and not part.drums
                if held or start <= n.start < start + seconds:
                    kept.append(
                        n._replace(start=max(n.start - start, 0.0), end=min(n.end - start, seconds))
                    )
            return replace(part, notes=tuple(kept))

        inside = (self.beats >= start) & (self.beats < start + seconds)
        return replace(
            self,
            parts=tuple(cut(p) for p in self.parts),
            beats=self.beats[inside] - start,
            numbers=self.numbers[inside],
        )
