import numpy as np
import pytest

from benchmarks import separation
from benchmarks.separation import auc, by_page, draws, eer, figures, lead, roc, within

PAGES = ["one", "one", "one", "two", "two", "two"]


def of(scores: list[float], positive: list[int]) -> tuple[float, float]:
    curve = roc(scores, positive)
    return float(auc(curve)[0]), float(eer(curve)[0])


@pytest.mark.parametrize(
    ("scores", "positive", "area", "error"),
    [
        ([4, 3, 2, 1], [1, 1, 0, 0], 1.0, 0.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0, 1.0),
        ([4, 3, 2, 1], [1, 0, 1, 0], 3 / 4, 1 / 2),
        # Of 2 x 3 pairs, 4 are in order. One negative of the three is above all: with that one
        # false, from all to none of the positives are missed.
        ([3, 2, 1.5, 1, 0], [0, 1, 1, 0, 0], 4 / 6, 1 / 3),
        # All are tied: a straight line, half right.
        ([5, 5, 5], [1, 0, 0], 1 / 2, 1 / 2),
        # Three pairs are in order and one is tied. Above the tie, half of the positives are missed
        # and nothing is false; below it, the other way round: half way, a quarter of each.
        ([3, 2, 2, 1], [1, 1, 0, 0], 7 / 8, 1 / 4),
        ([np.inf, 1, 2, -np.inf], [0, 0, 1, 1], 1 / 4, 1 / 2),
    ],
)
def test_it_is_what_is_counted_by_hand(
    scores: list[float], positive: list[int], area: float, error: float
) -> None:
    assert of(scores, positive) == pytest.approx((area, error))


def test_the_order_of_the_clips_and_the_scale_of_scores_are_nothing() -> None:
    random = np.random.default_rng(0)
    scores, positive = random.integers(0, 9, 60), random.integers(0, 2, 60)
    mixed = random.permutation(60)
    assert of(np.exp(scores[mixed]).tolist(), positive[mixed].tolist()) == pytest.approx(
        of(scores.tolist(), positive.tolist())
    )


def test_two_bells_err_as_the_theory_says() -> None:
    random = np.random.default_rng(0)
    scores = np.concatenate([random.normal(0, 1, 20_000), random.normal(2, 1, 20_000)])
    area, error = of(scores.tolist(), [0] * 20_000 + [1] * 20_000)
    assert area == pytest.approx(0.9214, abs=0.005)  # Phi(2 / sqrt 2)
    assert error == pytest.approx(0.1587, abs=0.005)  # Phi(-1)


def test_a_clip_that_counts_twice_is_two_clips() -> None:
    scores, positive = [4.0, 3.0, 2.0, 1.0], [1, 0, 1, 0]
    weighted = roc(scores, positive, np.array([[1.0, 2.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]]))
    twice = roc([4, 3, 3, 2], [1, 0, 0, 1])
    assert auc(weighted) == pytest.approx([auc(twice)[0], 3 / 4])
    assert eer(weighted) == pytest.approx([eer(twice)[0], 1 / 2])


def test_whole_pages_are_drawn() -> None:
    scores, positive = [3.0, 2.0, 1.0, 6.0, 5.0, 4.0], [1, 1, 0, 1, 0, 0]
    aucs, _ = draws(scores, positive, PAGES)
    assert len(aucs) == 10_000
    # One page twice: in order. Both: of 3 x 3 pairs, the three of the 6, and 3 and 2 above 1.
    assert set(np.round(aucs, 6)) == {round(1.0, 6), round(5 / 9, 6)}
    assert (aucs == 1.0).mean() == pytest.approx(0.5, abs=0.02)


def test_a_draw_without_one_of_the_classes_is_left_out() -> None:
    its = figures([3, 2, 1, 6, 5, 4], [1, 1, 0, 1, 1, 1], PAGES)
    assert its["auc"] == 1.0
    assert its["auc_interval"] == [1.0, 1.0]


def test_one_class_has_no_figures() -> None:
    assert figures([1, 2], [1, 1], ["one", "two"]) == {}
    assert by_page([1, 2], [1, 1], ["one", "two"]) == {}
    assert within([1, 2], [1, 1], ["one", "two"]) == {}


def test_within_pages_only_what_is_on_one_page_is_compared() -> None:
    scores, positive = [3.0, 2.0, 1.0, 6.0, 5.0, 4.0], [1, 1, 0, 0, 1, 0]
    assert by_page(scores, positive, PAGES) == {"one": 1.0, "two": 0.5}
    assert within(scores, positive, PAGES) == {
        "auc": 0.75,
        "auc_interval": [0.5, 1.0],
        "pages": 2,
    }


def test_a_lead_is_paired() -> None:
    scores, positive = [3.0, 2.0, 1.0, 6.0, 5.0, 4.0], [1, 1, 0, 1, 1, 0]
    assert lead(scores, scores, positive, PAGES) == (0.0, [0.0, 0.0])
    ahead, (low, high) = lead(scores, [0.0] * 6, positive, PAGES)
    assert ahead == separation.rounded(float(auc(roc(scores, positive))[0]) - 0.5)
    assert low <= ahead <= high
