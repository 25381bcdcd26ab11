"""Sounds that nobody speaks, made up: noises, tones, and music of made-up instruments."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from functions.kit.mel import RATE

Sound = NDArray[np.float64]
Rng = np.random.Generator


def coloured(rng: Rng, samples: int, slope: float) -> Sound:
    """Noise whose power falls by `slope` times 3 dB an octave: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1.0 / RATE)
    return np.asarray(np.fft.irfft(spectrum * np.maximum(hertz, 20.0) ** (-slope / 2.0), samples))


def shaped(rng: Rng, sound: Sound, most_db: float = 20.0) -> Sound:
    """A sound through a random equaliser."""
    at = np.geomspace(40.0, 8_000.0, 7)
    hertz = np.fft.rfftfreq(sound.size, 1.0 / RATE)
    gain_db = np.interp(hertz, at, rng.uniform(-most_db, most_db / 4.0, at.size))
    return np.asarray(np.fft.irfft(np.fft.rfft(sound) * 10 ** (gain_db / 20.0), sound.size))


def wobble(rng: Rng, samples: int, depth_db: float, a_second: float) -> Sound:
    """A gain that wanders by some `depth_db`, so many times a second."""
    points = max(2, int(samples / RATE * a_second) + 2)
    curve = np.interp(
        np.linspace(0, points - 1, samples), np.arange(points), rng.standard_normal(points)
    )
    return np.asarray(10 ** (depth_db * curve / 20.0))


def noise(rng: Rng, samples: int) -> Sound:
    """Stationary noise of any colour."""
    sound = coloured(rng, samples, rng.uniform(-0.5, 2.5))
    return shaped(rng, sound) if rng.random() < 0.6 else sound


def weather(rng: Rng, samples: int) -> Sound:
    """Noise that comes and goes: wind, waves, traffic."""
    slow = wobble(rng, samples, rng.uniform(2, 8), np.exp(rng.uniform(-1.5, 1.5)))
    return noise(rng, samples) * slow


def machine(rng: Rng, samples: int) -> Sound:
    """Noise in regular pulses: an engine, a fan, a saw, a printer."""
    seconds = np.arange(samples) / RATE
    hertz = np.exp(rng.uniform(np.log(0.7), np.log(40)))
    pulse = np.maximum(0.0, np.cos(2 * np.pi * hertz * seconds)) ** rng.uniform(0.5, 12)
    return noise(rng, samples) * (pulse + 10 ** rng.uniform(-2.5, 0))


