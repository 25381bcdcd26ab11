"""What the speech gate lets through: speech in many conditions, music, and noise.

    python -m benchmarks.speech_gate --split test --json benchmarks/results/speech_gate.json

A step is 0.256 s; of speech, only the steps count whose power is at most 20 dB below the clip's
loud frames (their 95th percentile). A window is what `emotion` judges, up to 5 s every 2.5 s; it
is let through when emotion would judge it, and of speech, only those with such a step count.
Each evaluation on `test` is written to `test_log.jsonl`.
"""

import argparse
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks import clips
from benchmarks.bootstrap import span
from benchmarks.evaluations import LOG, written
from functions.kit.listener import LEAST_S, LEAST_SHARE
from functions.kit.mel import FPS, HOP, RATE, LogMel
from functions.kit.speech import SPEECH, STEP, WEIGHTS, Gate
from functions.kit.windows import Window, Windows
from training.speech import rendered
from training.speech.corpus import held_out

Sound = NDArray[np.float32]
MUSIC = "instrumental music"
FLOOR = 10 ** (-20 / 10)
"""Power, relative to a clip's loud frames, from which a step of speech counts."""


@dataclass(frozen=True)
class Row:
    """What was let through of one sort of sound, in percent, with 95 % intervals over clips."""

    sound: str
    clips: int
    windows: int
    windows_through: float
    windows_interval: tuple[float, float]
    steps: int
    steps_through: float
    steps_interval: tuple[float, float]


def heard(sound: Sound, *, speech: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of the steps that count, and of the windows that count, which are let through."""
    mel, windows = LogMel(), Windows()
    logs = np.concatenate([mel.push(sound), mel.finish()])
    found = [*windows.push(logs), *windows.finish(sound.size / RATE, logs[:0])]
    steps = Gate().push(logs, last=True) >= SPEECH
    counts = loud(sound, len(steps)) if speech else np.ones(len(steps), bool)
    asked = np.array([counts[covered(one, len(steps))].any() for one in found], bool)
    return steps[counts], judged(found)[asked]


def judged(windows: Sequence[Window]) -> NDArray[np.bool_]:
    """Which windows of a clip `emotion` judges: by the share of speech, unless that leaves none."""
    spoken = np.array([one.speech_s for one in windows])
    share = spoken / np.array([one.end - one.start for one in windows])
    enough = spoken >= LEAST_S
    most = enough & (share >= LEAST_SHARE)
    return most if most.any() else enough


def covered(window: Window, steps: int) -> slice:
    """The steps that begin in a window; at least one."""
    first, last = (int(at * FPS / STEP) for at in (window.start, window.end))
    return slice(min(first, steps - 1), max(last, first + 1))


def loud(sound: Sound, steps: int) -> NDArray[np.bool_]:
    """Which steps have a power above the floor."""
    size = STEP * HOP
    varying = sound.astype(float) - sound.mean()
    frames = np.resize(varying, -(-sound.size // HOP) * HOP)
    frames[sound.size :] = 0.0
    level = np.quantile((frames.reshape(-1, HOP) ** 2).mean(axis=1), 0.95)
    padded = np.pad(varying, (0, steps * size - sound.size)).reshape(steps, size)
    return np.asarray((padded**2).mean(axis=1) > FLOOR * level)


def row(name: str, sounds: Iterable[Sound], *, speech: bool) -> Row:
    """Hears all `sounds`."""
    steps, windows = zip(*(heard(one, speech=speech) for one in sounds), strict=True)
    return Row(name, len(steps), *percent(windows), *percent(steps))


def percent(parts: Sequence[NDArray[np.bool_]]) -> tuple[int, float, tuple[float, float]]:
    """How many there are, the share let through, and what it is on other draws of the clips."""
    size, through = (np.array([pick(one) for one in parts], float) for pick in (len, np.sum))
    picks = np.random.default_rng(0).integers(len(parts), size=(2_000, len(parts)))
    draws = 100 * through[picks].sum(axis=1) / size[picks].sum(axis=1).clip(1)
    low, high = span(draws)
    share = 100 * through.sum() / max(1.0, size.sum())
    return int(size.sum()), round(float(share), 2), (round(low, 2), round(high, 2))


def read(path: Path) -> Sound:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return np.asarray(soxr.resample(mono, rate, RATE) if rate != RATE else mono, np.float32)


def noisy(sound: Sound, snr_db: float, slope: float) -> Sound:
    """With noise whose power falls by `slope` times 3 dB an octave."""
    noise = coloured(sound.size, slope, seed=sound.size)
    power = float((sound.astype(float) ** 2).mean()) / float((noise.astype(float) ** 2).mean())
    return sound + noise * np.float32(np.sqrt(power * 10 ** (-snr_db / 10)))


def coloured(samples: int, slope: float, seed: int) -> Sound:
    """Noise of a standard deviation of 0.1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1 / RATE)
    noise = np.fft.irfft(spectrum * np.maximum(hertz, 20.0) ** (-slope / 2), samples)
    return np.asarray(0.1 * noise / noise.std(), np.float32)


