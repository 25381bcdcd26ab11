"""The same recording as it might have reached us: other formats, a telephone, quiet, in noise."""

import io
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]

BAND = (300.0, 3400.0)
EDGE = 1 / 6
"""Octaves over which the telephone's band fades out on either side."""
PHONE_RATE, MP3_RATE, MP3_KBIT = 8_000, 44_100, 64
MP3_KBITS = (32, 320)
"""The bit rates between which libsndfile places `compression_level`, at that sample rate."""
SNR_DB = 15.0
QUIET_DB = -20.0


def flac(samples: Samples, rate: int, random: np.random.Generator) -> bytes:
    """Without loss, in 24 bits: what decodes is what was there."""
    return _file(samples, rate, "FLAC", "PCM_24")


def mp3(samples: Samples, rate: int, random: np.random.Generator) -> bytes:
    """MP3 of 64 kbit/s, 44.1 kHz mono."""
    low, high = MP3_KBITS
    return _file(
        soxr.resample(samples, rate, MP3_RATE),
        MP3_RATE,
        "MP3",
        "MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=(high - MP3_KBIT) / (high - low),
    )


def telephone(samples: Samples, rate: int, random: np.random.Generator) -> bytes:
    """Only 300 to 3400 Hz of it, at 8 kHz in 16 bits."""
    spectrum = np.fft.rfft(samples)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / rate), 1e-3))
    low, high = np.log2(BAND)
    outside = np.maximum(np.maximum(low - octaves, octaves - high), 0) / EDGE
    spectrum *= np.cos(np.minimum(outside, 1) * np.pi / 2)
    band = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    return _file(soxr.resample(band, rate, PHONE_RATE), PHONE_RATE, "WAV", "PCM_16")


def narrow(samples: Samples, rate: int, random: np.random.Generator) -> bytes:
    """By way of 8 kHz and back, in 16 bits: nothing above 4 kHz is left."""
    half = soxr.resample(samples, rate, PHONE_RATE)
    return _file(soxr.resample(half, PHONE_RATE, rate), rate, "WAV", "PCM_16")


def quiet(samples: Samples, rate: int, random: np.random.Generator) -> bytes:
    """20 dB softer, in 16 bits."""
    return _file(samples * np.float32(10 ** (QUIET_DB / 20)), rate, "WAV", "PCM_16")


def white(samples: Samples, rate: int, random: np.random.Generator) -> bytes:
    """In white noise, 15 dB under the mean power of the whole clip, pauses included."""
    return _noisy(samples, rate, random.standard_normal(len(samples)))


def pink(samples: Samples, rate: int, random: np.random.Generator) -> bytes:
    """In noise that falls by 3 dB an octave from 20 Hz on; as strong as the white one."""
    spectrum = np.fft.rfft(random.standard_normal(len(samples)))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum *= np.where(frequencies < 20, 0, 1 / np.sqrt(np.maximum(frequencies, 20)))
    return _noisy(samples, rate, np.fft.irfft(spectrum, len(samples)))


CONDITIONS: dict[str, Callable[[Samples, int, np.random.Generator], bytes]] = {
    "FLAC": flac,
    "MP3, 64 kbit/s": mp3,
    "telephone": telephone,
    "8 kHz and back": narrow,
    "-20 dB": quiet,
    "white noise, 15 dB": white,
    "pink noise, 15 dB": pink,
}


def heard(audio: Path, condition: str) -> io.BytesIO:
    """The file at `audio` under one of `CONDITIONS`. Noise is the same at each call."""
    samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
    random = np.random.default_rng(crc32(f"{audio.name} {condition}".encode()))
    return io.BytesIO(CONDITIONS[condition](samples.mean(axis=1), rate, random))


def _noisy(samples: Samples, rate: int, noise: NDArray[np.float64]) -> bytes:
    power = float(np.mean(np.square(samples, dtype=float)))
    noise *= np.sqrt(power / np.mean(np.square(noise)) / 10 ** (SNR_DB / 10))
    return _file(samples + noise, rate, "WAV", "PCM_16")


def _file(
    samples: NDArray[np.floating], rate: int, kind: str, subtype: str, **how: float | str
) -> bytes:
    """As loud as it is, unless that would clip."""
    samples = samples / max(1.0, float(np.abs(samples).max()))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format=kind, **how)
    return file.getvalue()
