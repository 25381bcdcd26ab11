import numpy as np
import pytest

from benchmarks.score import Estimate, Reference, Score, figures, reliability, score

TRUE = np.arange(0.0, 30.0, 0.5)
REFERENCE = Reference(TRUE, TRUE[::4], 4, 120.0)


def test_the_right_beats_score_everything() -> None:
    one = score(REFERENCE, Estimate(TRUE.tolist(), TRUE[::4].tolist(), 4, 120.0))
    assert (one.f, one.cmlt, one.amlt, one.downbeat_f) == (1.0, 1.0, 1.0, 1.0)
    assert one.tempo1
    assert one.bar_right


def test_twice_the_tempo_is_right_only_where_octaves_are_allowed() -> None:
    one = score(REFERENCE, Estimate(np.arange(0.0, 30.0, 0.25).tolist()))
    assert one.f == pytest.approx(2 / 3, abs=0.01)
    assert one.cmlt == 0.0
    assert one.amlt == pytest.approx(1.0, abs=0.03)
    assert (one.tempo1, one.tempo2) == (False, True)


@pytest.mark.parametrize("beats", [[], [7.0]])
def test_no_answer_scores_nothing(beats: list[float]) -> None:
    one = score(REFERENCE, Estimate(beats))
    assert (one.cmlt, one.amlt, one.tempo2) == (0.0, 0.0, False)
    assert one.f < 0.1
    assert one.downbeat_f is None


def test_the_first_five_seconds_do_not_count() -> None:
    late = [time for time in TRUE if time >= 5]
    assert score(REFERENCE, Estimate([0.2, 3.3, *late])).f == 1.0


def test_figures_are_means_of_what_is_known() -> None:
    scores = [
        Score(f=1.0, cmlt=1.0, amlt=1.0, tempo1=True, tempo2=True, downbeat_f=0.5),
        Score(f=0.5, cmlt=0.0, amlt=1.0, tempo1=False, tempo2=True),
    ]
    its = figures(scores)
    assert (its["f"], its["cmlt"], its["amlt"]) == (75.0, 50.0, 100.0)
    assert (its["downbeat_f"], its["downbeat_answered"]) == (50.0, 1)


def test_calibration_compares_confidence_with_how_often_it_is_right() -> None:
    def of(f: float, confidence: float | None) -> Score:
        return Score(f, f, f, tempo1=True, tempo2=True, confidence=confidence)

    table, error = reliability([of(0.9, 0.9), of(0.3, 0.9), of(0.2, 0.1), of(0.9, None)])
    assert [(one.clips, one.right) for one in table] == [(1, 0.0), (2, 0.5)]
    assert error == pytest.approx((0.1 * 1 + 0.4 * 2) / 3)
