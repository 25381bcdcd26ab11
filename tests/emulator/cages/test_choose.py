"""The strongest cage that is possible."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import cgroups, plans
from emulator import cages

FREE = plans.load()["free"]
ROOT = Path(__file__).parents[3]


def test_no_plan_is_no_limit() -> None:
    with cages.choose(None) as cage:
        assert cage.kind == "none"
        process = cage.start([sys.executable, "-c", "print('in')"], stdout=subprocess.PIPE)
        assert process.communicate() == (b"in\n", None)


def test_the_kernel_comes_first() -> None:
    if cgroups.own("memory") is None or os.geteuid() != 0:
        pytest.skip("Control groups take root here.")
    with cages.choose(FREE) as cage:
        assert cage.kind.startswith("control groups")
    assert cages.why_not(FREE) == {}


def test_where_nothing_else_can_be_there_is_a_watchdog(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroups, "own", lambda *_: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with cages.choose(FREE) as cage:
        assert cage.kind == "a watchdog"
    assert cages.why_not(FREE) == {
        "control groups": "This system has no control group for 'memory'.",
        "systemd-run": "There is no command 'systemd-run'.",
        "docker": "There is no command 'docker'.",
    }


def test_a_user_who_may_make_no_group() -> None:
    if os.geteuid() != 0:
        pytest.skip("This takes root, to become somebody who is not.")
    code = "import os; from deploy import plans; from emulator import cages\n"
    code += "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    code += "print(cages.why_not(plans.load()['free'])['control groups'])\n"
    code += "with cages.choose(plans.load()['free']) as cage: print(cage.kind)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd="/", capture_output=True, text=True
    )
    why, kind = done.stdout.splitlines()
    assert "(Permission denied); that takes root, or a control group delegated" in why
    assert kind in ("a watchdog", "docker", "systemd-run")
