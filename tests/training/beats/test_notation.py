import pytest

from training.beats.notation import Hit, parse


def test_a_cell_is_a_beat_and_its_characters_divide_it() -> None:
    pattern = parse("bd x...|..x. / hh xx*2")
    assert pattern.beats == 2
    lines = dict(pattern.lines)
    assert [hit.beat for hit in lines["bd"]] == [0, 1.5]
    assert [hit.beat for hit in lines["hh"]] == [0, 0.5, 1, 1.5]


def test_a_dash_holds_the_hit_before_it() -> None:
    assert parse("bass 1-|--|5.").lines == (("bass", (Hit(0, 2, "1"), Hit(2, 0.5, "5"))),)


def test_a_shorter_line_repeats() -> None:
    lines = dict(parse("bd x|.|.|. / hh xx").lines)
    assert len(lines["hh"]) == 8


def test_lines_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"Line 'hh' .* has 3 beats"):
        parse("bd x*4 / hh x*3")
