"""The same voice through other channels: a room, a tone control, noise, a telephone, codecs."""

import io

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from functions.kit.mel import RATE

Samples = NDArray[np.float32]
Rng = np.random.Generator

_PEAK = 0.7
_NARROW = (8_000, 9_000, 10_000, 11_025, 12_000, 14_000)
"""Sample rates that a recording may have been through."""
_MP3_KBITS = {16_000: (8.0, 160.0), 24_000: (8.0, 160.0), 44_100: (32.0, 320.0)}
"""Sample rates, and between which bit rates libsndfile places `compression_level` at each."""


def changed(samples: Samples, rng: Rng) -> Samples:
    """`samples`, shape (n,) at 16 kHz, after one or more of the changes below; about as long."""
    heard = _levelled(samples)
    while True:
        told = [change for change, often in CHANGES if rng.random() < often]
        if told:
            break
    for change in told:
        heard = np.asarray(change(heard, rng), np.float32)
    return _levelled(heard)


def paced(samples: Samples, rng: Rng) -> Samples:
    """Played up to 8 % faster or slower, with its pitch."""
    return np.asarray(soxr.resample(samples, RATE, RATE * np.exp(rng.uniform(-0.08, 0.08))))


def in_room(samples: Samples, rng: Rng) -> Samples:
    """With echoes of noise that decay by 60 dB in 0.08 to 0.5 s."""
    length = int(RATE * rng.uniform(0.08, 0.5))
    echo = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    echo *= 10 ** (-rng.uniform(0, 12) / 20) / np.sqrt(np.square(echo).sum())
    echo[0] = 1.0
    size = 1 << (len(samples) + length).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(echo, size)
    return np.asarray(np.fft.irfft(spectrum, size)[: len(samples)])


def equalised(samples: Samples, rng: Rng) -> Samples:
    """Through a smooth curve of some dB up and down."""
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    axis = np.log1p(hz / 300) / np.log1p(RATE / 2 / 300)
    decibels = np.zeros(len(hz))
    for order in range(1, 6):
        decibels += rng.uniform(-4, 4) * np.cos(np.pi * order * axis + rng.uniform(-1, 1))
    spectrum = np.fft.rfft(samples) * 10 ** (decibels / 20)
    return np.asarray(np.fft.irfft(spectrum, len(samples)))


def overdriven(samples: Samples, rng: Rng) -> Samples:
    """Bent at its peaks."""
    return np.asarray(np.tanh(samples * np.exp(rng.uniform(0.5, 2.5))))


def noisy(samples: Samples, rng: Rng) -> Samples:
    """In noise from white to steeper than pink, 8 to 40 dB under it."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    hz = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 30.0)
    noise = np.fft.irfft(spectrum * hz ** -rng.uniform(0, 1.2), len(samples))
    level = np.linalg.norm(samples) / np.linalg.norm(noise)
    return np.asarray(samples + noise * level * 10 ** (-rng.uniform(8, 40) / 20))


def narrowed(samples: Samples, rng: Rng) -> Samples:
    """As a telephone hears it, or by way of a lower sample rate."""
    if rng.random() < 0.4:
        low, high = rng.uniform(200, 400), rng.uniform(3_000, 3_800)
        hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        spectrum = np.fft.rfft(samples) * ((hz > low) & (hz < high))
        return np.asarray(np.fft.irfft(spectrum, len(samples)))
    rate = int(rng.choice(_NARROW))
    return np.asarray(soxr.resample(soxr.resample(samples, RATE, rate), rate, RATE))


def mp3(samples: Samples, rng: Rng) -> Samples:
    """Through MP3 of 32 to 128 kbit/s."""
    rate = int(rng.choice(list(_MP3_KBITS)))
    low, high = _MP3_KBITS[rate]
    level = (high - rng.choice([32.0, 40.0, 48.0, 64.0, 96.0, 128.0])) / (high - low)
    sound = soxr.resample(samples, RATE, rate)
    file = io.BytesIO()
    soundfile.write(
        file,
        sound / max(1.0, 1.02 * float(np.abs(sound).max())),
        rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        # libsndfile refuses 1.
        compression_level=float(np.clip(level, 0.02, 0.98)),
    )
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return np.asarray(soxr.resample(decoded, rate, RATE))


def eight_bits(samples: Samples, rng: Rng) -> Samples:
    """In 8 bits by the mu-law of telephones."""
    coded = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    coded = np.round(coded.clip(-1, 1) * 127) / 127
    return np.asarray(np.sign(coded) * (256 ** np.abs(coded) - 1) / 255)


def gated(samples: Samples, rng: Rng) -> Samples:
    """With digital silence wherever it is soft."""
    level = np.sqrt(np.convolve(np.square(samples), np.ones(400) / 400, "same"))
    floor = np.quantile(level, 0.9) * 10 ** (-rng.uniform(25, 45) / 20)
    return np.asarray(np.where(level < floor, 0, samples))


CHANGES = (
    (paced, 0.25),
    (in_room, 0.2),
    (equalised, 0.4),
    (overdriven, 0.15),
    (noisy, 0.4),
    (narrowed, 0.35),
    (mp3, 0.35),
    (eight_bits, 0.1),
    (gated, 0.15),
)
"""What may become of a voice, in this order, and how often."""


def _levelled(samples: Samples) -> Samples:
    loudest = max(1e-4, float(np.abs(samples).max()))
    return np.asarray(samples / loudest * _PEAK, np.float32)
