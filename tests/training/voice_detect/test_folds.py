"""Pages are dealt whole, and to the part that has least."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training.voice_detect import folds


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1), st.integers(1, 5))
def test_no_page_is_in_two_parts(pages: list[str], parts: int) -> None:
    part = folds.deal(pages, parts)
    assert set(part.tolist()) <= set(range(parts))
    for page in set(pages):
        assert len({part[i] for i, name in enumerate(pages) if name == page}) == 1


def test_parts_are_of_one_size() -> None:
    pages = [
        page for page, count in zip("abcde", (8, 4, 4, 2, 6), strict=True) for _ in range(count)
    ]
    assert sorted(Counter(folds.deal(pages, 3).tolist()).values()) == [8, 8, 8]
