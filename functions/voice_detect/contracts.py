"""The drop-in contracts: what was heard, as two earlier services answered it."""

from collections.abc import Mapping
from typing import Any

from functions.kit.contract import Answer, Asked
from functions.voice_detect.core import Detection
from functions.voice_detect.votes import MACHINE


def voice_detection(heard: Detection, asked: Asked) -> dict[str, Any]:
    """`POST /api/voice-detection`; it has no place for warnings but the explanation."""
    return {
        "status": "success",
        "language": asked.language,
        "classification": heard.label,
        "confidenceScore": _confidence(heard),
        "explanation": " ".join([heard.explanation, *asked.warnings, *heard.warnings]),
    }


def detect(heard: Detection, asked: Asked) -> dict[str, Any]:
    """`POST /detect`; where there are warnings, it has them beside its three keys."""
    answer = {
        "classification": "AI" if heard.label == MACHINE else "Human",
        "confidence": _confidence(heard),
        "language": asked.language,
    }
    warnings = [*asked.warnings, *heard.warnings]
    return {**answer, "warnings": warnings} if warnings else answer


def _confidence(heard: Detection) -> float:
    """How likely the label is right: 0.5 to 1."""
    right = heard.probability if heard.label == MACHINE else 1 - heard.probability
    return round(right, 4)


ANSWERS: Mapping[str, Answer] = {"/api/voice-detection": voice_detection, "/detect": detect}
"""The contracts' routes in `function.toml`, and what answers there."""
