import sys
from pathlib import Path

import pytest

from benchmarks import measure

BURN = "import time\nwhile time.process_time() < 0.4: pass"


def test_memory_and_cpu_are_those_of_the_command_alone(tmp_path: Path) -> None:
    mine = bytearray(300 * 2**20)
    mine[:: 2**12] = b"x" * len(mine[:: 2**12])
    idle = measure.cost([sys.executable, "-c", "pass"], tmp_path)
    big = measure.cost([sys.executable, "-c", "x = b'x' * (100 * 2**20)"], tmp_path)
    busy = measure.cost([sys.executable, "-c", BURN], tmp_path)
    assert idle.peak_mb < 40
    assert big.peak_mb - idle.peak_mb == pytest.approx(100, abs=5)
    assert 0.4 <= busy.cpu_s < 0.8
    assert (idle.code, idle.complaint) == (0, "")


def test_a_failure_is_told_with_its_last_words(tmp_path: Path) -> None:
    failed = measure.cost([sys.executable, "-c", "raise SystemExit('no such song')"], tmp_path)
    assert (failed.code, failed.complaint) == (1, "no such song")
