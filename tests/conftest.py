"""What every test shares: slow tests wait for CI, and a tree with a fourth function."""

import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.tree import Tree, edit

# What is started in the background may have them ignored, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A busy machine is no failure: no test asserts a time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CI"):
        return
    skip = pytest.mark.skip(reason="Slow: set CI=1 to run it.")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A copy of this tree in which the function `echo` was dropped, and nothing else done."""
    return Tree(tmp_path_factory.mktemp("copy") / "tree", Path(__file__).parent / "fourth" / "echo")


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Another, in which `echo` has four seconds to answer."""
    its = Tree(tmp_path_factory.mktemp("copy") / "tree", Path(__file__).parent / "fourth" / "echo")
    edit(its.root / "functions" / "echo" / "function.toml", "timeout_s = 60", "timeout_s = 4")
    return its


@pytest.fixture
def say(tmp_path: Path) -> "Say":
    """Makes files for `echo`."""
    return Say(tmp_path)


class Say:
    """Makes files with words in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, words: str) -> Path:
        path = self._folder / f"{re.sub('[ /]', '-', words) or 'nothing'}.txt"
        path.write_text(words)
        return path
