"""Tempo curves, and the grid that turns a place in beats into seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.beats.piece import Floats

KINDS = {  # character of the playing -> how likely its tempo behaves how
    "click": {"constant": 0.9, "step": 0.05, "ramp": 0.05},
    "band": {"constant": 0.35, "drift": 0.45, "ramp": 0.1, "step": 0.1},
    "free": {"rubato": 0.6, "drift": 0.3, "ramp": 0.1},
}


def choose(rng: np.random.Generator, character: str) -> str:
    """Draw a tempo kind for a character of playing in `KINDS`."""
    kinds = KINDS[character]
    return str(rng.choice(list(kinds), p=list(kinds.values())))


def curve(rng: np.random.Generator, kind: str, bpm: float, n: int, bar: int) -> Floats:
    """Tempo of each of n beats.

    Parameters
    ----------
    kind : constant, drift (a slow random walk), ramp, step (one jump at a bar line), rubato
        (phrases that swell and slow at their end).
    bpm : beats a minute, about which the curve runs.
    bar : beats a bar.

    Returns
    -------
    shape (n,), beats a minute.
    """
    t = np.arange(n) / max(n, 1)
    if kind == "drift":
        walk = np.cumsum(rng.normal(0, 1, n))
        walk -= np.linspace(walk[0], walk[-1], n)
        depth = rng.uniform(0.01, 0.05)
        log = depth * walk / (np.abs(walk).max() + 1e-9) + rng.normal(0, rng.uniform(0, 0.008), n)
    elif kind == "ramp":
        log = rng.choice([-1.0, 1.0]) * rng.uniform(0.08, 0.3) * (t - 0.5)
    elif kind == "step":
        at = bar * int(rng.uniform(0.3, 0.7) * n / bar)
        jump = rng.choice([-1.0, 1.0]) * rng.uniform(0.08, 0.4)
        log = np.where(np.arange(n) < at, 0.0, jump)
    elif kind == "rubato":
        phrase = bar * int(rng.choice([2, 4]))
        place = (np.arange(n) % phrase) / phrase
        depth = rng.uniform(0.03, 0.14)
        log = depth * np.sin(np.pi * place) - 2 * depth * np.maximum(place - 0.8, 0) / 0.2
        log += rng.normal(0, rng.uniform(0.005, 0.03), n)
    elif kind == "constant":
        log = np.zeros(n)
    else:
        raise ValueError(f"Tempo kind {kind!r} is not one of constant, drift, ramp, step, rubato.")
    return np.asarray(bpm * np.exp(log), dtype=np.float64)


@dataclass(frozen=True)
class Grid:
    """Beat times, and how the notes between them are swung and shaken.

    times : shape (n + 1,), seconds of the n beats and of the end.
    swing : where the second half of a beat starts, 0.5 (straight) to 0.67 (triplets).
    swing16 : the same within half a beat.
    jitter : standard deviation of a note's start, seconds.
    """

    times: Floats
    swing: float = 0.5
    swing16: float = 0.5
    jitter: float = 0.0

    @property
    def beats(self) -> int:
        """How many beats there are."""
        return len(self.times) - 1

    def at(self, beat: float, straight: bool = False) -> float:
        """Seconds of a place in beats, not shaken; swung unless `straight` or on a triplet."""
        whole = int(np.floor(beat + 1e-9))
        part = max(beat - whole, 0.0)
        triplet = abs(part * 6 - round(part * 6)) < 1e-6
        if not straight and (part == 0.5 or not triplet):
            half, rest = divmod(part, 0.5)
            rest = float(np.interp(rest, [0, 0.25, 0.5], [0, 0.5 * self.swing16, 0.5]))
            part = float(np.interp(half * 0.5 + rest, [0, 0.5, 1], [0, self.swing, 1]))
        if whole < 0:
            return float(self.times[0] + (whole + part) * (self.times[1] - self.times[0]))
        if whole >= self.beats:
            last = self.times[-1] - self.times[-2]
            return float(self.times[-1] + (whole + part - self.beats) * last)
        return float(self.times[whole] + part * (self.times[whole + 1] - self.times[whole]))


def grid(
    rng: np.random.Generator,
    bpm: Floats,
    start: float,
    swing: float = 0.5,
    swing16: float = 0.5,
    jitter: float = 0.0,
) -> Grid:
    """The grid that starts at `start` seconds and runs at `bpm`, shape (n,)."""
    times = start + np.concatenate([[0.0], np.cumsum(60 / bpm)])
    return Grid(times, swing, swing16, jitter)
