from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import voice_tables
from benchmarks.voice_report import certainty, family, group, report, share
from benchmarks.voices import Answer, Voice

RATES = {"wav": "16000", "mp3": "44100"}


def said(
    probability: float | None,
    *,
    synthetic: bool,
    page: str = "one",
    certain: bool = False,
    family: str = "tts",
    codec: str = "wav",
) -> Answer:
    voice = Voice(
        Path("a.opus"), synthetic, family if synthetic else None, page, codec, RATES[codec]
    )
    if probability is None:
        return Answer(voice, refusal="no_speech")
    label = "AI_GENERATED" if probability >= 0.5 else "HUMAN"
    return Answer(voice, probability, label, certain, score=4 * probability - 2)


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """Probabilities that are what they say, of 5 pages, one of human voices alone."""
    random = np.random.default_rng(0)
    made = []
    for index in range(600):
        chance = float(random.beta(0.6, 0.6))
        synthetic, page = bool(random.uniform() < chance), f"page{index % 5}"
        made.append(
            said(
                chance,
                synthetic=synthetic,
                page="human alone" if not synthetic and index % 5 == 0 else page,
                certain=not 0.2 < chance < 0.8,
                family=("tts", "vocoder", "unknown")[index % 3],
                codec=("wav", "mp3")[index % 2],
            )
        )
    return [*made, said(None, synthetic=True), said(None, synthetic=False)]


@pytest.fixture(scope="module")
def its(answers: list[Answer]) -> dict[str, Any]:
    return report(answers)


def test_the_report_holds_together(its: dict[str, Any]) -> None:
    assert (its["clips"], its["refused"]) == (602, {"no_speech": 2})
    assert its["human"] + its["synthetic"] == 602
    low, high = its["auc_interval"]
    assert 0.7 < low < its["auc"] < high < 1
    assert its["eer_interval"][0] < its["eer"] < its["eer_interval"][1]
    assert its["score_auc"] == pytest.approx(its["auc"], abs=1e-4)
    assert its["ece"] < 0.1
    assert its["ece_label"] < 0.1
    assert its["certain"]["ahead_interval"][0] < its["certain"]["ahead"]
    assert its["risk_coverage"][-1][0] == 1.0
    for part in ("pages", "codecs", "rates"):
        for kind in ("human", "synthetic"):
            assert sum(one[kind] for one in its[part].values()) == its[kind]
    assert sum(one["clips"] for one in its["families"].values()) == its["synthetic"]
    assert "auc" not in its["pages"]["human alone"]


def test_a_person_can_read_it(its: dict[str, Any]) -> None:
    figures = {key: its[key] for key in ("auc", "auc_interval", "eer", "eer_interval")}
    robust = {
        "telephone": {
            **figures,
            "within_pages": its["within_pages"],
            "lost": 0.05,
            "lost_interval": [0.01, 0.09],
            "accused": its["accused"],
            "caught": its["caught"],
            "refused": 3,
        }
    }
    vote = {"value": 0.6, "vote": None, "human_called": 10.0, "synthetic_called": 20.0}
    trees = {**figures, "within_pages": {}, "ahead": 0.1, "ahead_interval": [0.0, 0.2]}
    text = voice_tables.markdown(
        {
            "split": "val",
            **its,
            "votes": {"features": {"energy": vote}, "together": figures},
            "trees": trees,
            "robust": robust,
        }
    )
    assert f"| voice_detect | {its['auc']:.3f} [" in text
    assert "Its AUC is ahead of the trees' by 0.100 [0.000, 0.200]." in text
    assert "| zero-shot" not in text
    assert "| not said | " in text
    assert "| human alone | " in text
    assert "| 44100 Hz | " in text
    assert "| energy | 0.600 |  | 10 % | 20 % |" in text
    assert "| 0.050 [0.010, 0.090] |" in text
    columns = {
        (line.count("|"), block.split("\n")[0].count("|"))
        for block in text.split("\n\n")
        if block.startswith("|")
        for line in block.splitlines()
    }
    assert all(mine == header for mine, header in columns)


def test_who_is_accused_and_who_is_caught() -> None:
    answers = [
        said(0.9, synthetic=False, certain=True),
        said(0.6, synthetic=False),
        said(0.1, synthetic=False, certain=True),
        said(None, synthetic=False),
        said(0.9, synthetic=True, certain=True),
        said(0.2, synthetic=True, certain=True),
    ]
    assert share(answers, synthetic=False) == {
        "called": 50.0,
        "certain": 25.0,
        "certain_interval": [25.0, 25.0],
    }
    assert share(answers, synthetic=True)["certain"] == 50.0
    assert share(answers[:4], synthetic=True) == {}
    # Of 4 x 2 pairs, 0.9 above 0.6 and 0.1, tied with 0.9; 0.2 above 0.1.
    its = group(answers)
    assert its == {
        "human": 4,
        "synthetic": 2,
        "auc": 3.5 / 8,
        "eer": 0.5,
        "accused": 25.0,
        "caught": 50.0,
        "certain": 66.67,
        "right": 33.33,
    }
    assert group(answers[4:])["accused"] is None
    assert "auc" not in group(answers[4:])


def test_a_family_is_held_against_all_humans_and_within_its_pages() -> None:
    human = [said(0.5, synthetic=False), said(0.1, synthetic=False, page="two")]
    its = family([said(0.4, synthetic=True, page="two", certain=True)], human)
    assert (its["clips"], its["pages"]) == (1, 1)
    assert its["auc"] == 0.5
    assert its["within_pages"] == {"auc": 1.0, "auc_interval": [1.0, 1.0], "pages": 1}
    assert (its["caught"], its["certain"], its["right"]) == (0.0, 100.0, 0.0)


def test_certain_is_held_against_the_rest_over_pages() -> None:
    sure = [said(0.9, synthetic=True, certain=True, page=page) for page in ("one", "two")]
    rest = [said(chance, synthetic=True, page="one") for chance in (0.6, 0.4)]
    its = certainty([*sure, *rest])
    assert (its["coverage"], its["right"], its["right_else"]) == (50.0, 100.0, 50.0)
    assert (its["ahead"], its["ahead_interval"]) == (50.0, [50.0, 50.0])
    assert certainty(rest) == {"coverage": 0.0}


def test_nothing_but_refusals_is_a_report_too() -> None:
    its = report([said(None, synthetic=synthetic) for synthetic in (True, False)])
    assert (its["auc"], its["ece"], its["certain"]) == (0.0, 0.0, {"coverage": 0.0})
