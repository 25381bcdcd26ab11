"""Players: a pattern, the harmony and a grid in, a part out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.beats.genres import DRUMS, PROGRAMS, PROGRESSIONS
from training.beats.notation import Hit, parse
from training.beats.piece import Note, Part
from training.beats.tempo import Grid

LOUDNESS = {"X": 112, "o": 48}
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
RHYTHMS = {  # how a tune fills a beat -> by how fast the beats go
    "fast": ("x", "x", "-", "-", "xx", "-x", "."),
    "medium": ("xx", "x", "-", "-x", "x-", "x.xx", "xx-x", ".x", "xxx-", "."),
    "slow": ("x-x-", "x-xx", "xxxx", "-xx-", "x--x", "----", "x---", "xx", "-.xx", "x", "--xx"),
    "triple": ("x--", "x-x", "xxx", "---", "--x", "x--", "xx-"),
}


@dataclass(frozen=True)
class Span:
    """Whole bars of a piece that are played alike: the first beat, how many bars of how many."""

    first: int
    bars: int
    meter: int

    @property
    def beats(self) -> range:
        """The span's beats."""
        return range(self.first, self.first + self.bars * self.meter)


@dataclass(frozen=True)
class Harmony:
    """A key and the chord of each beat.

    key : pitch class of the first step of the scale.
    scale : semitones of its seven steps.
    degrees : the chord's scale degree from 0, one a beat.
    """

    key: int
    scale: tuple[int, ...]
    degrees: tuple[int, ...]

    def pitch(self, step: int, low: int) -> int:
        """Scale step `step` (0 the key note) in the octave that starts at pitch `low`."""
        return low + (self.key + self.scale[step % 7] - low) % 12

    def degree(self, beat: float) -> int:
        """The chord at a beat."""
        return self.degrees[int(np.clip(np.floor(beat + 1e-6), 0, len(self.degrees) - 1))]


