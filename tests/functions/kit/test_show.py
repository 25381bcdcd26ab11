"""The lines that results have in common."""

from functions.kit import show


def windows(*labels: str | None) -> show.Segments:
    return [{"start": 2.5 * i, "end": 2.5 * i + 5, "is": each} for i, each in enumerate(labels)]


def timeline(*labels: str | None) -> list[str]:
    return list(show.timeline(windows(*labels), "is", lambda its: f"{its[0]['is']} {len(its)}"))


def test_a_timeline_has_a_line_a_window() -> None:
    assert timeline("a", None, "a") == [
        "0:00.0 to 0:05.0 a 1",
        "0:02.5 to 0:07.5 -",
        "0:05.0 to 0:10.0 a 1",
    ]


def test_a_long_one_has_a_line_a_stretch_and_ends() -> None:
    assert timeline(*["a"] * 30, None) == ["0:00.0 to 1:17.5 a 30", "1:15.0 to 1:20.0 -"]
    many = timeline(*["a", "b"] * 30)
    assert len(many) == show.LINES + 1
    assert many[-1] == "and 36 more, up to 2:32.5"


def test_windows_stand_for_what_is_up_to_the_middle_of_their_overlap() -> None:
    assert show.spans(windows("a")) == [(0, 5)]
    assert show.spans(windows("a", "b", "c")) == [(0, 3.75), (3.75, 6.25), (6.25, 10)]


def test_bars_are_as_long_as_they_say() -> None:
    assert [show.bar(share, 4) for share in (0, 0.125, 0.5, 1)] == ["", "▌", "██", "████"]


def test_a_line_is_cut_and_has_no_blanks_at_its_end() -> None:
    assert show.lines([("a", ""), ("b", "c" * 90)], 20) == f"a\n{'b':<12}{'c' * 8}"
