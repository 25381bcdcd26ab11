from xml.etree import ElementTree

import pytest

from benchmarks import risk


def test_the_surest_come_first() -> None:
    coverage, wrong = risk.curve([0.1, 0.9, 0.5, 0.3], [0, 1, 1, 0])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert wrong.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 2])


def test_equally_sure_ones_come_in_together() -> None:
    coverage, wrong = risk.curve([0.5, 0.5, 0.5, 0.9], [1, 0, 0, 1])
    assert coverage.tolist() == [0.25, 1.0]
    assert wrong.tolist() == [0.0, 0.5]


def test_a_better_order_has_less_risk_under_it() -> None:
    right = [1, 1, 0, 0]
    good = risk.area(*risk.curve([4, 3, 2, 1], right))
    assert good == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert good < risk.area(*risk.curve([1, 1, 1, 1], right)) == 0.5


def test_points_are_even_steps_of_coverage() -> None:
    coverage, wrong = risk.curve([5, 4, 3, 2, 1], [1, 1, 1, 1, 0])
    assert risk.points(coverage, wrong, 2) == [(0.6, 0.0), (1.0, 0.2)]


def test_certain_is_held_against_the_rest() -> None:
    its = risk.certainty([1, 1, 0, 0, 0], [1, 1, 1, 0, 0])
    assert its == {"coverage": 40.0, "right": 100.0, "right_else": 33.33, "ahead": 66.67}
    assert "right on 100.0 % of them, against 33.3 % of the rest: 66.7 points [1.0, 2.0]." in (
        risk.sentence({**its, "ahead_interval": [1.0, 2.0]})
    )


def test_all_alike_is_no_comparison() -> None:
    assert risk.certainty([1, 1], [1, 0]) == {"coverage": 100.0}
    assert risk.certainty([0, 0], [1, 0]) == {"coverage": 0.0}


def test_the_picture_is_drawn() -> None:
    drawing = ElementTree.fromstring(risk.picture([(0.5, 0.1), (1.0, 0.3)], (0.6, 0.15), "here"))
    texts = [element.text for element in drawing.iter() if element.tag.endswith("text")]
    assert "here" in texts
    assert "30 %" in texts
