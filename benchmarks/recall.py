"""Labels and scores in, figures out: pure, and the same for everything that names a class.

The measure is unweighted average recall (UAR): the share of a label's clips that were recognised,
averaged over the labels, so that a rare one counts as much as a common one. Intervals are of
clips drawn within their label; how much speakers differ is told beside them, for there are few.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import bootstrap
from benchmarks.bootstrap import Floats

REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """What was said of a clip; `scores` is None where the clip was refused."""

    corpus: str
    speaker: str
    label: str
    scores: Mapping[str, float] | None
    certain: bool = False
    refusal: str | None = None

    def best(self, among: Collection[str] | None = None) -> str:
        """The likeliest label, of all or of those in `among`; `REFUSED` where there are none."""
        scores = self.scores or {}
        known = [label for label in scores if among is None or label in among]
        return max(known, key=lambda label: scores[label], default=REFUSED)

    @property
    def right(self) -> bool:
        """Whether the likeliest of all labels is the clip's."""
        return self.best() == self.label

    @property
    def confidence(self) -> float:
        """The highest score; 0 where the clip was refused."""
        return max(self.scores.values()) if self.scores else 0.0

    @property
    def lead(self) -> float:
        """By how much the highest score leads the second; less than any where it was refused."""
        if self.scores is None:
            return -1.0
        *_, second, first = 0.0, *sorted(self.scores.values())
        return first - second


def hits(answers: Sequence[Answer], among: Collection[str] | None = None) -> dict[str, Floats]:
    """For each label that occurs: 1 or 0 for each of its clips, in the order of `answers`."""
    found = {
        label: np.array([one.best(among) == label for one in answers if one.label == label], float)
        for label in {one.label for one in answers}
    }
    return dict(sorted(found.items()))


def uar(found: Mapping[str, Floats]) -> float:
    """Unweighted average recall x 100 of what `hits` gave."""
    return 100 * float(np.mean([each.mean() for each in found.values()]))


def draws(found: Mapping[str, Floats], random: np.random.Generator) -> Floats:
    """`uar` on bootstrap draws of each label's clips."""
    means = [bootstrap.means(each, random) for each in found.values()]
    return np.asarray(100 * np.mean(means, axis=0))


def confusion(
    answers: Sequence[Answer], labels: Sequence[str], among: Collection[str] | None = None
) -> dict[str, list[int]]:
    """How often each label that occurs was taken for each of `labels`, and last: was refused."""
    columns = [*labels, REFUSED]
    table = {label: [0] * len(columns) for label in sorted({one.label for one in answers})}
    for one in answers:
        table[one.label][columns.index(one.best(among))] += 1
    return table


def by_corpus(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    """The answers of each corpus, by name."""
    corpora: dict[str, list[Answer]] = {name: [] for name in sorted({a.corpus for a in answers})}
    for one in answers:
        corpora[one.corpus].append(one)
    return corpora


def mean(
    corpora: Mapping[str, Sequence[Answer]], among: Mapping[str, Collection[str] | None]
) -> tuple[float, list[float]]:
    """Mean UAR of the corpora, each among its labels, and its 95 % interval; rounded."""
    random = np.random.default_rng(0)
    found = [hits(answers, among[name]) for name, answers in corpora.items()]
    spread = np.mean([draws(each, random) for each in found], axis=0)
    return round(float(np.mean([uar(each) for each in found])), 2), ends(spread)


def loss(
    before: Mapping[str, Sequence[Answer]],
    after: Mapping[str, Sequence[Answer]],
    among: Mapping[str, Collection[str] | None],
) -> tuple[float, list[float]]:
    """Points of mean UAR that are lost on the same clips, and the paired 95 % interval."""
    random = np.random.default_rng(0)
    lost = []
    for name, answers in before.items():
        first, second = hits(answers, among[name]), hits(after[name], among[name])
        lost.append({label: first[label] - second[label] for label in first})
    spread = np.mean([draws(each, random) for each in lost], axis=0)
    return round(float(np.mean([uar(each) for each in lost])), 2), ends(spread)


def ends(spread: Floats) -> list[float]:
    """The 95 % interval of some draws, rounded."""
    return [round(end, 2) for end in bootstrap.span(spread)]


def speakers(answers: Sequence[Answer], among: Collection[str] | None) -> dict[str, Any]:
    """Clips of each speaker, and UAR over the labels that the speaker has."""
    names = sorted({one.speaker for one in answers})
    each = {name: [one for one in answers if one.speaker == name] for name in names}
    return {
        name: {"clips": len(its), "uar": round(uar(hits(its, among)), 2)}
        for name, its in each.items()
    }
