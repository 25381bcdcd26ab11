"""Steps run to their result, tell how far they are, and are closed whatever happens."""

import pytest

from functions.kit.steps import Progress, Steps, finish

ended: list[str] = []


def count(to: int) -> Steps[int]:
    ended.clear()
    try:
        for number in range(to):
            yield Progress("count", number / to)
        return to
    finally:
        ended.append("count")


def test_the_result_and_the_progress() -> None:
    seen: list[Progress] = []
    assert finish(count(2), seen.append) == 2
    assert seen == [Progress("count", 0.0), Progress("count", 0.5)]
    assert finish(count(0)) == 0


def test_an_error_in_the_callback_ends_the_work() -> None:
    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finish(count(2), stop)
    assert ended == ["count"]


def test_an_error_in_the_work_is_raised() -> None:
    def fail() -> Steps[int]:
        yield Progress("fail", None)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        finish(fail())
