"""The robot demo clip, made from nothing: what `demo.speech` says, through a vocoder at one pitch.

`python -m demo.robot` writes `demo/robot.ogg` anew. It is made here, so it is anyone's to use.

A channel vocoder, after Dudley, "Remaking Speech", JASA 11 (1939): how loud the speech is in each
of a few bands, a hundred times a second, is all that is kept of it. A buzz is given that loudness.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from demo import speech

Samples = NDArray[np.float64]

PATH = Path(__file__).with_name("robot.ogg")
RATE = speech.RATE
PITCH_HZ = 100
EDGES_HZ = np.geomspace(500, 8_050, 16) - 450
"""Of the bands: narrow below and wide above, with a harmonic of the pitch in each."""
FRAME = RATE // 100


def render() -> Samples:
    """The clip, shape (samples,), at RATE Hz, within -1 to 1."""
    said = speech.render()
    buzz = np.zeros(len(said))
    buzz[:: RATE // PITCH_HZ] = 1.0
    robot = sum(
        channel / (loudness(channel) + 1e-9) * loudness(heard)
        for channel, heard in zip(channels(buzz), channels(said), strict=True)
    )
    return np.asarray(robot) * (0.7 / float(np.abs(robot).max()))


def channels(sound: Samples) -> list[Samples]:
    """The sound in each band."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return [
        np.fft.irfft(spectrum * ((hertz >= low) & (hertz < high)), len(sound))
        for low, high in pairwise(EDGES_HZ)
    ]


def loudness(sound: Samples) -> Samples:
    """The root mean square of each hundredth of a second, held until the next."""
    frames = np.pad(sound, (0, -len(sound) % FRAME)).reshape(-1, FRAME)
    levels = np.sqrt((frames**2).mean(axis=1))
    return np.repeat(levels, FRAME)[: len(sound)]


if __name__ == "__main__":
    soundfile.write(PATH, render(), RATE, format="OGG", subtype="VORBIS", compression_level=0.7)
    print(f"{PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")
