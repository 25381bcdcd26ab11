"""Public MIDI corpora with beat times, read as pieces and newly arranged.

POP909 (Wang et al., ISMIR 2020, MIT), ASAP (Foscarin et al., ISMIR 2020, CC BY-NC-SA), the
Nottingham tunes as cleaned by Jukedeck, and the drummers of the Groove MIDI Dataset (Gillick et
al., ICML 2019, CC BY).
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pretty_midi

from training.beats import grooves, players, tempo
from training.beats.genres import GENRES, PROGRAMS, Genre
from training.beats.piece import Floats, Ints, Note, Part, Piece
from training.beats.players import Player, Roots, Span
from training.beats.tempo import Grid

LICENCES = {
    "pop909": "MIT",
    "asap": "CC BY-NC-SA 4.0",
    "nottingham": "free, cite",
    "gmd": "CC BY 4.0",
    "grooves": "own work",
}
VARIANTS = {"jigs257.mid", "reelsh-l33.mid", "reelsh-l34.mid"}  # of tunes that clips judge on
ADDED = {  # genres whose drummers and bassists may join a corpus's tune, by (meter, triple)
    (4, False): ("rock", "pop", "house", "halftime rock", "funk", "shuffle", "ballad", "reggae",
                 "country two-beat", "train beat", "disco", "hip hop", "bossa nova", "chiptune"),
    (3, False): ("waltz", "rock in three"),
    (2, False): ("polka", "march", "bluegrass", "samba"),
    (2, True): ("jig", "six-eight ballad"),
}  # fmt: skip
ALONE = ("piano", "piano", "piano", "piano", "keys", "epiano", "harpsi", "organ", "guitar", "harp",
         "bells", "strings")  # fmt: skip
DRUM_KEYS = {22: 42, 26: 46, 35: 36, 40: 38, 43: 41, 48: 47, 52: 49, 55: 49, 57: 49, 58: 41, 59: 51}
STYLES = {  # words in a Groove MIDI style -> genres to play along with
    "half": ("halftime rock",), "shuffle": ("shuffle",), "rock": ("rock", "pop"), "punk": ("punk",),
    "funk": ("funk", "soul"), "soul": ("soul", "motown"), "hiphop": ("hip hop", "rnb"),
    "reggaeton": ("reggaeton",), "reggae": ("reggae",), "swing": ("swing",),
    "jazz": ("swing", "bebop"), "samba": ("samba",), "bossa": ("bossa nova",),
    "brazil": ("bossa nova",),
    "latin": ("salsa", "rumba"), "cuban": ("salsa", "afrobeat"), "afrobeat": ("afrobeat",),
    "highlife": ("afrobeat",), "disco": ("disco",), "breakbeat": ("breakbeat",),
    "blues": ("shuffle",), "country": ("country two-beat",), "gospel": ("gospel",),
    "pop": ("pop", "ballad"),
}  # fmt: skip


def _program(rng: np.random.Generator, *groups: str) -> int:
    return int(rng.choice(PROGRAMS[str(rng.choice(groups))]))


def _genre(name: str) -> Genre:
    return next(g for g in GENRES if g.name == name)


def _midi(path: Path) -> pretty_midi.PrettyMIDI:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pretty_midi.PrettyMIDI(str(path))


def _notes(instrument: pretty_midi.Instrument) -> tuple[Note, ...]:
    """An instrument's notes, held as long as the sustain pedal is down (at most 6 s)."""
    pedal = [(c.time, c.value >= 64) for c in instrument.control_changes if c.number == 64]
    times = np.array([t for t, _ in pedal])
    notes = []
    for n in instrument.notes:
        end = n.end
        i = int(np.searchsorted(times, end, "right")) - 1
        if i >= 0 and pedal[i][1]:
            up = next((t for t, down in pedal[i + 1 :] if not down), end)
            end = min(up, end + 6.0)
        notes.append(Note(n.start, max(end, n.start + 0.03), n.pitch, max(n.velocity, 1)))
    return tuple(notes)


def _spans(numbers: Ints) -> list[Span]:
    """Runs of whole bars of one length, from the beats' numbers."""
    starts = np.flatnonzero(numbers == 1)
    found: list[Span] = []
    for first, after in pairwise(starts):
        meter = int(after - first)
        last = found[-1] if found else None
        if last and last.meter == meter and last.beats.stop == first:
            found[-1] = replace(last, bars=last.bars + 1)
        else:
            found.append(Span(int(first), 1, meter))
    return found


