"""`halfgig bench`: real load on a real service, in the cage of a plan where there can be one."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulator.cages import CageUnavailable
from emulator.cages.groups import Groups
from tests.conftest import Say
from tests.tree import Tree


@pytest.fixture(scope="module")
def caged() -> None:
    try:
        with Groups(64, 0.5):
            pass
    except CageUnavailable as error:
        pytest.skip(f"No control group here: {error}")


def bench(tree: Tree, *args: str | Path) -> "subprocess.CompletedProcess[str]":
    return tree.halfgig("bench", "echo", *args)


def machine(tree: Tree, *args: str | Path) -> Any:
    done = bench(tree, *args, "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line)


@pytest.mark.usefixtures("caged")
def test_work_ends_with_the_cpu_of_the_plan(tree: Tree, say: Say) -> None:
    its = machine(tree, say("burn"), "--plan", "starter", "--for", "4")
    assert its["kind"].startswith("control groups")
    assert (its["not_enforced"], its["failures"]) == ([], {})
    assert its["cold"]["count"] >= 1
    assert its["warm"]["count"] >= 2
    assert its["cold"]["p50"] <= its["cold"]["p95"] <= its["cold"]["max"]
    assert 0.5 <= its["cpu_s"] < 0.8
    assert its["cold_cpu_s"] > 0.5
    assert its["capacity"]["first"] == "CPU"
    assert its["capacity"]["rate"] == pytest.approx(0.95 * 0.5 / its["cpu_s"], rel=0.01)
    assert its["throttled"] > 0 or its["others"] > 0.5  # Who gets no CPU anyhow is denied none.
    assert 10 < its["function_peak_mb"] < its["peak_mb"] < 512


def test_waiting_ends_with_the_queue(tree: Tree, say: Say) -> None:
    """Two seconds each, of which hardly any is CPU; and one at a time."""
    its = machine(tree, say("slow"), "--plan", "standard", "--rate", "2", "--for", "2")
    assert its["capacity"]["first"] == "queue"
    assert its["capacity"]["rate"] < 0.5
    assert (its["rate"], its["clients"]) == (2, None)
    assert its["warm"]["count"] == 4
    assert its["warm"]["max"] > 6
    assert (its["checks"], its["held_rate"]) == ([], None)


def test_a_rate_is_tried_where_there_is_time(tree: Tree, say: Say) -> None:
    its = machine(tree, say("hello"), "--plan", "none", "--for", "1", "--clients", "2")
    first, *_ = checks = its["checks"]
    assert first["rate"] == its["capacity"]["rate"] > 4
    assert first["calls"] >= 4
    assert first["latencies"]["count"] == first["answered"]
    # Less is tried only after what did not hold.
    assert [check["held"] for check in checks[:-1]] == [False] * (len(checks) - 1)
    assert its["held_rate"] == (checks[-1]["rate"] if checks[-1]["held"] else None)
    assert its["plan"] is None


@pytest.mark.usefixtures("caged")
def test_plans_are_beside_each_other(tree: Tree, say: Say) -> None:
    options = ("--plan", "starter", "--compare", "standard,starter", "--for", "1")
    done = bench(tree, say("hello"), say("burn"), *options)
    assert done.returncode == 0, done.stderr
    first, table, notes = done.stdout.split("\n\n")
    assert first == "echo: hello.txt, burn.txt; 1 at a time for 1 s"
    head, *rows = table.splitlines()
    assert head.split() == ["starter", "standard"]
    assert rows[0].split() == ["memory", "512", "MB", "2048", "MB"]
    assert rows[1].split() == ["CPU", "0.5", "1"]
    failed = next(row for row in rows if row.startswith("failed"))
    assert failed.split() == ["failed", "none", "none"]
    assert notes.startswith("The plan is enforced by control groups")


def test_what_takes_all_memory_bears_none(tree: Tree, say: Say) -> None:
    done = bench(tree, say("gorge"), "--plan", "starter", "--for", "1", "--json")
    assert done.returncode == 1
    assert done.stderr == ""
    its = json.loads(done.stdout)
    assert its["cold"]["count"] == its["warm"]["count"] == 0
    assert set(its["failures"]) == {"memory"}
    assert its["capacity"] == {"rate": 0.0, "first": "memory"}
    assert 100 < its["function_peak_mb"] < 512


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--rate", "1", "--clients", "2"], "give one of them"),
        (["--compare", "startr"], "'startr' is no plan. Did you mean 'starter'?"),
        (["--clients", "1000"], "1<=x<=32"),
        (["--for", "0"], "1<=x<=600"),
    ],
)
def test_what_cannot_be_asked(tree: Tree, say: Say, args: list[str], says: str) -> None:
    done = bench(tree, say("hello"), *args)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_file_that_is_not_there(tree: Tree) -> None:
    done = bench(tree, "gone.txt")
    assert done.returncode == 1
    assert done.stderr == "halfgig: gone.txt: There is no such file.\n"


def test_without_a_file_there_must_be_a_demo(tree: Tree) -> None:
    done = bench(tree)
    assert done.returncode == 1
    assert done.stderr == (
        "halfgig: There is no 'demo/clip.ogg' here. Name a file: halfgig bench echo FILE.\n"
    )
