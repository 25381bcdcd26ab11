"""One utterance as training knows it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LABELS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
    "other",
)
"""What the network tells apart, in the order of its outputs."""


@dataclass(frozen=True)
class Clip:
    """One utterance: its log mel bands, shape (frames, 64), and who said it how."""

    path: str
    corpus: str
    speaker: str
    label: int
    """Its place in `LABELS`; -1 where nobody has said."""
    split: str
    logs: NDArray[np.float16]
    taught: NDArray[np.float16]
    """What the teacher makes of it, shape (rows, 768), row i at frame 4 i; none for split test."""
