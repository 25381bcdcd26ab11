"""The song as a visualiser sees it: loudness and low, mid and high energy, ten times a second."""

from dataclasses import dataclass

import numpy as np

from functions.beats.frontend import FPS
from functions.kit.spectrum import Floats

RATE_HZ = 10.0
FRAMES = round(FPS / RATE_HZ)
"""Frames of the front end in one row of the profile."""
QUIETEST_DB = -100.0


@dataclass(frozen=True)
class Profile:
    """Levels in dB below a full-scale square wave; entry i covers 0.1 s from i / `rate_hz` s on."""

    rate_hz: float
    loudness_db: list[float]
    low_db: list[float]
    """30 to 200 Hz: kick and bass."""
    mid_db: list[float]
    """200 to 2000 Hz: voices, guitars, snare."""
    high_db: list[float]
    """Above 2000 Hz: cymbals, consonants."""


class Meter:
    """Averages the front end's power to the profile's rate, block by block."""

    def __init__(self) -> None:
        self._rows: list[Floats] = []
        self._rest: Floats = np.zeros((0, 3), np.float32)

    def push(self, power: Floats) -> None:
        """Takes in mean-square amplitudes of shape (n, 3): low, mid, high, a row a frame."""
        held = np.concatenate([self._rest, power])
        whole = len(held) // FRAMES * FRAMES
        self._rows.append(held[:whole].reshape(-1, FRAMES, 3).mean(axis=1))
        self._rest = held[whole:]

    def finish(self) -> Profile:
        """The profile of everything pushed; a last row may average fewer frames."""
        rows = (
            [*self._rows, self._rest.mean(axis=0, keepdims=True)] if len(self._rest) else self._rows
        )
        power = np.concatenate(rows)
        quietest = 10.0 ** (QUIETEST_DB / 10.0)
        columns = [power.sum(axis=1), *power.T]
        levels = [10.0 * np.log10(np.maximum(column, quietest)) for column in columns]
        return Profile(RATE_HZ, *(level.astype(float).round(1).tolist() for level in levels))
