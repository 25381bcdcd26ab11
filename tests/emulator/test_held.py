"""`halfgig invoke --plan`: with real cages, where this machine lets us make them."""

import json
import re

import pytest

from deploy import plans
from emulator import cages
from emulator.cages import CageUnavailable
from emulator.cages.groups import Groups
from tests.conftest import Say
from tests.tree import Tree


def by_kernel() -> bool:
    try:
        with Groups(512, 0.5):
            return True
    except CageUnavailable:
        return False


needs_kernel = pytest.mark.skipif(not by_kernel(), reason="Needs control groups of our own.")


def test_it_has_the_plans_memory(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", say("hello"), "--json", "--plan", "cloudrun-512")
    assert done.returncode == 0
    assert json.loads(done.stdout)["report"]["mem_limit_mb"] == 512
    (line,) = done.stderr.splitlines()
    with cages.choose(plans.load()["cloudrun-512"]) as cage:
        assert line.startswith(f"halfgig: cloudrun-512: {cage.enforces}")


def test_without_limits(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", say("hello"), "--plan", "none")
    assert done.returncode == 0
    assert done.stderr.startswith("halfgig: none: no limits: ")


@needs_kernel
def test_what_takes_too_much_memory_is_ended_and_told_of(tree: Tree, say: Say) -> None:
    done = tree.halfgig(
        "invoke", "echo", say("gorge"), say("fine"), "--json", "--plan", "cloudrun-512"
    )
    ended, fine = map(json.loads, done.stdout.splitlines())
    assert ended["report"]["status"] == 502
    # Pages of files that other processes read first are theirs to the kernel.
    assert 400 < ended["report"]["mem_peak_mb"] < 600
    assert fine["result"]["words"] == ["fine"]
    assert re.search(r"(?m)^Out of memory: echo, at request \w+$", done.stderr)
    assert "of 512 MB ('cloudrun-512')" in done.stderr
    assert "  3. " in done.stderr


@needs_kernel
def test_what_takes_too_long_for_want_of_cpu(hasty: Tree, say: Say) -> None:
    """Half a CPU second takes five seconds, and echo has four."""
    done = hasty.halfgig("invoke", "echo", say("burn"), "--json", "--plan", "free")
    assert json.loads(done.stdout)["error"]["status"] == 504
    assert "Timed out, for want of CPU: echo" in done.stderr
    assert "It was not memory" in done.stderr


def test_what_dies_of_itself_has_no_verdict(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", say("leave"), "nowhere.txt", "--plan", "standard")
    assert done.returncode == 1
    _, second, third = done.stderr.splitlines()
    assert "exit code 3" in second
    assert "no such file" in third


def test_a_plan_that_is_none(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", say("hello"), "--plan", "fre")
    assert done.returncode == 2
    assert "'--plan': 'fre' is no plan. Did you mean 'free'?" in done.stderr