def hum(rng: Rng, samples: int) -> Sound:
    """The mains and its harmonics, or a motor, in a little noise."""
    hertz = float(rng.choice([50.0, 60.0, rng.uniform(30, 400)]))
    seconds = np.arange(samples) / RATE
    count = int(min(int(rng.integers(1, 30)), 7_500 // hertz))
    sound = sum(
        rng.uniform(0, 1) * k ** -rng.uniform(0, 2) * np.sin(2 * np.pi * (k * hertz * seconds))
        for k in range(1, count + 1)
    )
    return np.asarray(sound) + 10 ** rng.uniform(-3, -1) * noise(rng, samples)


def clicks(rng: Rng, samples: int) -> Sound:
    """Clicks, knocks and drips, a few or a crackle."""
    sound = np.zeros(samples)
    count = rng.poisson(samples / RATE * np.exp(rng.uniform(-0.5, 4))) + 1
    regular = rng.random() < 0.4
    at = (
        np.arange(count) * samples // count if regular else np.sort(rng.integers(0, samples, count))
    )
    sound[at] = rng.uniform(0.2, 1.0, count) * rng.choice([-1, 1], count)
    if rng.random() < 0.7:  # a body that rings
        hertz, seconds = np.exp(rng.uniform(np.log(150), np.log(6_000))), rng.uniform(0.001, 0.08)
        radius = np.exp(-1.0 / (seconds * RATE))
        sound = lfilter(
            [1.0], [1, -2 * radius * np.cos(2 * np.pi * hertz / RATE), radius**2], sound
        )
        sound /= np.abs(sound).max()
    return np.asarray(sound) + 10 ** rng.uniform(-5, -2) * coloured(rng, samples, 0.0)


def tones(rng: Rng, samples: int) -> Sound:
    """Beeps, sweeps, dialling and alarms."""
    hertz = np.zeros(samples)
    at = 0
    lowest, highest = np.sort(np.exp(rng.uniform(np.log(80), np.log(6_000), 2)))
    length = np.exp(rng.uniform(np.log(0.05), np.log(8.0)))
    gap = rng.choice([0.0, rng.uniform(0.02, 0.5)])
    on = np.zeros(samples)
    slides = rng.random() < 0.5
    while at < samples:
        end = min(samples, at + int(length * RATE))
        first, last = rng.uniform(lowest, highest, 2)
        hertz[at:end] = np.linspace(first, last if slides else first, end - at)
        on[at:end] = 1.0
        at = end + int(gap * RATE) + 1
    on = np.convolve(on, np.full(80, 1 / 80), "same")
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    sound = np.sin(phase) + rng.choice([0.0, 0.7]) * np.sin(rng.uniform(1.2, 2.0) * phase)
    if rng.random() < 0.3:
        sound = np.sign(sound)
    return sound * on + 10 ** rng.uniform(-5, -2) * coloured(rng, samples, 0.0)


def silence(rng: Rng, samples: int) -> Sound:
    """Nothing, or the last bit of a converter."""
    level = rng.choice([0.0, 1.0 / 32_768.0, 1.0 / 4_096.0])
    return np.round(rng.standard_normal(samples) * rng.uniform(0.2, 2)) * level


def plucked(rng: Rng, hertz: float, samples: int) -> Sound:
    """A string, after Karplus and Strong, "Digital synthesis of plucked-string timbres", 1983."""
    period = max(2, round(RATE / hertz))
    burst = np.zeros(samples)
    burst[:period] = rng.uniform(-1, 1, min(period, samples))[:samples]
    loss = rng.uniform(0.985, 0.999)
    feedback = np.zeros(period + 2)
    feedback[0], feedback[period], feedback[period + 1] = 1.0, -loss / 2, -loss / 2
    return np.asarray(lfilter([1.0], feedback, burst))


class Timbre:
    """One made-up instrument whose notes are sustained: bowed, blown, an organ, a synthesiser."""

    def __init__(self, rng: Rng) -> None:
        harmonics = np.arange(1, 60)
        tilt = rng.uniform(0.3, 2.5)
        power = harmonics**-tilt * np.exp(rng.normal(0, rng.uniform(0, 1.2), harmonics.size))
        if rng.random() < 0.25:
            power[1::2] *= 0.05  # a closed pipe
        if rng.random() < 0.2:
            power *= rng.random(harmonics.size) < 0.25  # drawbars
            power[0] = 1.0
        self.power = power
        self.bright = rng.uniform(0.5, 3.0)
        self.attack, self.release = np.exp(rng.uniform(np.log(0.004), np.log(0.25), 2))
        self.vibrato = rng.choice([0.0, rng.uniform(0.001, 0.02)])
        self.beats = rng.uniform(3.5, 7.5)
        self.decay = rng.choice([0.0, rng.uniform(0.5, 6)])
        self.breath = 10 ** rng.uniform(-4, -1.2)
        self.index = rng.choice([0.0, rng.uniform(0.3, 6.0)], p=[0.75, 0.25])
        self.ratio = rng.choice([0.5, 1.0, 1.41, 2.0, 3.5])
        self.pluck = rng.random() < 0.2
        self.body = rng.random() < 0.5

    def note(self, rng: Rng, hertz: Sound) -> Sound:
        """One note along a curve of frequencies."""
        seconds = np.arange(hertz.size) / RATE
        if self.pluck:
            return plucked(rng, float(hertz[0]), hertz.size)
        wave = np.sin(2 * np.pi * self.beats * seconds + rng.uniform(0, 6))
        swing = self.vibrato * wave * np.minimum(1.0, seconds / 0.3)
        phase = np.cumsum(hertz * (1.0 + swing)) / RATE
        if self.index:
            index = self.index * np.exp(-self.decay * seconds)
            sound = np.sin(2 * np.pi * phase + index * np.sin(2 * np.pi * self.ratio * phase))
        else:
            table, dull = self._tables(float(hertz.max()))
            at = (phase % 1.0) * table.size
            index = at.astype(int) % table.size
            mix = np.exp(-self.bright * seconds)
            sound = mix * table[index] + (1.0 - mix) * dull[index]
        sound = sound * np.exp(-self.decay * seconds) + self.breath * rng.standard_normal(
            hertz.size
        )
        left = seconds[-1] - seconds
        return np.asarray(
            sound * np.minimum(1.0, seconds / self.attack) * np.minimum(1.0, left / self.release)
        )

    def _tables(self, hertz: float) -> tuple[Sound, Sound]:
        """One period of 2048 samples, as bright as at first and as dull as at last."""
        count = int(min(self.power.size, max(1, 7_800 // hertz)))
        tables = []
        for dullness in (0.0, 0.08):
            spectrum = np.zeros(1_025, complex)
            k = np.arange(1, count + 1)
            spectrum[1 : count + 1] = self.power[:count] * np.exp(-dullness * k + 2j * k**2)
            table = np.fft.irfft(spectrum)
            tables.append(table / (np.abs(table).max() + 1e-12))
        return tables[0], tables[1]


def line(rng: Rng, samples: int, lowest: float, highest: float, voices: int) -> Sound:
    """A part: a melody or chords of one instrument, in some tempo, scale and articulation."""
    timbre = Timbre(rng)
    sound = np.zeros(samples + RATE)
    beat = np.exp(rng.uniform(np.log(0.09), np.log(1.2)))
    lengths = rng.choice([0.5, 1.0, 1.0, 2.0, 3.0], 6)
    scale = np.array(rng.choice([(0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9)]
                                [int(rng.integers(0, 3))], 5, replace=False))  # fmt: skip
    held = rng.choice([0.4, 0.9, 1.05, 1.5])
    glide = rng.random() < 0.2
    key = rng.uniform(lowest, highest - 12)
    pitch, at = key, 0
    rest = rng.choice([0.0, 0.1, 0.3])
    while at < samples:
        seconds = beat * float(rng.choice(lengths))
        count = max(200, int(seconds * held * RATE))
        before = pitch
        degree = float(rng.choice(scale)) + 12 * int(
            rng.integers(0, max(1, int(highest - key) // 12))
        )
        pitch = key + degree
        if rng.random() >= rest:
            for voice in range(voices):
                other = key + float(rng.choice(scale)) if voice else pitch
                hertz = np.full(count, 440.0 * 2 ** ((other - 69) / 12))
                if glide and not voice:
                    slide = np.linspace(before - pitch, 0, max(1, count // 4))
                    hertz[: slide.size] *= 2 ** (slide / 12)
                note = timbre.note(rng, hertz)[: max(0, samples + RATE - at)]
                sound[at : at + note.size] += note * rng.uniform(0.4, 1.0)
        at += int(seconds * RATE)
    sound = sound[:samples]
    return shaped(rng, sound, 15.0) if timbre.body else sound


def drums(rng: Rng, samples: int) -> Sound:
    """A pattern of made-up drums: falling tones and bursts of noise."""
    sound = np.zeros(samples + RATE)
    beat = rng.uniform(0.1, 0.35)
    for _ in range(int(rng.integers(1, 4))):
        seconds = np.arange(int(rng.uniform(0.03, 0.5) * RATE)) / RATE
        decay = np.exp(-seconds * rng.uniform(6, 60))
        low, fall = np.exp(rng.uniform(np.log(45), np.log(400))), rng.uniform(0, 3)
        tone = np.sin(2 * np.pi * np.cumsum(low * (1 + fall * np.exp(-30 * seconds))) / RATE)
        hiss = shaped(rng, coloured(rng, seconds.size, rng.uniform(-1, 1)))
        hit = decay * (rng.uniform(0, 1) * tone + rng.uniform(0, 1) * hiss / (hiss.std() + 1e-9))
        pattern = rng.random(int(rng.integers(4, 17))) < rng.uniform(0.15, 0.8)
        for i in range(int(samples / RATE / beat)):
            if pattern[i % pattern.size]:
                at = int(i * beat * RATE)
                sound[at : at + hit.size] += hit * rng.uniform(0.5, 1.0)
    return sound[:samples]


def music(rng: Rng, samples: int) -> Sound:
    """One to four parts."""
    kind = rng.random()
    if kind < 0.45:  # a soloist
        parts = [line(rng, samples, 45, 88, 1)]
    elif kind < 0.6:
        parts = [drums(rng, samples)]
    else:
        parts = [line(rng, samples, 50, 84, 1), line(rng, samples, 36, 72, int(rng.integers(1, 5)))]
        if rng.random() < 0.5:
            parts.append(line(rng, samples, 28, 48, 1))
        if rng.random() < 0.6:
            parts.append(drums(rng, samples))
    sound = sum(10 ** rng.uniform(-0.5, 0) * part / (part.std() + 1e-9) for part in parts)
    return np.asarray(sound)


NOISES: tuple[Callable[[Rng, int], Sound], ...] = (
    noise, weather, machine, hum, clicks, tones, silence,
)  # fmt: skip
