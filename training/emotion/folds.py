"""Speakers dealt into parts, so that each part is judged by a network that never heard them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.emotion.clip import Clip

FEW_SPEAKERS = 4


def deal(clips: Sequence[Clip], parts: int, seed: int) -> NDArray[np.int64]:
    """Which part each clip is left out for, shape (clips,); -1 for those that always train.

    Each corpus is dealt apart, its speakers with most clips first, each to the part with the fewest
    clips. A corpus of fewer than `FEW_SPEAKERS` speakers always trains.
    """
    part_of: dict[str, int] = {}
    for corpus in sorted({clip.corpus for clip in clips}):
        count = Counter(clip.speaker for clip in clips if clip.corpus == corpus)
        speakers = sorted(count)
        np.random.default_rng(seed).shuffle(speakers)
        load = np.zeros(parts)
        for speaker in sorted(speakers, key=lambda one: -count[one]):
            part = int(np.argmin(load)) if len(speakers) >= FEW_SPEAKERS else -1
            part_of[speaker] = part
            load[part] += count[speaker]
    return np.array([part_of[clip.speaker] for clip in clips], dtype=np.int64)
