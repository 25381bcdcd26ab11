"""What memory there is for functions."""

import os
import sys
from pathlib import Path

import pytest

from deploy import plans
from deploy.service import budget
from deploy.service.memory import MB
from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups
from tests.tree import ROOT

PLAN = plans.load()["free"]
MOUNTS = """\
22 1 0:20 / / rw - ext4 /dev/root rw
23 22 0:21 / /tmp rw - tmpfs tmpfs rw
24 23 0:22 / /tmp/on\\040disk rw - ext4 /dev/root rw
"""


def test_without_a_control_group_it_is_what_the_plan_says(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("")
    (tmp_path / "mountinfo").write_text("")
    assert budget.limit_mb(PLAN, tmp_path) == PLAN.memory_mb


def test_a_control_group_has_the_last_word() -> None:
    try:
        with Groups(memory_mb=300, cpus=1.0) as cage:
            command = (
                "from deploy import plans; from deploy.service import budget\n"
                "print(budget.limit_mb(plans.load()['free']))"
            )
            process = cage.start([sys.executable, "-c", command], stdout=-1, text=True, cwd=ROOT)
            out, _ = process.communicate(timeout=60)
    except CageUnavailable as why:
        pytest.skip(str(why))
    assert float(out) == 300


def test_the_service_itself_and_a_reserve_are_left_out(tmp_path: Path) -> None:
    available_mb = budget.Available(100_000.0, tmp_path, lambda: 0)
    alone = available_mb(0.0)
    assert 0 < alone < 100_000 * (1 - budget.RESERVE)
    assert available_mb(40.0) == pytest.approx(alone - 40, abs=5)
    assert budget.Available(10.0, tmp_path, lambda: 0)(0.0) == 0.0


def test_bodies_count_where_they_are_in_memory() -> None:
    shared = Path("/dev/shm")
    if not budget.in_memory(shared):
        pytest.skip("There is no file system in memory at /dev/shm.")
    with_bodies = budget.Available(100_000.0, shared, lambda: 100 * MB)(0.0)
    without = budget.Available(100_000.0, shared, lambda: 0)(0.0)
    assert with_bodies == pytest.approx(without - 100, abs=5)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("/", False), ("/tmp", True), ("/tmp/x", True), ("/tmp/on disk/x", False), ("/tmpx", False)],
)
def test_which_file_systems_are_in_memory(folder: str, expected: bool) -> None:
    assert budget.in_memory(Path(folder), MOUNTS) is expected


def test_it_is_this_process_that_is_counted(tmp_path: Path) -> None:
    available_mb = budget.Available(100_000.0, tmp_path, lambda: 0)
    before = available_mb(0.0)
    held = bytearray(os.urandom(MB)) * 100
    assert before - available_mb(0.0) > 90
    del held
