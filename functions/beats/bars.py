"""From beats to bars: where they begin and how many beats they have, or that it is unclear."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.beats.tracker import peaks
from functions.kit.spectrum import Floats

METERS = (2, 3, 4, 5, 6, 7)
PRIOR = (-6.0, -1.0, 0.0, -4.0, -4.0, -4.0)
"""Nats for each number of beats in a bar, before hearing anything."""
CHANGE_COST = 12.0
"""Nats for a bar with another number of beats than the one before."""
DOWNBEAT_COST = 0.5
"""Nats off each downbeat's logit, lest the third of four beats is taken for another first."""
CLEAR = 1.4
"""Evidence, in nats, from which on the bars are told."""


class Bars(NamedTuple):
    """One reading of the bars."""

    first: NDArray[np.int64]
    """Indices of the beats that begin a bar."""
    beats: int
    """Beats in most of the bars."""
    evidence: float
    """Nats by which the downbeats' logits stand out from the other beats', on average."""


def read(beats: NDArray[np.int64], logits: Floats) -> Bars:
    """The best bars over the beats at frames `beats`, from downbeat logits of shape (frames,).

    Viterbi over (beats in the bar, position in it): a downbeat earns its logit.
    """
    evidence = peaks(beats, logits).astype(float) - DOWNBEAT_COST
    path = _best_path(evidence)
    begins, meters = path[:, 1] == 0, path[:, 0]
    first = np.flatnonzero(begins)
    rest = evidence[~begins]
    apart = float(evidence[begins].mean() - rest.mean()) if len(first) and len(rest) else 0.0
    return Bars(first, int(np.bincount(meters).argmax()), apart)


def _best_path(evidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Beats in the bar and position in it, shape (beats, 2), of the best path."""
    states = np.array([(meter, i) for meter in METERS for i in range(meter)])
    begins = states[:, 1] == 0
    starts, ends = np.flatnonzero(begins), np.flatnonzero(states[:, 1] == states[:, 0] - 1)
    prior = np.array(PRIOR)
    # Row: the bar that begins; column: the one that ended.
    change = np.where(np.eye(len(METERS), dtype=bool), 0.0, prior[:, None] - CHANGE_COST)
    score = np.repeat(prior, METERS)
    came = np.zeros((len(evidence), len(METERS)), np.int64)
    for beat, logit in enumerate(evidence):
        if beat:
            ended = score[ends] + change
            came[beat] = ends[ended.argmax(axis=1)]
            score = np.roll(score, 1)
            score[starts] = ended.max(axis=1)
        score = score + logit * begins
    state = int(score.argmax())
    path = np.empty(len(evidence), np.int64)
    for beat in range(len(evidence) - 1, -1, -1):
        path[beat] = state
        state = came[beat][METERS.index(states[state, 0])] if begins[state] else state - 1
    return states[path]