def accompany(rng: np.random.Generator, piece: Piece, triple: bool, bare: float) -> Piece:
    """Add drums (except with the chance `bare`) and, mostly, a bass on the lowest notes' roots."""
    grid = Grid(np.append(piece.beats, 2 * piece.beats[-1] - piece.beats[-2]), jitter=0.004)
    spans = [s for s in _spans(piece.numbers) if (s.meter, triple) in ADDED]
    if not spans or rng.random() < bare:
        return piece
    meter = spans[0].meter
    spans = [s for s in spans if s.meter == meter]
    spans = [
        replace(s, first=s.first + i * meter, bars=min(8, s.bars - i))
        for s in spans
        for i in range(0, s.bars, 8)
    ]
    genre = _genre(str(rng.choice(ADDED[meter, triple])))
    grid = replace(grid, swing=float(rng.uniform(*genre.swing)))
    texts = [str(t) for t in rng.choice(genre.drums, 2)]
    play = [s for s in spans if rng.random() > 0.1] or spans
    turns = [texts[i // 2 % 2] for i in range(len(play))]
    added = [players.drums(Player(rng, grid), turns, play, int(rng.choice(genre.kits)))]
    lines = [t for t in genre.bass if not set(t) & set("234679w")]
    if lines and rng.random() < 0.7:
        chords = Roots(0, (0, 2, 4, 5, 7, 9, 10), tuple(7 * pc for pc in _roots(piece)))
        added.append(
            players.bass(
                Player(rng, grid), [str(rng.choice(lines))] * len(play), play, chords,
                _program(rng, genre.basses),
            )
        )  # fmt: skip
    return replace(piece, parts=piece.parts + tuple(added), note=f"{piece.note} drums={genre.name}")


def _roots(piece: Piece) -> list[int]:
    """Pitch class of the lowest note that sounds on each beat."""
    notes = np.array([(n.start, n.end, n.pitch) for p in piece.parts for n in p.notes])
    root, found = 0, []
    for beat in piece.beats:
        sounding = notes[(notes[:, 0] < beat + 0.12) & (notes[:, 1] > beat + 0.05)]
        root = int(sounding[:, 2].min()) % 12 if len(sounding) else root
        found.append(root)
    return found


@dataclass(frozen=True)
class Corpora:
    """The files of each corpus, less what is excluded."""

    pop909: Sequence[Path] = ()
    asap: Sequence[Sequence[Path]] = ()
    nottingham: Sequence[Path] = ()
    gmd: Sequence[Path] = ()


def _work(folder: str) -> str:
    """An ASAP folder without its note on repeats: `18-2_no_repeat` is `18-2`."""
    return re.sub(r"(_no(_\w+)?_repeat|_repeat|_no_trio)$", "", folder)


def find(
    pop909: Path | None, asap: Path | None, nottingham: Path | None, gmd: Path | None, exclude: Path
) -> tuple[Corpora, dict[str, int]]:
    """List the corpora without the pieces of a manifest (all performances of them, for ASAP).

    Parameters
    ----------
    exclude : a manifest whose `source` column names the pieces to leave out.

    Returns
    -------
    the corpora, and how many files of each were left out.
    """
    with exclude.open(newline="") as file:
        sources = [row["source"].partition(":")[2] for row in csv.DictReader(file)]
    songs = set(sources)
    tunes = {Path(s).name for s in sources}
    works = {_work(str(Path(s).parent)) for s in sources if s.count("/") >= 2}
    left = {"pop909": 0, "asap": 0, "nottingham": 0}
    folders = sorted(p.parent for p in pop909.glob("*/*.mid")) if pop909 else []
    files = sorted(nottingham.glob("*.mid")) if nottingham else []
    by_work: dict[str, list[Path]] = {}
    if asap:
        for path in sorted(asap.rglob("*_annotations.txt")):
            work = str(path.parent.relative_to(asap))
            played = path.with_name(path.name.replace("_annotations.txt", ".mid"))
            if path.name.startswith("midi_score") or not played.exists():
                continue
            if _work(work) in works:
                left["asap"] += 1
            else:
                by_work.setdefault(work, []).append(played)
    kept = [f for f in folders if f.name not in songs]
    left["pop909"] = len(folders) - len(kept)
    tunes_kept = [f for f in files if f.name not in tunes | VARIANTS]
    left["nottingham"] = len(files) - len(tunes_kept)
    drummers = []
    if gmd:
        with (gmd / "info.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                long = float(row["duration"]) >= 20 and row["beat_type"] == "beat"
                if long and row["time_signature"] == "4-4":
                    drummers.append(gmd / row["midi_filename"])
    return Corpora(kept, list(by_work.values()), tunes_kept, drummers), left


def pop909(rng: np.random.Generator, folder: Path) -> Piece | None:
    """A POP909 song in a new tempo and key with new instruments.

    None where fewer than 80 % of its beats meet a note. The bar numbers are left out where its
    chords do not change on the annotated downbeats more than on other beats.
    """
    table = np.loadtxt(folder / "beat_midi.txt")
    beats: Floats = table[:, 0]
    midi = _midi(folder / f"{folder.name}.mid")
    starts = np.sort([n.start for i in midi.instruments for n in i.notes])
    inside = (beats > starts[0] - 0.05) & (beats < starts[-1] + 0.05)
    beats, down = beats[inside], table[inside, 2] == 1
    near = np.minimum(
        np.abs(starts[np.clip(np.searchsorted(starts, beats), 0, len(starts) - 1)] - beats),
        np.abs(starts[np.clip(np.searchsorted(starts, beats) - 1, 0, None)] - beats),
    )
    if len(beats) < 40 or np.mean(near < 0.05) < 0.8:
        return None
    piece = Piece(
        tuple(
            Part(
                _program(
                    rng,
                    *{"MELODY": ("vocal", "sax", "flute", "lead", "piano", "guitar", "reeds"),
                      "BRIDGE": ("strings", "lead", "solo", "clean", "bells", "vocal")}.get(
                        i.name, ("piano", "piano", "piano", "keys", "guitar", "clean", "epiano")),
                ),
                _notes(i),
                volume=int(rng.integers(60, 115)),
            )
            for i in midi.instruments
            if i.notes
        ),
        beats, _numbers(folder, beats, down), "pop909", folder.name, "pop",
    )  # fmt: skip
    bpm = 60 / float(np.median(np.diff(beats)))
    wanted = np.clip(bpm * np.exp(rng.uniform(np.log(0.7), np.log(1.4))), 54, 165)
    piece = piece.stretched(bpm / float(wanted)).transposed(int(rng.integers(-5, 6)))
    return accompany(rng, piece, triple=False, bare=0.35)


def _numbers(folder: Path, beats: Floats, down: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
    nothing = np.zeros(len(beats), np.int64)
    firsts = np.flatnonzero(down)
    if len(firsts) < 4:
        return nothing
    meter = int(np.bincount(np.diff(firsts)).argmax())
    lines = (folder / "chord_midi.txt").read_text().split("\n")
    changes = np.array([float(line.split()[0]) for line in lines if line.strip()])
    place = np.abs(beats[None] - changes[:, None]).argmin(axis=1)
    ordinal = nothing.copy()
    for first, after in zip(firsts, [*firsts[1:], len(beats)], strict=True):
        if after - first == meter or after == len(beats):
            ordinal[first:after] = np.arange(after - first) % meter + 1
    counts = np.bincount(ordinal[place], minlength=meter + 1)[1 : meter + 1]
    return ordinal if counts.argmax() == 0 and counts[0] > 0.4 * counts.sum() else nothing


def asap(rng: np.random.Generator, path: Path) -> Piece | None:
    """An ASAP performance on a random keyboard (or other) instrument."""
    rows = path.with_name(path.stem + "_annotations.txt").read_text().split("\n")
    cells = [row.split("\t") for row in rows if row.strip()]
    beats = np.array([float(c[0]) for c in cells])
    labels = [c[2].split(",")[0] for c in cells]
    rising = np.append(True, np.diff(beats) > 0.05)
    numbers = np.zeros(len(beats), np.int64)
    now = 0
    for i, label in enumerate(labels):
        now = 1 if label == "db" else now + 1 if now else 0
        numbers[i] = now
    rough = sum(label == "bR" for label in labels) > 0.1 * len(labels)
    if rough or len(beats) < 20 or rising.mean() < 0.98:
        return None
    program = _program(rng, *ALONE)
    parts = tuple(Part(program, _notes(i)) for i in _midi(path).instruments if i.notes)
    source = "/".join(path.parts[-4:])
    piece = Piece(parts, beats[rising], numbers[rising], "asap", source, "classical piano")
    return piece.stretched(float(rng.uniform(0.87, 1.18))).transposed(int(rng.integers(-3, 4)))


def nottingham(rng: np.random.Generator, path: Path) -> Piece | None:
    """A Nottingham tune played in a new tempo; None where its metre is not a plain one."""
    midi = _midi(path)
    signs = midi.time_signature_changes
    if len({(s.numerator, s.denominator) for s in signs}) != 1:
        return None
    numerator, denominator = signs[0].numerator, signs[0].denominator
    triple = denominator == 8 and numerator % 3 == 0
    if not triple and denominator != 4:
        return None
    unit = 0.75 if triple else 0.5  # the files run at 120 quarter notes a minute
    meter = numerator // 3 if triple else numerator
    n = int(midi.get_end_time() / unit)
    if n < 16:
        return None
    low, high = (66, 146) if triple else (82, 200) if meter == 3 else (78, 196)
    bpm = float(rng.uniform(low, high))
    kind = str(rng.choice(["constant", "drift", "ramp", "step"], p=[0.4, 0.35, 0.12, 0.13]))
    grid = tempo.grid(
        rng, tempo.curve(rng, kind, bpm, n, meter), float(rng.uniform(0, 1)),
        swing=float(rng.choice([0.5, 0.5, 0.55, 0.64])), jitter=float(rng.choice([0, 0.005, 0.01])),
    )  # fmt: skip
    parts = []
    for i in midi.instruments:
        tune = i is midi.instruments[0]
        groups = ("fiddle", "whistle", "accordion", "piano", "flute", "banjo", "reeds", "guitar")
        chords = ("guitar", "piano", "accordion", "harp", "organ", "strings", "banjo")
        player = Player(rng, grid)
        notes = tuple(
            player.note(
                x.start / unit, (x.end - x.start) / unit, x.pitch,
                80 + 10 * (abs(x.start / unit - round(x.start / unit)) < 0.01),
            )
            for x in i.notes
        )  # fmt: skip
        part = Part(_program(rng, *(groups if tune else chords)), notes)
        parts.append(replace(part, volume=int(rng.integers(70, 110))))
    if len(parts) > 1 and rng.random() < 0.1:
        parts = parts[:1]
    piece = Piece(
        tuple(parts), grid.times[:-1], np.arange(n) % meter + 1, "nottingham",
        f"MIDI/{path.name}", f"{path.stem.rstrip('0123456789')} {numerator}/{denominator}", kind,
    )  # fmt: skip
    return accompany(rng, piece.transposed(int(rng.integers(-5, 6))), triple, bare=0.4)


def gmd(rng: np.random.Generator, path: Path, seconds: float) -> Piece | None:
    """A Groove MIDI drummer with a made-up band in a like genre.

    The drummers are some 11 ms before their click; that is taken off, drummer by drummer.
    """
    file = mido.MidiFile(path)
    bpm, hits, tick = 120.0, [], 0
    for message in mido.merge_tracks(file.tracks):
        tick += message.time
        if message.type == "set_tempo":
            bpm = mido.tempo2bpm(message.tempo)
        elif message.type == "note_on" and message.velocity:
            key = DRUM_KEYS.get(message.note, message.note)
            hits.append((tick / file.ticks_per_beat, key, message.velocity))
    places = np.array([place for place, _, _ in hits])
    off = places - np.round(places)
    ahead = float(np.median(off[np.abs(off) < 0.12]))
    style = path.stem.split("_")[1]
    names = next((g for word, g in STYLES.items() if word in style), ("rock", "pop", "soul"))
    genre = _genre(str(rng.choice(names)))
    if genre.meter != 4 or genre.triple:
        genre = _genre("pop")
    length = min(seconds, hits[-1][0] * 60 / bpm / 1.1)
    hits = [(place - ahead, key, velocity) for place, key, velocity in hits]
    drumming = grooves.Drumming(bpm, hits, "/".join(path.parts[-3:]))
    piece = grooves.compose(rng, genre, length, drumming)
    end = max(n.end for p in piece.parts if p.drums for n in p.notes)
    return piece.excerpt(0.0, end)