def harmony(rng: np.random.Generator, pool: str, spans: Sequence[Span]) -> Harmony:
    """Draw a key, a scale and a progression for each span (its first one often comes back)."""
    scale = {"minor": "minor", "blues": "mixolydian"}.get(pool) or str(
        rng.choice(["major", "major", "dorian", "mixolydian", "minor"])
        if pool == "modal"
        else rng.choice(["major", "major", "major", "minor"])
    )
    drawn = [str(rng.choice(PROGRESSIONS[pool])) for _ in range(2)]
    slow = int(rng.choice([1, 1, 1, 1, 2]))
    degrees: list[int] = []
    for span in spans:
        bars = drawn[int(rng.random() < 0.35)].split()
        for bar in range(span.bars):
            chords = bars[bar // slow % len(bars)]
            each = span.meter / len(chords)
            degrees += [int(chords[int(beat / each)]) - 1 for beat in range(span.meter)]
    return Harmony(int(rng.integers(12)), SCALES[scale], tuple(degrees))


def hits(text: str, spans: Sequence[Span]) -> Iterator[tuple[str, Hit]]:
    """Each hit of a pattern laid over spans (anew at each span's start), in beats of the piece."""
    pattern = parse(text)
    for span in spans:
        for name, line in pattern.lines:
            for first in range(span.beats.start, span.beats.stop, pattern.beats):
                for hit in line:
                    if first + hit.beat < span.beats.stop - 1e-9:
                        yield name, hit._replace(beat=first + hit.beat)


class Roots(Harmony):
    """Chords of which only the root is known: `degrees` are seven times its pitch class."""

    def pitch(self, step: int, low: int) -> int:
        """Step `step % 7` above the root `step // 7`, in the octave that starts at `low`."""
        return low + (step // 7 + self.scale[step % 7] - low) % 12


@dataclass
class Player:
    """Puts notes on a grid with one player's touch.

    late : seconds the player is behind (or before) the grid.
    """

    rng: np.random.Generator
    grid: Grid
    late: float = 0.0

    def note(
        self, beat: float, length: float, pitch: int, velocity: float, straight: bool = False
    ) -> Note:
        """A note at a place in beats, `length` beats long, swung, shaken and never before 0."""
        shake = self.rng.normal(0, self.grid.jitter) if self.grid.jitter else 0.0
        start = max(self.grid.at(beat, straight) + self.late + shake, 0.0)
        end = max(self.grid.at(beat + length, straight), start + 0.03)
        loud = velocity + self.rng.normal(0, 5)
        return Note(start, end, int(np.clip(pitch, 12, 115)), int(np.clip(loud, 12, 127)))


def drums(
    player: Player, texts: Sequence[str], spans: Sequence[Span], kit: int, fills: bool = True
) -> Part:
    """Drums: one pattern a span, small variations, fills at ends of phrases and crashes after."""
    rng = player.rng
    swap = {"hh": str(rng.choice(["hh", "hh", "hh", "rd", "sh", "tb"]))}
    ghost = float(rng.choice([0.0, 0.0, 0.03, 0.08]))
    phrase = int(rng.choice([4, 8]))
    notes: list[Note] = []
    for text, span in zip(texts, spans, strict=True):
        blank = set[int]()
        for bar in range(phrase - 1, span.bars, phrase) if fills else ():
            if rng.random() < 0.7:
                length = int(rng.integers(1, max(span.meter // 2, 1) + 1))
                end = span.first + (bar + 1) * span.meter
                blank |= set(range(end - length, end))
                notes += _fill(player, end - length, length)
                if rng.random() < 0.6 and end < span.beats.stop:
                    notes.append(player.note(end, 0.5, DRUMS["cr"], 100))
        if fills and rng.random() < 0.5:
            notes.append(player.note(span.beats.start, 0.5, DRUMS["cr"], 104))
        for name, hit in hits(text, [span]):
            timekeeping = name not in ("bd", "sd", "ss", "cp")
            if int(hit.beat + 1e-6) in blank and (timekeeping or rng.random() < 0.7):
                continue
            key = DRUMS[swap.get(name, name)]
            place = 6 * (hit.beat == int(hit.beat)) if timekeeping else 0
            notes.append(player.note(hit.beat, 0.2, key, LOUDNESS.get(hit.symbol, 86) + place))
        for beat in span.beats:
            if rng.random() < ghost and beat not in blank:
                key = DRUMS[str(rng.choice(["bd", "sd"]))]
                notes.append(player.note(beat + float(rng.choice([0.25, 0.5, 0.75])), 0.2, key, 50))
    return Part(kit, tuple(sorted(notes)), drums=True)


def _fill(player: Player, first: int, length: int) -> list[Note]:
    rng = player.rng
    drum = rng.permutation(["sd", "ht", "mt", "lt", "ft", "sd", "sd"])
    cell = str(rng.choice(["xx", "xxxx", "x.xx", "xx.x", "xxx", "x.x.", "xxxxxx"]))
    found = []
    for i, (_, hit) in enumerate(hits("f " + cell, [Span(first, length, 1)])):
        key = DRUMS[str(drum[int((hit.beat - first) * 2) % len(drum)])]
        found.append(player.note(hit.beat, 0.2, key, 78 + 6 * (i % 4 == 0) + 12 * rng.random()))
    return found


def bass(
    player: Player, texts: Sequence[str], spans: Sequence[Span], chords: Harmony, program: int
) -> Part:
    """Bass: digits are scale steps above the chord's root, `w` walks to the next root."""
    rng = player.rng
    low = int(rng.integers(28, 35))
    gate = float(rng.choice([0.95, 0.95, 0.8, 0.55]))
    notes: list[Note] = []
    last = low
    for text, span in zip(texts, spans, strict=True):
        for _, hit in hits("bass " + text, [span]):
            root = chords.degree(hit.beat)
            if hit.symbol == "w":
                change = hit.beat == span.beats.start or chords.degree(hit.beat - 1) != root
                to = chords.pitch(chords.degree(hit.beat + 1), low)
                walk = [chords.pitch(root + s, low) for s in (0, 1, 2, 4, 5)] + [to - 1, to + 1]
                near = sorted(walk, key=lambda p: (p == last, abs(p - last)))
                pitch = chords.pitch(root, low) if change else int(rng.choice(near[:3]))
            else:
                step = int(hit.symbol) - 1
                pitch = chords.pitch(root + step % 7, chords.pitch(root, low))
                pitch += 12 * (step >= 7)
            last = pitch
            strong = 8 * ((hit.beat - span.first) % span.meter == 0)
            notes.append(player.note(hit.beat, hit.length * gate, pitch, 88 + strong))
    return Part(program, tuple(notes))


def comp(
    player: Player, texts: Sequence[str], spans: Sequence[Span], chords: Harmony, program: int
) -> Part:
    """Chords and arpeggios; see `Genre.comp` for the characters."""
    rng = player.rng
    low = int(rng.integers(50, 64))
    size = int(rng.choice([3, 3, 4]))
    gate = float(rng.choice([0.95, 0.95, 0.7, 0.45]))
    strum = float(rng.choice([0.0, 0.004, 0.012])) if program in PROGRAMS["guitar"] else 0.0
    notes: list[Note] = []
    for text, span in zip(texts, spans, strict=True):
        for _, hit in hits(text, [span]):
            root = chords.degree(hit.beat)
            tones = sorted(chords.pitch(root + s, low) for s in (0, 2, 4, 6)[:size])
            loud = LOUDNESS.get(hit.symbol, 78) + 6 * (hit.beat == int(hit.beat))
            length = hit.length * gate
            if hit.symbol in "bf":
                pitch = chords.pitch(root + 4 * (hit.symbol == "f"), 40)
                notes.append(player.note(hit.beat, length, pitch, loud + 6))
            elif hit.symbol.isdigit():
                octave, i = divmod(int(hit.symbol) - 1, size)
                notes.append(player.note(hit.beat, length, tones[i] + 12 * octave, loud))
            else:
                first = player.note(hit.beat, length, tones[0], loud)
                for i, tone in enumerate(tones):
                    start = first.start + i * strum
                    end = max(first.end, start + 0.03)
                    notes.append(first._replace(start=start, end=end, pitch=tone))
    return Part(program, tuple(notes))


def lead(
    player: Player, spans: Sequence[Span], chords: Harmony, program: int, bpm: float, triple: bool
) -> Part:
    """A tune: motifs of some bars, repeated and varied, on chord notes where a beat begins."""
    rng = player.rng
    pace = "triple" if triple else "slow" if bpm < 85 else "medium" if bpm < 150 else "fast"
    gate = float(rng.choice([1.0, 0.9, 0.6]))
    low = int(rng.integers(60, 70))
    bars = int(rng.choice([1, 2, 2, 4]))
    meter = spans[0].meter if spans else 4
    rest = float(rng.uniform(0, 0.25))

    def motif() -> list[tuple[str, list[int]]]:
        cells = [str(rng.choice(RHYTHMS[pace])) for _ in range(bars * meter)]
        cells = [cell.replace("x", ".", 1) if rng.random() < rest else cell for cell in cells]
        if rng.random() < 0.75:
            cells[0] = "x" + cells[0][1:]
        return [(cell, [int(s) for s in rng.normal(0, 1.6, 6)]) for cell in cells]

    motifs = [motif(), motif()]
    notes: list[Note] = []
    step = 0
    for span in spans:
        for first in range(0, span.bars, bars):
            chosen = motifs[int(rng.random() < 0.3)]
            cells = chosen[: (span.bars - first) * meter]
            start = span.first + first * meter
            moves = [move for _, move in cells]
            for _, hit in hits("m " + "|".join(c for c, _ in cells), [Span(start, len(cells), 1)]):
                beat = int(hit.beat + 1e-6)
                move = moves[beat - start][int((hit.beat - beat) * 6)]
                step = int(np.clip(step + move, -4, 8))
                root = chords.degree(hit.beat)
                if hit.beat == beat:
                    step = min((root + s + o for s in (0, 2, 4) for o in (-7, 0, 7)),
                               key=lambda s: abs(s - step))  # fmt: skip
                pitch = chords.pitch(0, low) + 12 * (step // 7) + chords.scale[step % 7]
                strong = 8 * ((hit.beat - start) % meter == 0)
                notes.append(player.note(hit.beat, hit.length * gate, pitch, 88 + strong))
    return Part(program, tuple(notes))
