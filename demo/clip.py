"""The demo clip, made from nothing: eight bars of drums, bass, chords and a tune at 112 BPM,
and a last beat.

`python -m demo.clip` writes `demo/clip.ogg` anew. It is made here, so it is anyone's to use.
"""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float64]

PATH = Path(__file__).with_name("clip.ogg")
RATE = 44_100
BPM = 112.0
BEATS_PER_BAR = 4
BARS = 8
BEAT_S = 60 / BPM

CHORDS = [(57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62)]  # A minor, F, C, G.
TUNE = [(0, 76), (1.5, 74), (2, 72), (3, 69), (4.5, 72), (5, 69), (6, 65), (7, 67)]
TUNE += [(8, 67), (9.5, 64), (10, 67), (11, 72), (12, 71), (13.5, 69), (14, 67), (15, 62)]


def beats() -> Samples:
    """The beats' times in seconds, shape (33,); every fourth from the first is a downbeat."""
    return np.arange(BARS * BEATS_PER_BAR + 1, dtype=np.float64) * BEAT_S


def render() -> Samples:
    """The clip, shape (samples, 2), at RATE Hz, within -1 to 1."""
    noise = np.random.default_rng(112)
    mix = np.zeros((round((BARS * BEATS_PER_BAR * BEAT_S + 0.5) * RATE), 2))

    def put(beat: float, sound: Samples, gain: float, pan: float = 0.0) -> None:
        start = round(beat * BEAT_S * RATE)
        end = min(start + len(sound), len(mix))
        sides = np.array([1 - max(pan, 0), 1 + min(pan, 0)])
        mix[start:end] += gain * sound[: end - start, None] * sides

    for bar in range(BARS):
        first = bar * BEATS_PER_BAR
        chord = CHORDS[bar % len(CHORDS)]
        for pan, pitch in zip((-0.5, 0.0, 0.5), chord, strict=True):
            put(first, tone(pitch, 4 * BEAT_S, harmonics=5, decay_s=1.2), 0.09, pan)
        for beat in (0, 1.5, 2.5, 3):
            put(first + beat, tone(chord[0] - 24, 0.4, harmonics=4, decay_s=0.25), 0.35)
        for beat, gain in ((0, 1.0), (2.5, 0.7)):
            put(first + beat, kick(), gain)
        for beat in (1, 3):
            put(first + beat, snare(noise), 0.4)
        for half in range(8):
            put(first + half / 2, hat(noise, 0.03), 0.16 if half % 2 == 0 else 0.1, 0.4)
        put(first, hat(noise, 0.4), 0.2, -0.4)
    for pitch in (*CHORDS[0], CHORDS[0][0] - 24):
        put(BARS * BEATS_PER_BAR, tone(pitch, 0.5, harmonics=5, decay_s=0.6), 0.2)
    put(BARS * BEATS_PER_BAR, kick(), 1.0)
    for cycle in range(BARS // 4):
        for beat, pitch in TUNE:
            put(16 * cycle + beat, tone(pitch, 0.5, harmonics=3, decay_s=0.3), 0.16, -0.2)
    return mix * (0.9 / float(np.abs(mix).max()))


def tone(midi: int, seconds: float, harmonics: int, decay_s: float) -> Samples:
    """A plucked note: harmonics that fade, the higher ones sooner."""
    t = np.arange(round(seconds * RATE)) / RATE
    frequency = 440 * 2 ** ((midi - 69) / 12)
    wave = sum(
        np.sin(2 * np.pi * k * frequency * t) * np.exp(-t * k / decay_s) / k
        for k in range(1, harmonics + 1)
    )
    return np.asarray(wave) * np.minimum(t / 0.004, 1) * np.minimum((seconds - t) / 0.02, 1)


def kick() -> Samples:
    """A drum whose pitch falls from 150 to 50 Hz."""
    t = np.arange(round(0.3 * RATE)) / RATE
    phase = 2 * np.pi * (50 * t + 100 * 0.03 * (1 - np.exp(-t / 0.03)))
    return np.sin(phase) * np.exp(-t / 0.09)


def snare(noise: np.random.Generator) -> Samples:
    """Noise over a short 190 Hz tone."""
    t = np.arange(round(0.2 * RATE)) / RATE
    body = np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.04)
    return body + 0.7 * noise.standard_normal(len(t)) * np.exp(-t / 0.06)


def hat(noise: np.random.Generator, decay_s: float) -> Samples:
    """Noise without its lows; a long decay makes it a cymbal."""
    t = np.arange(round(6 * decay_s * RATE)) / RATE
    hiss = np.diff(noise.standard_normal(len(t) + 1))
    return hiss * np.exp(-t / decay_s)


if __name__ == "__main__":
    soundfile.write(PATH, render(), RATE, format="OGG", subtype="VORBIS", compression_level=0.7)
    print(f"{PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")
