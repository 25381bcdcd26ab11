"""Render a training corpus: `python -m training.beats.render --clips 300 --out r0 ...`.

Each clip is drawn from its own random numbers (seed and index), so a corpus is the same however
many jobs made it, and a broken-off run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import soundfile as sf

from training.beats import effects, grooves, sources, synth
from training.beats.piece import Part, Piece

SHARES = {"pop909": 0.2, "asap": 0.12, "nottingham": 0.1, "gmd": 0.1, "grooves": 0.48}
COLUMNS = ("path", "beats", "split", "dataset", "genre", "tempo_bpm", "tempo_cv", "kind", "seconds",
           "licence", "source", "note")  # fmt: skip
DRUM_SETS = {36, 37, 38, 39, 41, 42, 44, 45, 46, 47, 49, 50, 51, 53, 54, 56}  # keys of the two kits
Row = dict[str, str]


def draw(rng: np.random.Generator, found: sources.Corpora, name: str, seconds: float) -> Piece:
    """A piece of a source; drawn again while the source's reader refuses the file."""
    while True:
        if name == "pop909":
            piece = sources.pop909(rng, found.pop909[int(rng.integers(len(found.pop909)))])
        elif name == "asap":
            work = found.asap[int(rng.integers(len(found.asap)))]
            piece = sources.asap(rng, work[int(rng.integers(len(work)))])
        elif name == "nottingham":
            tunes = found.nottingham
            piece = sources.nottingham(rng, tunes[int(rng.integers(len(tunes)))])
        elif name == "gmd":
            piece = sources.gmd(rng, found.gmd[int(rng.integers(len(found.gmd)))], seconds)
        else:
            piece = grooves.compose(rng, grooves.choose(rng), seconds + 5)
        if piece is None or len(piece.beats) < 16:
            continue
        piece = cut(rng, piece, seconds)
        if len(piece.beats) >= 8 and 30 <= 60 / np.median(np.diff(piece.beats)) <= 290:
            return piece


def cut(rng: np.random.Generator, piece: Piece, seconds: float) -> Piece:
    """An excerpt of a piece, in half the cases from its start; whole where it is shorter."""
    spare = min(piece.end, float(piece.beats[-1]) + 1.0) - seconds
    if spare <= 0:
        return piece.excerpt(0.0, min(piece.end, seconds))
    first = max(float(piece.beats[0]) - 1.0, 0.0) if piece.dataset in ("pop909", "asap") else 0.0
    start = float(rng.uniform(0, spare)) if rng.random() < 0.5 else min(first, spare)
    return piece.excerpt(start, seconds)


def sound(
    rng: np.random.Generator, piece: Piece, seconds: float, fonts: list[Path], work: Path
) -> effects.Sound:
    """The piece as a recording, shape (seconds * synth.RATE,)."""
    full = [f for f in fonts if "LV2" not in f.name]
    sets = [f for f in fonts if "LV2" in f.name]
    drums = [p for p in piece.parts if p.drums]
    music = [p for p in piece.parts if not p.drums]

    def room(font: Path) -> synth.Room:
        reverb = float(rng.choice([0.0, 0.2, 0.5, 0.8]))
        return synth.Room(font, reverb, float(rng.uniform(0.1, 0.9)), bool(rng.random() < 0.3))

    font = full[int(rng.integers(len(full)))]
    tuned = synth.render(music, seconds, room(font), work)
    keys = {n.pitch for p in drums for n in p.notes}
    if sets and keys <= DRUM_SETS and rng.random() < 0.45:
        font = sets[int(rng.integers(len(sets)))]
        drums = [Part(0, p.notes) for p in drums]
    elif rng.random() < 0.6:
        font = full[int(rng.integers(len(full)))]
    beaten = synth.render(drums, seconds, room(font), work)
    return effects.record(rng, effects.mix(rng, beaten, tuned))


def clip(index: int, *, seed: int, found: sources.Corpora, fonts: list[Path], out: Path) -> Row:
    """Render clip `index` into a folder and return its line of the manifest."""
    rng = np.random.default_rng([seed, index])
    shares = {k: s for k, s in SHARES.items() if k == "grooves" or getattr(found, k)}
    name = str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
    wanted = float(rng.uniform(40, 60)) if rng.random() < 0.85 else 90.0
    piece = draw(rng, found, name, wanted)
    seconds = min(wanted, max(piece.end, float(piece.beats[-1])) + 0.5)
    with tempfile.TemporaryDirectory() as folder:
        y = sound(rng, piece, seconds, fonts, Path(folder))
    stem = f"{piece.dataset}_{index:05d}"
    path = out / f"{stem}.flac"
    sf.write(path, y, synth.RATE, subtype="PCM_16")
    numbered = zip(piece.beats, piece.numbers, strict=True)
    lines = [f"{t:.4f}\t{k}" if k else f"{t:.4f}" for t, k in numbered if 0 <= t < seconds]
    (out / f"{stem}.beats").write_text("\n".join(lines) + "\n")
    tempos = 60 / np.diff(piece.beats)
    return {
        "path": path.name, "beats": f"{stem}.beats", "split": "train", "dataset": piece.dataset,
        "genre": piece.genre, "tempo_bpm": f"{np.median(tempos):.1f}",
        "tempo_cv": f"{tempos.std() / tempos.mean():.3f}", "kind": "rendered",
        "seconds": f"{seconds:.1f}", "licence": sources.LICENCES[piece.dataset],
        "source": piece.source, "note": piece.note.strip(),
    }  # fmt: skip


def main() -> None:
    """Read the command line, render, write the manifest, print what was made."""
    data = Path(os.environ.get("HALFGIG_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("pop909", "asap", "nottingham", "gmd"):
        parser.add_argument(f"--{name}", type=Path, help="its folder; without it, none of it")
    parser.add_argument("--exclude", type=Path, default=data / "beats" / "manifest.csv",
                        help="manifest of the pieces that must not be in the corpus")  # fmt: skip
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/sounds"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    found, left = sources.find(args.pop909, args.asap, args.nottingham, args.gmd, args.exclude)
    print("files left out because they are in the excluded manifest:", left, flush=True)
    names = [f for f in args.fonts.rglob("*.sf?") if not f.name.startswith("default")]
    fonts = sorted({f.resolve() for f in names})
    args.out.mkdir(parents=True, exist_ok=True)
    make = partial(clip, seed=args.seed, found=found, fonts=fonts, out=args.out)
    manifest = args.out / "manifest.csv"
    done = set[int]()
    if manifest.exists():
        with manifest.open(newline="") as file:
            done = {int(Path(r["path"]).stem.split("_")[1]) for r in csv.DictReader(file)}
    todo = [i for i in range(args.clips) if i not in done]
    end = time.monotonic() + 60 * args.minutes
    count: Counter[str] = Counter()
    with manifest.open("a", newline="") as file, ProcessPoolExecutor(args.jobs) as pool:
        writer = csv.DictWriter(file, COLUMNS)
        if not done:
            writer.writeheader()
        for first in range(0, len(todo), args.jobs * 4):
            for row in pool.map(make, todo[first : first + args.jobs * 4]):
                writer.writerow(row)
                count[row["dataset"]] += 1
            file.flush()
            if time.monotonic() > end:
                break
    print(f"{sum(count.values())} clips in {args.out}: {dict(count)}")


if __name__ == "__main__":
    main()
