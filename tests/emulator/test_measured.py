"""Figures written into a function.toml that somebody wrote."""

import pytest

from emulator import measured
from functions.kit.manifest import ManifestError, Memory

TEXT = """\
name = "song"  # [memory] is further down
summary = "peak_mb = 3"

[limits]
bytes = 5

[memory]  # measured, and not by hand
idle_mb  =  1.5 # started
peak_mb=2

[[tiers]]
name = "large"
memory_mb = 300

[[tiers]]
name = "small"
memory_mb = 2 # peak_mb = 2
"""
MEMORY = Memory(idle_mb=48, peak_mb=114)


def test_only_the_figures_change() -> None:
    assert measured.written(TEXT, MEMORY, None, "small") == TEXT.replace("1.5 #", "48 #").replace(
        "peak_mb=2", "peak_mb=114"
    ).replace("memory_mb = 2 ", "memory_mb = 114 ")


def test_the_same_once_more_changes_nothing() -> None:
    once = measured.written(TEXT, MEMORY, None, "small")
    assert measured.written(once, MEMORY, None, "small") == once


def test_line_ends_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    unix = measured.written(TEXT, MEMORY, None, "small")
    assert measured.written(text, MEMORY, None, "small") == unix.replace("\n", "\r\n")


def test_no_tier_of_that_name() -> None:
    new = measured.written(TEXT, MEMORY, None, None)
    assert "memory_mb = 2 #" in new
    assert "peak_mb=114" in new


@pytest.mark.parametrize(
    "table", ["memory = {idle_mb = 1, peak_mb = 2}", "[ memory ]\nidle_mb = 1\npeak_mb = 2"]
)
def test_a_layout_that_is_not_understood(table: str) -> None:
    with pytest.raises(ManifestError, match="idle_mb = 48, peak_mb = 114"):
        measured.written(
            f'{table}\n[[tiers]]\nname = "small"\nmemory_mb = 2\n', MEMORY, None, "small"
        )


def test_the_cpu_is_put_after_the_memory() -> None:
    new = measured.written(TEXT, MEMORY, 0.0021, "small")
    added = "[cpu]  # measured: CPU seconds that a second of audio costs\nper_s = 0.0021\n\n"
    rest = measured.written(TEXT, MEMORY, None, "small")
    assert new == rest.replace("[[tiers]]", f"{added}[[tiers]]", 1)
    assert "per_s = 0.003\n" in measured.written(new, MEMORY, 0.003, "small")
    assert measured.written(new, MEMORY, None, "small") == new


def test_a_file_that_ends_with_the_memory() -> None:
    text = '[[tiers]]\nname = "small"\nmemory_mb = 1\n[memory]\nidle_mb = 1\npeak_mb = 2'
    new = measured.written(f"{text}\n", MEMORY, 0.5, "small")
    assert new.endswith(
        "peak_mb = 114\n[cpu]  # measured: CPU seconds that a second of audio "
        "costs\nper_s = 0.5\n\n"
    )
    with pytest.raises(ManifestError, match=r"per_s = 0\.5"):
        measured.written(text, MEMORY, 0.5, "small")
