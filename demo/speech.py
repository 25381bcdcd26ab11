"""The speech demo clip, made from nothing: a voice that says two sentences, one lively, one low.

`python -m demo.speech` writes `demo/speech.ogg` anew. It is made here, so it is anyone's to use.

A source and a filter, after Klatt, "Software for a cascade/parallel formant synthesizer", JASA 67
(1980), but added up from harmonics: each has the amplitude that glottis, formants and lips give
its frequency at that moment. Consonants are shaped noise, or voicing behind a closed mouth.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float64]

PATH = Path(__file__).with_name("speech.ogg")
RATE = 16_000
GLIDE_S = 0.03
"""How long the mouth takes from one sound to the next."""
BANDWIDTHS_HZ = (70.0, 100.0, 140.0, 250.0)
NEUTRAL_HZ = (500.0, 1500.0, 2500.0, 3500.0)


@dataclass(frozen=True)
class Sound:
    """How loud voice and noise are, 0 to 1, the formants in Hz, and the noise's middle in Hz."""

    voice: float
    noise: float = 0.0
    formants: tuple[float, ...] = NEUTRAL_HZ
    noise_hz: float = 4000.0


SOUNDS = {
    "a": Sound(1.0, formants=(730, 1150, 2450, 3500)),
    "e": Sound(0.9, formants=(500, 1850, 2500, 3500)),
    "i": Sound(0.8, formants=(290, 2250, 2950, 3600)),
    "o": Sound(0.9, formants=(480, 850, 2450, 3400)),
    "u": Sound(0.8, formants=(320, 850, 2300, 3300)),
    "@": Sound(0.7, formants=(520, 1450, 2450, 3500)),
    "r": Sound(0.6, formants=(350, 1150, 1650, 3300)),
    "l": Sound(0.6, formants=(360, 1050, 2700, 3400)),
    "w": Sound(0.5, formants=(300, 650, 2200, 3300)),
    "y": Sound(0.6, formants=(270, 2250, 3000, 3600)),
    "m": Sound(0.35, formants=(250, 1050, 2200, 3300)),
    "n": Sound(0.35, formants=(250, 1600, 2600, 3300)),
    "v": Sound(0.4, 0.05, (280, 1100, 2300, 3300), 5500),
    "h": Sound(0.0, 0.08, noise_hz=1800),
    "s": Sound(0.0, 0.22, noise_hz=6000),
    "z": Sound(0.3, 0.15, (280, 1600, 2600, 3400), 6000),
    "S": Sound(0.0, 0.25, noise_hz=3200),
    "f": Sound(0.0, 0.08, noise_hz=5000),
    "t": Sound(0.0, 0.30, noise_hz=4500),
    "k": Sound(0.0, 0.25, noise_hz=2200),
    "d": Sound(0.2, 0.08, (280, 1700, 2600, 3400), 4000),
    "b": Sound(0.2, 0.04, (250, 900, 2300, 3300), 1200),
    "g": Sound(0.2, 0.08, (280, 1900, 2300, 3300), 2000),
    "_": Sound(0.0),
}


@dataclass(frozen=True)
class Sentence:
    """Sounds with their milliseconds, and the pitch in Hz as it moves from start to end."""

    sounds: str
    pitch_hz: tuple[float, ...]
    loudness: float
    pace: float = 1.0


# "Oh, look at that! We really did it, and now we can all go home."
# "I never thought that it would be over so soon, I am so tired of it."
SENTENCES = (
    Sentence(
        "o220 u80 _60 l60 u120 _50 k40 @50 _50 t40 @70 d40 a200 _40 t40 _180 "
        "w60 i120 r60 i80 l50 i90 d50 i70 d50 i70 _50 t40 _90 @60 n60 n40 a110 u90 w50 i90 "
        "_50 k40 @50 n60 a120 l90 _40 g50 o130 u60 h60 o140 u60 m120 _500",
        (250, 310, 230, 280, 340, 220, 260, 300, 240, 190),
        1.0,
    ),
    Sentence(
        "a120 i90 n70 e100 v60 @60 r70 s90 o160 _60 t40 d40 a90 _50 t40 i60 _60 t40 w60 u90 d60 "
        "b50 i80 o110 v60 @80 s100 o150 u60 s100 u150 n120 _250 "
        "a100 i80 a90 m80 s110 o140 u60 _60 t50 a140 i70 @60 r70 d60 @70 v70 i70 _60 t50 _300",
        (150, 165, 140, 150, 130, 138, 120, 126, 105, 95),
        0.6,
        1.25,
    ),
)


