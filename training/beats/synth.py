"""Parts to sound, by fluidsynth."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import soxr
from numpy.typing import NDArray

from training.beats.piece import Part

RATE = 22_050
SYNTH_RATE = 44_100
LATENCY = 0.0022  # seconds from a note's time to its first sample in fluidsynth 2 (+-1.3 ms)
EARLY = {  # programs of slow attack -> seconds by which their players start early, as measured
    21: 0.03, 29: 0.02, 44: 0.02, 48: 0.02, 49: 0.045, 50: 0.025, 51: 0.035, 52: 0.01, 54: 0.035,
    71: 0.02, 73: 0.03, 74: 0.03, 89: 0.045, 92: 0.045, 93: 0.015, 95: 0.015,
}  # fmt: skip
TICKS = 5_000  # a beat of 0.5 s: 0.1 ms a tick


@dataclass(frozen=True)
class Room:
    """A sound font and fluidsynth's reverb (0 is none) and chorus."""

    font: Path
    reverb: float = 0.0
    size: float = 0.5
    chorus: bool = False


def write_midi(parts: Sequence[Part], path: Path) -> None:
    """Write parts as MIDI in steps of 0.1 ms; drums go to channel 10, slow sounds start early."""
    free = [c for c in range(16) if c != 9]
    file = mido.MidiFile(ticks_per_beat=TICKS)
    for i, part in enumerate(parts):
        channel = 9 if part.drums else free[i % 15]
        program = mido.Message("program_change", channel=channel, program=part.program)
        volume = mido.Message("control_change", channel=channel, control=7, value=part.volume)
        timed = [(0, 0, program), (0, 0, volume)]
        early = 0.0 if part.drums else EARLY.get(part.program, 0.0)
        for n in part.notes:
            on = round(max(n.start - early, 0.0) * 2 * TICKS)
            off = round(n.end * 2 * TICKS)
            key = {"channel": channel, "note": n.pitch}
            timed.append((on, 2, mido.Message("note_on", velocity=n.velocity, **key)))
            timed.append((max(off, on + 10), 1, mido.Message("note_off", **key)))
        timed.sort(key=lambda event: event[:2])
        track, now = mido.MidiTrack(), 0
        for tick, _, message in timed:
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    file.save(path)


def render(parts: Sequence[Part], seconds: float, room: Room, work: Path) -> NDArray[np.float32]:
    """Synthesise parts.

    Parameters
    ----------
    seconds : length of what is returned.
    work : a folder for temporary files.

    Returns
    -------
    shape (seconds * RATE,), mono at `RATE`; a note at time t sounds at t (fluidsynth's own delay
    is taken off, a sound font's slow attacks are not).

    Raises
    ------
    RuntimeError
        If fluidsynth fails.
    """
    length = round(seconds * RATE)
    if not any(part.notes for part in parts):
        return np.zeros(length, np.float32)
    midi, raw = work / "part.mid", work / "part.raw"
    write_midi(parts, midi)
    options = {
        "synth.reverb.active": int(room.reverb > 0),
        "synth.reverb.level": room.reverb,
        "synth.reverb.room-size": room.size,
        "synth.chorus.active": int(room.chorus),
        "synth.gain": 0.3,
    }
    command = ["fluidsynth", "-ni", "-q", "-r", str(SYNTH_RATE), "-T", "raw", "-O", "float"]
    command += [f"-o{name}={value}" for name, value in options.items()]
    command += ["-F", str(raw), str(room.font), str(midi)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not raw.exists():
        raise RuntimeError(f"fluidsynth ended with {done.returncode}: {done.stderr.strip()}")
    skip = round(LATENCY * SYNTH_RATE)
    stereo = np.fromfile(raw, np.float32).reshape(-1, 2)[skip:]
    raw.unlink()
    mono = stereo[: round(seconds * SYNTH_RATE)].mean(axis=1, dtype=np.float32)
    out = np.asarray(soxr.resample(mono, SYNTH_RATE, RATE), dtype=np.float32)
    return np.pad(out, (0, max(length - len(out), 0)))[:length]
