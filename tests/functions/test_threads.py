"""A function's work is done on one thread, unless the environment says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.__main__ import clip
from functions.kit import manifest
from tests.tree import ROOT

FUNCTIONS = manifest.discover(ROOT / "functions")
RUN = """
import sys
from pathlib import Path
from functions.{name} import core
core.analyse(sys.argv[1])
print(len(list(Path("/proc/self/task").iterdir())))
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="Threads are counted in Linux's /proc."
)


def threads(name: str, **environ: str) -> int:
    kept = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(name=name), clip(FUNCTIONS[name])],
        cwd=ROOT,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_thread(name: str) -> None:
    assert threads(name) == 1


@pytest.mark.skipif(os.cpu_count() == 1, reason="One processor has one thread in any case.")
def test_the_environment_decides() -> None:
    assert threads("beats", OPENBLAS_NUM_THREADS="2") == 2
