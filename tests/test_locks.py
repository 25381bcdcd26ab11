"""Every pin is the lock's, and each list is whole: nothing missing, nothing needless."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy import lock
from functions.kit import manifest
from tests.closure import canonical, closure
from tests.tree import ROOT, Tree

FUNCTIONS = manifest.discover(ROOT / "functions")
LOCKED = lock.pins((ROOT / "requirements.lock").read_text())
RUN = lock.pins((ROOT / "requirements-run.lock").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def needed_here(path: Path) -> set[str]:
    """The names that `path` lists for this Python on this system."""
    lines = re.findall(r"(?m)^(\w[^\\\n]*)", path.read_text())
    requirements = map(Requirement, lines)
    return {
        canonical(each.name)
        for each in requirements
        if each.marker is None or each.marker.evaluate()
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_requirements(name: str) -> None:
    path = FUNCTIONS[name].folder / "requirements.txt"
    pins = lock.pins(path.read_text())
    assert pins == {each: LOCKED[each] for each in pins}
    assert needed_here(path) == closure(FUNCTIONS[name].requires)


def test_the_run_lock() -> None:
    assert {each: LOCKED[each] for each in RUN} == RUN
    wanted = {name for function in FUNCTIONS.values() for name in function.requires}
    wanted |= {*lock.OWN, *lock.BUILD}
    assert needed_here(ROOT / "requirements-run.lock") == closure(wanted)


def test_the_lock_has_what_development_needs() -> None:
    wanted = {*RUN, *PROJECT["dependency-groups"]["dev"]}
    assert needed_here(ROOT / "requirements.lock") == closure(wanted)


def test_the_packages_dependencies_are_what_functions_and_tools_require() -> None:
    wanted = {name for function in FUNCTIONS.values() for name in function.requires}
    names = sorted({*lock.OWN, *wanted})
    assert PROJECT["project"]["dependencies"] == [f"{name}=={LOCKED[name]}" for name in names]


def test_the_extras_can_be_installed_beside_the_lock() -> None:
    for extra in PROJECT["project"]["optional-dependencies"].values():
        for requirement in map(Requirement, extra):
            assert requirement.specifier.contains(LOCKED[canonical(requirement.name)])


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-run.lock"])
def test_every_pin_has_hashes_and_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "file:" not in text
    assert "/" not in text
    blocks = re.split(r"(?m)^(?=\w)", text)[1:]
    assert len(blocks) == len(lock.pins(text))
    assert all("--hash=sha256:" in block for block in blocks)


def test_a_function_that_was_dropped_in_is_held_to_its_own(tree: Tree) -> None:
    functions = manifest.discover(tree.root / "functions")
    assert set(functions) == {*FUNCTIONS, "echo"}
    assert needed_here(functions["echo"].folder / "requirements.txt") == closure(
        functions["echo"].requires
    )
