"""Somebody who speaks: the speech demo clip, so that no test needs other data."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.tree import ROOT

Samples = NDArray[np.float64]

RATE = 16_000
CLIP = ROOT / "demo" / "speech.ogg"


def voice(seconds: float = 10.0) -> Samples:
    """Speech at 16 kHz, shape (samples,), within 0.8 of full scale; up to 10 s."""
    samples, rate = soundfile.read(CLIP)
    assert rate == RATE
    return np.asarray(samples[: round(seconds * RATE)])


def hiss(seconds: float) -> Samples:
    """A quiet room at 16 kHz, shape (samples,): 60 dB below full scale."""
    return 0.001 * np.random.default_rng(0).standard_normal(round(seconds * RATE))


def tone(seconds: float, hertz: float = 440.0) -> Samples:
    """A sine at 16 kHz, shape (samples,): 10 dB below full scale."""
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def wav(samples: Samples, rate: int = RATE, subtype: str = "PCM_16") -> io.BytesIO:
    """`samples`, shape (samples,) or (samples, channels), as a file; it clips at full scale."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    file.seek(0)
    return file
