"""The REPORT is true: of what was touched and burnt on purpose, and beside the kernel's count."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.service import memory
from tests.conftest import Say
from tests.tree import Tree

TIME = "/usr/bin/time"
BURN_S = 6
"""So much CPU that what one start takes more than another is little beside it."""
LONE = """
import io, sys
import functions_framework, waitress
from deploy.service import host
from functions.echo import core
for _ in core.steps(io.BytesIO(sys.argv[1].encode())): pass
"""
"""Imports what an invocation's process does, and does the same work."""

needs_peaks = pytest.mark.skipif(
    not memory.reset_peak(), reason="This system cannot start a process's peak anew."
)


def reports(tree: Tree, say: Say, *words: str) -> list[dict[str, Any]]:
    done = tree.halfgig("invoke", "echo", "--json", *map(say, words))
    return [json.loads(line)["report"] for line in done.stdout.splitlines()]


def true_to(mb: float) -> Any:
    return pytest.approx(mb, rel=0.05, abs=3)


@needs_peaks
@pytest.mark.parametrize("mb", [30, 400])
def test_memory_that_is_touched(tree: Tree, say: Say, mb: int) -> None:
    (cold,) = reports(tree, say, f"touch={mb}")
    first, warm, after = reports(tree, say, "first", f"touch={mb}", "after")
    assert warm["mem_peak_mb"] - after["mem_peak_mb"] == true_to(mb)
    assert cold["mem_peak_mb"] - first["mem_peak_mb"] == true_to(mb)
    assert (cold["start"], warm["start"]) == ("cold", "warm")


def test_cpu_that_is_burnt(tree: Tree, say: Say) -> None:
    (cold,) = reports(tree, say, f"burn={BURN_S}")
    first, warm = reports(tree, say, "first", f"burn={BURN_S}")
    assert warm["cpu_s"] == pytest.approx(BURN_S, rel=0.05)
    assert cold["cpu_s"] == pytest.approx(BURN_S + first["cpu_s"], rel=0.05)


@pytest.mark.skipif(shutil.which(TIME) is None, reason="Needs GNU time.")
def test_a_lone_process_that_does_the_same(tree: Tree, say: Say, tmp_path: Path) -> None:
    words = f"touch=200 burn={BURN_S}"
    (report,) = reports(tree, say, words)
    out = tmp_path / "time.txt"
    command = [TIME, "-v", "-o", str(out), sys.executable, "-P", "-c", LONE, words]
    subprocess.run(command, env=tree.environ, check=True, capture_output=True)
    told = dict(re.findall(r"(?m)^\s*(.+?): ([\d.]+)$", out.read_text()))
    assert report["mem_peak_mb"] == true_to(int(told["Maximum resident set size (kbytes)"]) / 1024)
    cpu_s = float(told["User time (seconds)"]) + float(told["System time (seconds)"])
    assert report["cpu_s"] == pytest.approx(cpu_s, rel=0.05)
