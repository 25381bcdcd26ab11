"""A folder of one's own, by services that are killed."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.service.folder import LOCK, OwnFolder
from tests.service import running
from tests.tree import Tree

PREFIX = "halfgig-"


@pytest.fixture
def within() -> Iterator[Path]:
    """A folder with a short path, as sockets are in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_what_a_killed_service_left_is_removed_by_the_next(tree: Tree, within: Path) -> None:
    others = [within / f"{PREFIX}without-a-lock", within / "halfgi-another"]
    for each in others:
        each.mkdir()
    (others[1] / LOCK).touch()
    with running(tree.environ, within) as killed:
        [dead] = set(within.iterdir()) - set(others)
        assert killed.say("hello").status == 200
        with running(tree.environ, within) as lives:
            [living] = set(within.iterdir()) - {dead, *others}
            killed.process.send_signal(signal.SIGKILL)
            killed.process.wait()
            assert (dead / "bodies").is_dir()
            with running(tree.environ, within) as third:
                [own] = set(within.iterdir()) - {living, *others}
                assert own != dead
                assert lives.say("hello").status == third.say("hello").status == 200
    assert sorted(within.iterdir()) == sorted(others)


def test_what_cannot_be_removed_is_left_for_the_next(within: Path) -> None:
    dead, elsewhere = within / f"{PREFIX}dead", within / "elsewhere"
    for each in (dead, elsewhere):
        each.mkdir()
    (elsewhere / "kept").touch()
    (dead / LOCK).touch()
    (dead / "deep").mkdir()
    (dead / "deep" / "file").touch()
    (dead / "link").symlink_to(elsewhere)
    (within / f"{PREFIX}link").symlink_to(dead)
    with OwnFolder(PREFIX, within) as own:
        assert set(within.iterdir()) == {Path(own), elsewhere, within / f"{PREFIX}link"}
    assert (elsewhere / "kept").exists()


def test_one_that_is_in_use_stays(within: Path) -> None:
    with OwnFolder(PREFIX, within) as one, OwnFolder(PREFIX, within) as two:
        assert set(within.iterdir()) == {Path(one), Path(two)}
    assert list(within.iterdir()) == []
