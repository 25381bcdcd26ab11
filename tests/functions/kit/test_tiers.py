"""The best tier that works is used, and says why better ones were not."""

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.kit import tiers
from functions.kit.manifest import Limits, Manifest, Memory, Tier

GOOD = hashlib.sha256(b"good").hexdigest()
Make = Callable[..., Manifest]


@pytest.fixture
def make(tmp_path: Path, limits: Limits) -> Make:
    """A manifest with these tiers, in a folder that has `good` with "good" in it."""
    (tmp_path / "good").write_bytes(b"good")

    def make(*its: Tier) -> Manifest:
        return Manifest(
            name="tiny",
            summary="It is.",
            target="handle",
            folder=tmp_path,
            media_types=(),
            limits=limits,
            timeout_s=1,
            concurrency=1,
            idle_stop_s=1,
            memory=Memory(1, 1),
            tiers=its,
            requires=(),
            exports=(),
        )

    return make


def read(path: Path | None) -> bytes:
    assert path is not None
    return path.read_bytes()


def fail(path: Path | None) -> bytes:
    raise RuntimeError("Its opset is 99;\n  not one that is known.")


def test_the_first_that_works_is_used(make: Make) -> None:
    manifest = make(Tier("best", 1, "good", GOOD), Tier("other", 1))
    choice = tiers.choose(manifest, {"best": read, "other": fail})
    assert choice == tiers.Choice(b"good", "best", ())


def test_each_that_does_not_is_passed_over_with_the_reason(make: Make, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(b"goo")
    (tmp_path / "folder").mkdir()
    manifest = make(
        Tier("absent", 1, "gone", GOOD),
        Tier("unreadable", 1, "folder", GOOD),
        Tier("swapped", 1, "cut", GOOD),
        Tier("broken", 1, "good", GOOD),
        Tier("unknown", 1),
        Tier("plain", 1),
        Tier("never", 1),
    )
    seen: list[Any] = []
    loaders: dict[str, Any] = dict.fromkeys(("absent", "unreadable", "swapped", "never"), read)
    choice = tiers.choose(manifest, {**loaders, "broken": fail, "plain": seen.append})
    assert seen == [None]
    assert (choice.loaded, choice.tier) == (None, "plain")
    assert {each["tier"]: each["reason"] for each in choice.passed_over} == {
        "absent": "'gone' is not there.",
        "unreadable": "'folder' cannot be read: Is a directory.",
        "swapped": "'cut' is not what function.toml names: its sha256 begins "
        f"{hashlib.sha256(b'goo').hexdigest()[:12]}.",
        "broken": "It does not load: RuntimeError: Its opset is 99; not one that is known.",
        "unknown": "Nothing here loads it.",
    }


def test_where_none_works_each_reason_is_said(make: Make) -> None:
    manifest = make(Tier("absent", 1, "gone", GOOD), Tier("broken", 1))
    with pytest.raises(tiers.NoModel) as caught:
        tiers.choose(manifest, {"absent": read, "broken": fail})
    assert (caught.value.status, caught.value.reason) == (503, "no_model")
    assert caught.value.detail == (
        "'tiny' has no model that can be used. absent: 'gone' is not there. "
        "broken: It does not load: RuntimeError: Its opset is 99; not one that is known."
    )


def test_a_file_that_is_not_the_one_is_never_read(make: Make, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"evil")
    read_anyway: list[Any] = []
    with pytest.raises(tiers.NoModel, match="its sha256 begins"):
        tiers.choose(make(Tier("best", 1, "good", GOOD)), {"best": read_anyway.append})
    assert read_anyway == []


def test_once_is_once_for_all_threads(make: Make) -> None:
    loads: list[Path | None] = []

    def slow(path: Path | None) -> int:
        loads.append(path)
        time.sleep(0.1)
        return len(loads)

    once = tiers.Once(make(Tier("slow", 1)), {"slow": slow})
    assert loads == []
    threads = [threading.Thread(target=once) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert once().loaded == len(loads) == 1


def test_what_failed_is_tried_again(make: Make, tmp_path: Path) -> None:
    once = tiers.Once(make(Tier("late", 1, "late", GOOD)), {"late": read})
    with pytest.raises(tiers.NoModel):
        once()
    (tmp_path / "late").write_bytes(b"good")
    assert once().loaded == b"good"