def telephone(sound: Sound) -> Sound:
    """Only what is between 300 and 3400 Hz."""
    hertz = np.fft.rfftfreq(sound.size, 1 / RATE)
    kept = np.fft.rfft(sound) * ((hertz > 300) & (hertz < 3_400))
    return np.asarray(np.fft.irfft(kept, sound.size), np.float32)


def narrow(sound: Sound) -> Sound:
    """By way of 8 kHz."""
    half = soxr.resample(sound, RATE, RATE // 2)
    return np.asarray(soxr.resample(half, RATE // 2, RATE), np.float32)


def clipped(sound: Sound, over_db: float) -> Sound:
    """Driven so far over full scale, and back at its old peak."""
    peak = float(np.abs(sound).max())
    ceiling = peak * 10 ** (-over_db / 20)
    return np.asarray(sound.clip(-ceiling, ceiling) * (peak / ceiling), np.float32)


def mp3(sound: Sound) -> Sound:
    """Coded by MP3, at its most compressed."""
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format="MP3", compression_level=0.99)
    file.seek(0)
    return np.asarray(soundfile.read(file, dtype="float32")[0])


def echoing(sound: Sound) -> Sound:
    """In a room that rings for 0.8 s."""
    random = np.random.default_rng(0)
    tail = random.standard_normal(int(0.8 * RATE)) * 10 ** (
        -3 * np.arange(int(0.8 * RATE)) / RATE / 0.8
    )
    tail[0] = 12.0
    size = sound.size + tail.size
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: sound.size]
    return np.asarray(wet / np.abs(wet).max() * np.abs(sound).max(), np.float32)


CONDITIONS: dict[str, Callable[[Sound], Sound]] = {
    "as it is": lambda sound: sound,
    "20 dB down": lambda sound: sound * np.float32(0.1),
    "peak at -70 dB": lambda sound: sound / np.abs(sound).max() * np.float32(10**-3.5),
    "white noise, 15 dB": lambda sound: noisy(sound, 15, 0.0),
    "pink noise, 15 dB": lambda sound: noisy(sound, 15, 1.0),
    "telephone band": telephone,
    "8 kHz": narrow,
    "clipped by 30 dB": lambda sound: clipped(sound, 30),
    "offset of half its peak": lambda sound: sound + np.float32(0.5) * np.abs(sound).max(),
    "MP3": mp3,
    "echoing room": echoing,
}
"""What is done to human speech."""


def stationary() -> Iterator[tuple[str, list[Sound]]]:
    """Noises, tones and silence, each at several levels."""
    samples = 20 * RATE
    seconds = np.arange(samples) / RATE
    random = np.random.default_rng(0)
    clicks = np.zeros(samples)
    clicks[random.integers(0, samples, 100)] = random.uniform(-1, 1, 100)
    hum = np.sum([np.sin(2 * np.pi * 50 * k * seconds) / k for k in (1, 2, 3, 5, 7)], axis=0)
    sweep = np.sin(2 * np.pi * 100 * 20 / np.log(60) * (60 ** (seconds / 20) - 1))
    dither = np.round(random.uniform(-1, 1, samples)) / 32_768
    kinds: dict[str, list[NDArray[np.floating]]] = {
        "white noise": [coloured(samples, 0.0, seed) for seed in (1, 2)],
        "pink noise": [coloured(samples, 1.0, seed) for seed in (1, 2)],
        "brown noise": [coloured(samples, 2.0, seed) for seed in (1, 2)],
        "hum": [hum / 3.0, hum / 3.0 + coloured(samples, 0.0, 3) / 10],
        "clicks": [clicks, np.sign(np.sin(2 * np.pi * 2 * seconds)) * (seconds % 0.25 < 0.002)],
        "tones": [np.sin(2 * np.pi * hertz * seconds) for hertz in (100, 440, 3_000)],
        "sweep": [sweep, sweep[::-1]],
    }
    for name, sounds in kinds.items():
        gains = (0.5, 0.05, 0.001)
        yield name, [np.asarray(gain * one, np.float32) for one in sounds for gain in gains]
    yield "silence", [np.zeros(samples, np.float32), dither.astype(np.float32)]


def report(data: Path, split: str, font: Path | None) -> Iterator[Row]:
    """Every row of the table."""
    voices = [(path, one["label"]) for path, one in clips.rows(data, "voice", split)]
    human = [read(path) for path, label in voices if label == "human"]
    for name, change in CONDITIONS.items():
        yield row(f"human speech, {name}", map(change, human), speech=True)
    synthetic = (read(path) for path, label in voices if label == "synthetic")
    yield row("synthetic speech", synthetic, speech=True)
    acted = (read(path) for path, _ in clips.rows(data, "emotion", split))
    yield row("acted emotions", acted, speech=True)
    songs = list(clips.rows(data, "beats"))
    for name, kind, part in (
        (f"{MUSIC}, dev songs held out", "rendered", "dev"),
        (MUSIC, "rendered", split),
        ("recorded songs, some sung", "real", "dev" if split == "val" else split),
    ):
        found = [
            read(path)
            for path, one in songs
            if one["kind"] == kind
            and one["split"] == part
            and (kind == "real" or part == "test" or held_out(path))
        ]
        if found:
            yield row(name, found, speech=False)
            yield row(f"{name}, telephone band", map(telephone, found), speech=False)
    if font:
        random = np.random.default_rng(9)
        solos = rendered.soloists(random, rendered.UNSEEN * 3, font)
        unseen = (np.asarray(one / np.abs(one).max(), np.float32) for one in solos)
        yield row("soloists never heard", unseen, speech=False)
    for name, sounds in stationary():
        yield row(name, sounds, speech=False)


def cpu_ms(seconds: int = 10, times: int = 50) -> tuple[float, float]:
    """CPU milliseconds that the log mels and the gate take for so much audio, in blocks of 3 s."""
    blocks = np.split(coloured(seconds * RATE, 1.0, 0), range(3 * RATE, seconds * RATE, 3 * RATE))
    spent = []
    for _ in range(times):
        mel, gate = LogMel(), Gate()
        clock = [time.process_time()]
        hearing = judging = 0.0
        for block in [*blocks, None]:
            logs = mel.finish() if block is None else mel.push(block)
            clock.append(time.process_time())
            gate.push(logs, last=block is None)
            clock.append(time.process_time())
            hearing, judging = hearing + clock[-2] - clock[-3], judging + clock[-1] - clock[-2]
        spent.append((hearing, judging))
    mels, gates = 1_000 * np.median(spent, axis=0)
    return round(float(mels), 2), round(float(gates), 2)


def log(rows: Sequence[Row]) -> None:
    """Add a line to the log of all that was ever evaluated on `test`."""
    found = {one.sound: one for one in rows}
    line = {
        "function": "speech_gate",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        **{name: found[name].windows_through for name in ("human speech, as it is", MUSIC)},
    }
    with LOG.open("a") as file:
        print(json.dumps(line), file=file)


HEADER = "| | clips | windows let through, % | steps let through, % |\n|---|---|---|---|"


def line(one: Row) -> str:
    """A row as Markdown."""
    windows, steps = (
        f"{share:.1f} ({low:.1f} to {high:.1f})"
        for share, (low, high) in (
            (one.windows_through, one.windows_interval),
            (one.steps_through, one.steps_interval),
        )
    )
    return f"| {one.sound} | {one.clips} | {windows} | {steps} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.speech_gate", description=__doc__)
    parser.add_argument("--data", type=Path, default=clips.folder())
    parser.add_argument("--split", choices=["test", "val"], default="val")
    parser.add_argument("--font", type=Path, help="a sound font to play unheard instruments on")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there too")
    options = parser.parse_args()
    rows: list[Row] = []
    try:
        print(HEADER)
        for one in report(options.data, options.split, options.font):
            rows.append(one)
            print(line(one), flush=True)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    mels, gate = cpu_ms()
    print(f"\nOf 10 s, the gate takes {gate} ms of CPU, beside {mels} ms for the log mels.")
    if options.split == "test":
        log(rows)
    if options.json:
        result = {
            "split": options.split,
            "cpu_ms_of_10_s": {"log_mels": mels, "gate": gate},
            "rows": [asdict(one) for one in rows],
        }
        options.json.write_text(written(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
