"""What recordings do to music: mix, room, tone, compression, bandwidth, noise, level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.beats.synth import RATE

Sound = NDArray[np.float32]


def mix(rng: np.random.Generator, drums: Sound, music: Sound) -> Sound:
    """Drums and music at a random balance (drums -9 to +6 dB of the music's level)."""
    stems = [s / level for s in (drums, music) if (level := _level(s)) > 0]
    if not stems:
        return music
    if len(stems) == 1:
        return np.asarray(stems[0], dtype=np.float32)
    return np.asarray(stems[0] * 10 ** (rng.uniform(-9, 6) / 20) + stems[1], dtype=np.float32)


def record(rng: np.random.Generator, sound: Sound) -> Sound:
    """A random recording of a sound; both shape (n,) at `RATE`; nothing is moved in time."""
    y = sound.astype(np.float64) / (_level(sound) or 1.0)
    if rng.random() < 0.25:
        y = _room(rng, y)
    y = _tone(rng, y)
    if rng.random() < 0.5:
        y = _compress(rng, y)
    if rng.random() < 0.3:
        drive = 10 ** (rng.uniform(-6, 12) / 20)
        y = np.tanh(drive * y)
        y /= _level(y) or 1.0
    if rng.random() < 0.45:
        y = y + _noise(rng, len(y)) * 10 ** (-rng.uniform(12, 50) / 20)
    if rng.random() < 0.1:
        fade = int(rng.uniform(1, 8) * RATE)
        y[:fade] *= np.linspace(0, 1, fade)[: len(y)]
    peak = 10 ** (-rng.uniform(0.1, 22) / 20)
    y *= peak / (np.abs(y).max() + 1e-12)
    if rng.random() < 0.06:
        y = np.clip(y, -0.5 * peak, 0.5 * peak)
    return np.asarray(y, dtype=np.float32)


def _level(y: NDArray[np.floating]) -> float:
    frames = y[: len(y) // 2048 * 2048].reshape(-1, 2048)
    loud = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
    return float(np.percentile(loud, 90)) if len(loud) else 0.0


def _filter(
    y: NDArray[np.float64], gain_db: NDArray[np.float64], at: list[float]
) -> NDArray[np.float64]:
    """Zero-phase gains in dB at frequencies `at` in hertz, between them linear in log frequency."""
    size = 1 << (len(y) - 1).bit_length()
    f = np.fft.rfftfreq(size, 1 / RATE)
    gain = 10 ** (np.interp(np.log(np.maximum(f, 10)), np.log(at), gain_db) / 20)
    return np.asarray(np.fft.irfft(np.fft.rfft(y, size) * gain, size)[: len(y)])


def _tone(rng: np.random.Generator, y: NDArray[np.float64]) -> NDArray[np.float64]:
    at = [30.0, 80.0, 200.0, 500.0, 1200.0, 3000.0, 7000.0, 11000.0]
    gain = rng.normal(0, rng.uniform(0, 4), len(at)) + rng.uniform(-1.2, 1.2) * np.arange(-4, 4)
    kind = rng.random()
    if kind < 0.06:  # a telephone or small radio
        gain += np.array([-50, -40, -15, 0, 0, 0, -40, -60])
    elif kind < 0.18:  # a dull tape or a low bit rate
        edge = np.exp(rng.uniform(np.log(2500), np.log(8000)))
        gain -= 18 * np.maximum(np.log2(np.array(at) / edge), 0)
    elif kind < 0.26:  # a small loudspeaker
        gain -= 9 * np.maximum(np.log2(rng.uniform(120, 400) / np.array(at)), 0)
    return _filter(y, gain, at)


def _room(rng: np.random.Generator, y: NDArray[np.float64]) -> NDArray[np.float64]:
    decay = rng.uniform(0.15, 1.2)
    tail = rng.normal(0, 1, int(decay * RATE))
    tail *= np.exp(-6.9 * np.arange(len(tail)) / len(tail))
    tail /= np.sqrt(np.sum(tail**2))
    size = 1 << (len(y) + len(tail)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(y, size) * np.fft.rfft(tail, size), size)[: len(y)]
    return np.asarray(y + rng.uniform(0.1, 0.7) * wet)


def _compress(rng: np.random.Generator, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn down what is loud in 6 ms steps, at once up and slowly back."""
    hop = 128
    frames = np.pad(y, (0, -len(y) % hop)).reshape(-1, hop)
    level = np.sqrt(np.mean(frames**2, axis=1)) + 1e-6
    release = np.exp(-hop / RATE / rng.uniform(0.04, 0.3))
    held, now = np.empty_like(level), 0.0
    for i, x in enumerate(level.tolist()):
        now = max(x, now * release)
        held[i] = now
    gain = np.minimum(1.0, (held / rng.uniform(0.2, 0.8)) ** -rng.uniform(0.3, 0.9))
    at = np.arange(len(level)) * hop + hop // 2
    out = y * np.interp(np.arange(len(y)), at, gain)
    return np.asarray(out / (_level(out) or 1.0))


def _noise(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    noise = rng.normal(0, 1, n)
    if rng.random() < 0.7:  # pink to brown
        slope = rng.uniform(3, 6)
        noise = _filter(noise, -slope * np.log2(np.array([30.0, 11000.0]) / 30), [30.0, 11000.0])
    if rng.random() < 0.15:  # mains hum
        t = np.arange(n) / RATE
        hum = float(rng.choice([50.0, 60.0]))
        noise = noise / noise.std() + sum(np.sin(2 * np.pi * hum * k * t) / k for k in (1, 2, 3))
    return np.asarray(noise / (noise.std() + 1e-12))
