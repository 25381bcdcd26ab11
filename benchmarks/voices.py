"""Voices, human and machine-made: what is known of each, and what the function says of it."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import clips, conditions
from benchmarks.environments import workers
from functions.kit.problem import Problem
from functions.voice_detect import core
from functions.voice_detect.votes import HUMAN, MACHINE

FAMILIES = Path(__file__).with_name("voice_families.toml")
UNLISTED = "unlisted"
CHUNK = 16


@dataclass(frozen=True)
class Voice:
    """One clip. A human one has no `family`."""

    audio: Path
    synthetic: bool
    family: str | None
    page: str
    codec: str
    rate: str


@dataclass(frozen=True)
class Answer:
    """What the function said of a clip: a label, and how likely it is AI_GENERATED.

    Both, the network's score, and each feature's value and whether its vote is AI_GENERATED are
    missing where the clip was refused.
    """

    voice: Voice
    probability: float | None = None
    label: str | None = None
    certain: bool = False
    score: float | None = None
    values: Mapping[str, float] | None = None
    outside: Mapping[str, bool] | None = None
    refusal: str | None = None

    @property
    def rank(self) -> float:
        """What orders the clips: the probability. A refusal is as wrong as can be."""
        return self._or_wrong(self.probability)

    @property
    def score_rank(self) -> float:
        """The same, of the network's score."""
        return self._or_wrong(self.score)

    @property
    def right(self) -> bool:
        """Whether the label is what the clip is."""
        return self.label == (MACHINE if self.voice.synthetic else HUMAN)

    @property
    def called(self) -> bool:
        """Whether the label is AI_GENERATED."""
        return self.label == MACHINE

    @property
    def confidence(self) -> float:
        """The probability of the label; 0 where the clip was refused."""
        return 0.0 if self.probability is None else max(self.probability, 1 - self.probability)

    def _or_wrong(self, value: float | None) -> float:
        if value is not None:
            return value
        return float("-inf") if self.voice.synthetic else float("inf")


def families() -> dict[str, str]:
    """The family of each system that `voice_families.toml` lists."""
    listed = tomllib.loads(FAMILIES.read_text())["families"]
    return {system: family for family, systems in listed.items() for system in systems}


def load(data: Path, split: str) -> list[Voice]:
    """The voices of one split. Raises FileNotFoundError where there are none."""
    family = families()
    return [
        Voice(
            audio=audio,
            synthetic=row["label"] == "synthetic",
            family=family.get(row["system_or_corpus"], UNLISTED)
            if row["label"] == "synthetic"
            else None,
            page=row["repo"],
            codec=row["original_codec"],
            rate=row["original_rate"],
        )
        for audio, row in clips.rows(data, "voice", split)
    ]


def answer(voice: Voice, condition: str | None = None) -> Answer:
    """What the function says of a clip, as it is or under one of `conditions.CONDITIONS`."""
    source = conditions.heard(voice.audio, condition) if condition else voice.audio
    try:
        its = core.analyse(source)
    except Problem as problem:
        if problem.status != 422:
            raise
        return Answer(voice, refusal=problem.reason)
    return Answer(
        voice,
        probability=its.probability,
        label=its.label,
        certain=its.certain,
        score=its.score,
        values={vote.feature: vote.value for vote in its.votes},
        outside={vote.feature: vote.vote == MACHINE for vote in its.votes},
    )


def ask(voices: Sequence[Voice], condition: str | None = None) -> list[Answer]:
    """`answer` for each, in order, from one process that keeps the model loaded."""
    with workers(1) as pool:
        return list(pool.map(answer, voices, [condition] * len(voices), chunksize=CHUNK))
