"""One utterance as training knows it."""

from dataclasses import dataclass
from pathlib import Path

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
    """One utterance: where it is, and who said it how."""

    path: Path
    corpus: str
    speaker: str
    label: int
    """Its place in `LABELS`."""
