"""How much each clip counts, lest what there is much of drown the rest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.emotion.clip import LABELS, Clip

FEW = 20
"""Clips of one label in one corpus under which they count less."""
FEW_LABELS, ONE_MOOD = 3, 0.1
"""Under so many labels a speaker's voice may be taken for the emotion: so little they count."""
FEW_SPEAKERS, ONE_VOICE = 2, 0.5
"""Up to so many speakers a corpus counts so little, beside another of its size."""


def labels_of(clips: Sequence[Clip]) -> dict[str, NDArray[np.bool_]]:
    """Which labels occur in each corpus, shape (9,) each."""
    found = {clip.corpus: np.zeros(len(LABELS), bool) for clip in clips}
    for clip in clips:
        found[clip.corpus][clip.label] = True
    return found


def weights_of(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """How much each counts, 1 on average: labels alike, corpora by the root of their size."""
    weight = np.zeros(len(clips))
    corpora = np.array([clip.corpus for clip in clips])
    labels = np.array([clip.label for clip in clips])
    speakers = np.array([clip.speaker for clip in clips])
    for corpus in sorted(set(corpora)):
        here = corpora == corpus
        share = np.sqrt(here.sum())
        if len(set(speakers[here])) <= FEW_SPEAKERS:
            share *= ONE_VOICE
        for label in sorted(set(labels[here])):
            these = here & (labels == label)
            weight[these] = share / len(set(labels[here])) / max(these.sum(), FEW)
    for speaker in sorted(set(speakers)):
        if len(set(labels[speakers == speaker])) < FEW_LABELS:
            weight[speakers == speaker] *= ONE_MOOD
    return np.asarray(weight / weight.mean())
