"""From how beat-like each frame is to one sequence of beats: Viterbi over beat periods."""

import numpy as np
from numpy.typing import NDArray

from functions.beats.frontend import FPS
from functions.kit.spectrum import Floats

SHORTEST, LONGEST = 13, 75
"""Beat periods considered, in frames of 20 ms: 231 down to 40 beats a minute."""
PERIODS = np.arange(SHORTEST, LONGEST + 1)
CHANGE_COST = 60.0
"""Nats for a beat period e times, or 1/e of, the one before."""
BEAT_BONUS = 1.5
"""Nats added to each beat's logit: against a path with ever fewer beats."""
PRIOR_BPM, PRIOR_OCTAVES = 110.0, 1.0
"""The tempo that is likeliest before hearing anything, and its standard deviation."""
HEARD = 0.05
"""Probability of a beat under which the song has not begun, or is over."""
SUBDIVISION, SUBDIVIDED_BPM = 1.5, 100.0
"""Nats by which subdivisions are weaker than beats; the tempo from which on beats may be some."""


def period_scores() -> Floats:
    """Log prior of each period, shape (periods,): normal in the logarithm of the tempo."""
    octaves = np.log2(PERIODS * PRIOR_BPM / (60.0 * FPS)) / PRIOR_OCTAVES
    scores: Floats = (-0.5 * octaves**2).astype(np.float32)
    return scores


class Tracker:
    """The best row of beats for a stream of beat logits: `push` them, then `finish`.

    Semi-Markov: a path is a row of beats, each scored by its frame's logit, by the prior of its
    period and by the change from the period before, after Krebs, Böck and Widmer, "An efficient
    state-space model for joint tempo and meter tracking", ISMIR 2015, with one state a beat
    instead of one a frame. As no period is shorter than `SHORTEST`, that many frames are decided
    at once. It keeps a byte for each frame and period: 190 kB a minute.
    """

    def __init__(self) -> None:
        periods = len(PERIODS)
        prior = period_scores()
        ratio = np.log(PERIODS[:, None] / PERIODS[None, :])
        self._step = (prior[:, None] - CHANGE_COST * np.abs(ratio)).astype(np.float32)
        self._pending: Floats = np.zeros(0, np.float32)
        self._before: list[NDArray[np.uint8]] = []
        # Row -k: the best score of a path with a beat k frames ago that goes on with each period.
        self._onward = np.tile(prior, (LONGEST + SHORTEST, 1))
        # Row -k: the best score of a path that came to a beat k frames ago by each period.
        self._reached = np.full((LONGEST + SHORTEST, periods), -np.inf, np.float32)
        self._source = LONGEST + np.arange(SHORTEST)[:, None] - PERIODS

    def push(self, logits: Floats) -> None:
        """Takes in the beat logits, shape (n,), of the next n frames."""
        held = np.concatenate([self._pending, logits])
        whole = len(held) // SHORTEST * SHORTEST
        for block in held[:whole].reshape(-1, SHORTEST):
            self._decide(block)
        self._pending = held[whole:]

    def finish(self) -> NDArray[np.int64]:
        """The frames of the best path's beats, ascending."""
        if len(self._pending):
            self._decide(self._pending)
        if not self._before:
            return np.zeros(0, np.int64)
        before = np.concatenate(self._before)
        frames = len(before)
        # It ends with a beat after which no other would have fitted.
        last = np.arange(frames - len(self._reached), frames)
        open_ended = last[:, None] + PERIODS >= frames
        best = int(np.where(open_ended, self._reached, -np.inf).argmax())
        at, period = int(last[best // len(PERIODS)]), best % len(PERIODS)
        path = []
        while at >= 0:
            path.append(at)
            at -= int(PERIODS[period])
            period = int(before[at, period]) if at >= 0 else period
        return np.array(path[::-1], np.int64)

    def _decide(self, logits: Floats) -> None:
        """The best way to each of up to `SHORTEST` frames by each period, and on from there."""
        rows = len(logits)
        reached = np.take_along_axis(self._onward, self._source[:rows], axis=0)
        reached += logits[:, None] + np.float32(BEAT_BONUS)
        onward = reached[:, None, :] + self._step
        before = onward.argmax(axis=2)
        self._before.append(before.astype(np.uint8))
        self._onward[: LONGEST + SHORTEST - rows] = self._onward[rows:]
        self._onward[LONGEST - rows : LONGEST] = np.take_along_axis(
            onward, before[:, :, None], axis=2
        )[:, :, 0]
        self._reached[:-rows] = self._reached[rows:]
        self._reached[-rows:] = reached


def heard(beats: NDArray[np.int64], logits: Floats) -> NDArray[np.int64]:
    """`beats` less those before the first and after the last that can be heard."""
    clear = np.flatnonzero(logits[beats] > np.log(HEARD / (1.0 - HEARD)))
    return beats[clear[0] : clear[-1] + 1] if len(clear) else beats[:0]


def without_subdivisions(beats: NDArray[np.int64], logits: Floats) -> NDArray[np.int64]:
    """`beats`, or every second one of them where those between are much weaker, and it is fast.

    A path earns by every beat, so it takes the eighth notes with the quarters where both can be
    heard. Twice the tempo is meant only where every beat is about as strong.
    """
    if len(beats) < 8 or 60.0 * FPS / np.median(np.diff(beats)) < SUBDIVIDED_BPM:
        return beats
    even, odd = beats[::2], beats[1::2]
    apart = peaks(even, logits).mean() - peaks(odd, logits).mean()
    if abs(apart) < SUBDIVISION:
        return beats
    return even if apart > 0 else odd


def peaks(frames: NDArray[np.int64], logits: Floats) -> Floats:
    """The largest logit within 20 ms of each of `frames`, shape as `frames`."""
    near = frames[:, None] + np.arange(-1, 2)
    return np.asarray(logits[near.clip(0, len(logits) - 1)].max(axis=1))


def strengths(frames: NDArray[np.int64], logits: Floats) -> Floats:
    """The largest probability within 20 ms of each of `frames`, shape as `frames`."""
    return np.asarray(1.0 / (1.0 + np.exp(-peaks(frames, logits))))


def refine(frames: NDArray[np.int64], logits: Floats) -> NDArray[np.float64]:
    """Seconds of beats at `frames`, each moved to the middle of the hump of `logits` around it."""
    around = frames[:, None] + np.arange(-2, 3)
    weight = 1.0 / (1.0 + np.exp(-logits[around.clip(0, len(logits) - 1)].astype(float)))
    weight = np.where((around >= 0) & (around < len(logits)), weight**2, 0.0) + 1e-12
    times: NDArray[np.float64] = (weight * around).sum(axis=1) / weight.sum(axis=1) / FPS
    return times