def render() -> Samples:
    """The clip, shape (samples,), at RATE Hz, within -1 to 1."""
    noise = np.random.default_rng(16)
    said = np.concatenate([spoken(sentence, noise) for sentence in SENTENCES])
    room = 0.0005 * noise.standard_normal(len(said))
    return said * (0.7 / float(np.abs(said).max())) + room


def spoken(sentence: Sentence, noise: np.random.Generator) -> Samples:
    """One sentence."""
    names = [word.rstrip("0123456789") for word in sentence.sounds.split()]
    lengths = [int(word.lstrip("".join(SOUNDS))) for word in sentence.sounds.split()]
    ends = np.cumsum(lengths) * sentence.pace / 1000
    time = np.arange(round(ends[-1] * RATE)) / RATE
    which = np.searchsorted(ends, time, side="right").clip(0, len(names) - 1)
    sounds = [SOUNDS[name] for name in names]

    def moving(values: list[float]) -> Samples:
        return smooth(np.array(values)[which])

    voice = moving([sound.voice for sound in sounds])
    breath = moving([sound.noise for sound in sounds])
    formants = [moving([sound.formants[n] for sound in sounds]) for n in range(4)]
    points = np.linspace(0, time[-1], len(sentence.pitch_hz))
    pitch = smooth(np.interp(time, points, sentence.pitch_hz))
    pitch *= 1 + 0.01 * smooth(noise.standard_normal(len(time)) * 20)
    voiced = voice * harmonics(pitch, formants)
    hiss = breath * hissing([sound.noise_hz for sound in sounds], which, noise)
    return sentence.loudness * (voiced + hiss)


def harmonics(pitch: Samples, formants: list[Samples]) -> Samples:
    """A voice at `pitch` Hz, through `formants` Hz, all of shape (samples,)."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = np.zeros(len(pitch))
    for k in range(1, int(0.45 * RATE / pitch.min())):
        hertz = k * pitch
        gain = 1 / (1 + (hertz / 350) ** 2) * hertz / 200  # The glottis and the lips.
        for middle, width in zip(formants, BANDWIDTHS_HZ, strict=True):
            gain = gain * middle**2 / np.hypot(middle**2 - hertz**2, hertz * width)
        wave += np.where(hertz < 0.45 * RATE, gain, 0) * np.sin(k * phase)
    loudness = np.sqrt(smooth(wave**2) + 1e-6)
    return wave / loudness**0.7 / 4  # Formants alone would set vowels too far apart.


def hissing(
    middles_hz: list[float], which: NDArray[np.int64], noise: np.random.Generator
) -> Samples:
    """Noise around the middle that each sound gives it."""
    spectrum = np.fft.rfft(noise.standard_normal(len(which)))
    hertz = np.fft.rfftfreq(len(which), 1 / RATE)
    hiss = np.zeros(len(which))
    for middle in set(middles_hz):
        band = np.fft.irfft(spectrum / (1 + ((hertz - middle) / (0.25 * middle)) ** 2), len(which))
        hiss += band * smooth(
            np.array([each == middle for each in middles_hz])[which].astype(float)
        )
    return hiss


def smooth(steps: Samples) -> Samples:
    """`steps` with each change spread over GLIDE_S."""
    window = np.hanning(round(GLIDE_S * RATE) + 2)[1:-1]
    padded = np.pad(steps, len(window) // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="same")[len(window) // 2 :][: len(steps)]


if __name__ == "__main__":
    soundfile.write(PATH, render(), RATE, format="OGG", subtype="VORBIS", compression_level=0.7)
    print(f"{PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")
