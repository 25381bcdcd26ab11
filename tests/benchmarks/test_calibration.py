import numpy as np
import pytest

from benchmarks import calibration
from benchmarks.calibration import Bin


def test_clips_lie_in_the_bin_of_their_confidence() -> None:
    assert calibration.table([0.0, 0.19, 0.2, 1.0], [0, 1, 1, 1], 5) == [
        Bin(0.0, 0.2, 2, 0.095, 0.5),
        Bin(0.2, 0.4, 1, 0.2, 1.0),
        Bin(0.8, 1.0, 1, 1.0, 1.0),
    ]


def test_the_error_weighs_bins_by_their_clips() -> None:
    table = calibration.table([0.9, 0.9, 0.9, 0.5], [1, 1, 0, 0], 15)
    assert calibration.error(table) == pytest.approx((3 * (0.9 - 2 / 3) + 0.5) / 4)


def test_sure_and_right_is_no_error() -> None:
    assert calibration.error(calibration.table([1.0, 1.0], [1, 1], 15)) == 0.0
    assert calibration.error(calibration.table([], [], 15)) == 0.0


def test_chances_that_are_what_they_say_have_hardly_an_error() -> None:
    random = np.random.default_rng(0)
    chances = random.uniform(size=20_000)
    hits = random.uniform(size=20_000) < chances
    assert calibration.error(calibration.table(chances, hits, 15)) < 0.02
