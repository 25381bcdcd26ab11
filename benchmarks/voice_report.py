"""The figures of voice_detect, from what it said of clips."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import bootstrap, calibration, risk, separation
from benchmarks.bootstrap import Floats
from benchmarks.voices import Answer

BINS = 15


def report(answers: Sequence[Answer]) -> dict[str, Any]:
    """All figures; AUC, equal error rates and calibration 0..1, shares x 100."""
    synthetic, pages = synthetics(answers), pages_of(answers)
    scored = [one for one in answers if one.probability is not None]
    human = [one for one in answers if not one.voice.synthetic]
    table = calibration.table(
        [one.probability or 0.0 for one in scored], [one.voice.synthetic for one in scored], BINS
    )
    labels = calibration.table([one.confidence for one in scored], [a.right for a in scored], BINS)
    return {
        "clips": len(answers),
        "human": len(human),
        "synthetic": len(answers) - len(human),
        "refused": Counter(one.refusal for one in answers if one.refusal),
        **separation.figures(ranks(answers), synthetic, pages),
        "within_pages": separation.within(ranks(answers), synthetic, pages),
        "score_auc": separation.area([one.score_rank for one in answers], synthetic),
        "ece": round(calibration.error(table), 4),
        "ece_label": round(calibration.error(labels), 4),
        "certain": certainty(answers),
        "accused": share(answers, synthetic=False),
        "caught": share(answers, synthetic=True),
        "pages": _groups(answers, lambda one: one.voice.page),
        "families": {
            name: family(its, human)
            for name, its in _grouped(answers, lambda one: one.voice.family).items()
        },
        "codecs": _groups(answers, lambda one: one.voice.codec),
        "rates": _groups(answers, lambda one: one.voice.rate),
        "bins": [asdict(one) for one in table],
        "risk_coverage": risk.points(*curve(answers)),
        "risk_area": round(risk.area(*curve(answers)), 4),
    }


def certainty(answers: Sequence[Answer]) -> dict[str, Any]:
    """What `certain` is worth, as in `risk.certainty`, and the interval of its lead over pages."""
    right = np.array([one.right for one in answers], float)
    certain = np.array([one.certain for one in answers], bool)
    its = risk.certainty(certain, right)
    if "ahead" in its:
        sure, rest = (
            bootstrap.shares(right, those, pages_of(answers)) for those in (certain, ~certain)
        )
        its["ahead_interval"] = [round(end, 2) for end in bootstrap.span(100 * (sure - rest))]
    return its


def share(answers: Sequence[Answer], *, synthetic: bool) -> dict[str, Any]:
    """How many of the human or of the synthetic clips are called AI_GENERATED, and are so surely.

    The interval is of the sure ones, over draws of pages. {} where there are none of the kind.
    """
    those = synthetics(answers) == synthetic
    if not those.any():
        return {}
    called = np.array([one.called for one in answers], bool)
    sure = called & [one.certain for one in answers]
    spread = bootstrap.shares(sure, those, pages_of(answers))
    return {
        "called": round(100 * float(called[those].mean()), 2),
        "certain": round(100 * float(sure[those].mean()), 2),
        "certain_interval": [round(end, 2) for end in bootstrap.span(100 * spread)],
    }


def group(answers: Sequence[Answer]) -> dict[str, Any]:
    """Clips of each kind, AUC and equal error rate where both are there, and what they are called.

    Shares x 100; of a kind that is not there, None.
    """
    synthetic = synthetics(answers)
    its: dict[str, Any] = {"human": int((~synthetic).sum()), "synthetic": int(synthetic.sum())}
    if its["human"] and its["synthetic"]:
        roc = separation.roc(ranks(answers), synthetic)
        its["auc"] = separation.rounded(separation.auc(roc)[0])
        its["eer"] = separation.rounded(separation.eer(roc)[0])
    for name, kind in (("accused", False), ("caught", True)):
        sure = [one.called and one.certain for one in answers if one.voice.synthetic is kind]
        its[name] = round(100 * float(np.mean(sure)), 2) if sure else None
    its["certain"] = round(100 * float(np.mean([one.certain for one in answers])), 2)
    its["right"] = round(100 * float(np.mean([one.right for one in answers])), 2)
    return its


def family(its: Sequence[Answer], human: Sequence[Answer]) -> dict[str, Any]:
    """The clips of one family against all human ones, and against those of their own pages."""
    both = [*human, *its]
    alone = group(its)
    return {
        "clips": len(its),
        "pages": len(set(pages_of(its))),
        **separation.figures(ranks(both), synthetics(both), pages_of(both)),
        "within_pages": separation.within(ranks(both), synthetics(both), pages_of(both)),
        **{key: alone[key] for key in ("caught", "certain", "right")},
    }


def curve(answers: Sequence[Answer]) -> tuple[Floats, Floats]:
    """Risk against coverage, by the probability of the label."""
    return risk.curve([one.confidence for one in answers], [one.right for one in answers])


def synthetics(answers: Sequence[Answer]) -> NDArray[np.bool_]:
    """Which clips are synthetic, shape (clips,)."""
    return np.array([one.voice.synthetic for one in answers], bool)


def pages_of(answers: Sequence[Answer]) -> list[str]:
    """The page of each clip."""
    return [one.voice.page for one in answers]


def ranks(answers: Sequence[Answer]) -> list[float]:
    """The rank of each clip."""
    return [one.rank for one in answers]


def _grouped(
    answers: Sequence[Answer], of: Callable[[Answer], str | None]
) -> dict[str, list[Answer]]:
    names = sorted({name for one in answers if (name := of(one)) is not None})
    return {name: [one for one in answers if of(one) == name] for name in names}


def _groups(answers: Sequence[Answer], of: Callable[[Answer], str]) -> dict[str, Any]:
    return {name: group(its) for name, its in _grouped(answers, of).items()}
