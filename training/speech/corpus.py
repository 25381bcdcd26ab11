"""From folders of audio, and from what is made up here, to log mels; kept for the next time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from functions.kit.mel import RATE, LogMel
from training import manifest
from training.speech import rendered, sounds
from training.speech.excerpts import Sounds, Sources
from training.speech.sounds import Rng, Sound

Logs = NDArray[np.float16]


@dataclass(frozen=True)
class Row:
    """What training needs to know of a clip."""

    path: Path
    group: str
    """Who made it: groups are drawn alike often, within limits."""


def rows(folder: Path, group: str, **wanted: str) -> list[Row]:
    """The clips of a folder's manifest whose columns have the `wanted` values."""
    return [
        Row(folder / row["path"], row[group])
        for row in manifest.rows(folder)
        if all(row[key] == value for key, value in wanted.items())
    ]


def read(path: Path) -> Sound:
    """The samples of a file at 16 kHz, its channels mixed."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    mono = samples.mean(axis=1)
    return mono if rate == RATE else np.asarray(soxr.resample(mono, rate, RATE))


def log_mel(sound: Sound) -> Logs:
    """Shape (frames, 64)."""
    mel = LogMel()
    samples = sound.astype(np.float32)
    return np.concatenate([mel.push(samples), mel.finish()]).astype(np.float16)


def harmed(rng: Rng, sound: Sound) -> Sound:
    """Overdriven, at half the rate in eight bits, or with an offset: one or two of these."""
    kinds = rng.choice(4, int(rng.integers(1, 3)), replace=False, p=[0.4, 0.25, 0.15, 0.2])
    peak = float(np.abs(sound).max()) or 1.0
    for kind in kinds:
        if kind == 0:
            ceiling = peak * 10 ** (-rng.uniform(3, 30) / 20)
            sound = sound.clip(-ceiling, ceiling)
        elif kind == 1:
            narrow = soxr.resample(sound, RATE, RATE // 2)
            sound = np.asarray(soxr.resample(narrow, RATE // 2, RATE))[: sound.size]
        elif kind == 2:
            levels = np.log1p(255 * np.abs(sound) / peak) / np.log(256)
            levels = np.round(levels.clip(0, 1) * 127) / 127
            sound = np.sign(sound) * peak * (256**levels - 1) / 255
        else:
            sound = sound + peak * rng.uniform(-1, 1)
    return sound


def kept(path: Path, make: Callable[[], Iterable[Logs]]) -> list[Logs]:
    """What `make` makes, kept at `path`."""
    if not path.exists():
        clips = list(make())
        path.parent.mkdir(parents=True, exist_ok=True)
        lengths = np.array([len(clip) for clip in clips])
        np.savez(path, logs=np.concatenate(clips), lengths=lengths)
    with np.load(path) as file:
        return np.split(file["logs"], np.cumsum(file["lengths"])[:-1])


def spoken(found: list[Row], work: Path) -> Sounds:
    """Speech, a third of the clips harmed; groups are drawn by the root of what they have."""

    def make() -> Iterator[Logs]:
        rng = np.random.default_rng(0)
        for row in found:
            sound = read(row.path)
            yield log_mel(harmed(rng, sound) if rng.random() < 1 / 3 else sound)

    _, group, size = np.unique(
        [row.group for row in found], return_inverse=True, return_counts=True
    )
    share = size[group] ** -0.5
    return Sounds(True, kept(work, make), share / share.sum())


def made(work: Path, make: Callable[[], Iterable[Sound]]) -> Sounds:
    """Sounds that nobody speaks, each as loud as can be unless it is very quiet."""

    def logs() -> Iterator[Logs]:
        for sound in make():
            peak = np.abs(sound).max()
            yield log_mel(sound / peak if peak > 0.01 else sound)

    clips = kept(work, logs)
    return Sounds(False, clips, np.full(len(clips), 1.0 / len(clips)))


def held_out(song: Path) -> bool:
    """Whether a rendered dev song is left out of training, to judge on: one in four is."""
    return crc32(song.name.encode()) % 4 == 0


def songs(folder: Path) -> list[Path]:
    """The songs that training may hear."""
    found = rows(folder, "dataset", split="dev", kind="rendered")
    return [row.path for row in found if not held_out(row.path)]


def sources(data: Path, work: Path) -> Sources:
    """All that there is to learn from in `data`, and made-up sounds; kept in the folder `work`."""
    speech = [
        spoken(rows(data / "voice", "repo", split="train", label="human"), work / "human.npz"),
        spoken(rows(data / "voice", "repo", split="train", label="synthetic"), work / "synth.npz"),
        spoken(rows(data / "emotion", "corpus", split="train"), work / "emotion.npz"),
    ]
    length = 12 * RATE

    def made_up() -> Iterator[Sound]:
        rng = np.random.default_rng(1)
        for _ in range(400):
            yield sounds.music(rng, length)

    def noisy() -> Iterator[Sound]:
        rng = np.random.default_rng(2)
        for _ in range(50):
            for noise in sounds.NOISES:
                yield noise(rng, length)

    def played() -> Iterator[Sound]:
        rng = np.random.default_rng(3)
        font = rendered.fonts()[0]
        for _ in range(3):
            yield from rendered.soloists(rng, rendered.SEEN, font)
        yield from rendered.bands(rng, 60, font)

    noises = made(work / "noises.npz", noisy)
    other = [
        made(work / "songs.npz", lambda: map(read, songs(data / "beats"))),
        made(work / "made.npz", made_up),
        noises,
    ]
    if rendered.fonts():
        other.append(made(work / "played.npz", played))
    else:
        print("fluidsynth or a sound font is not installed: no instruments of General MIDI.")
    return Sources(speech, other, noises)
