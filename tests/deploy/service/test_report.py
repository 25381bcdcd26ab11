"""The REPORT, its line, and what it measures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.service import memory
from deploy.service.report import Meter, Report

REPORT = Report(
    function="beats",
    start="cold",
    queue_s=0.0,
    init_s=0.614,
    duration_s=4.2,
    cpu_s=0.42,
    mem_peak_mb=84.3,
    mem_peak_exact=True,
    mem_limit_mb=512.0,
    tier="dsp",
    status=200,
    request_id="7",
)


def test_the_line() -> None:
    assert REPORT.line() == (
        "REPORT fn=beats start=cold queue=0.00s init=0.61s duration=4.20s cpu=0.42s "
        "mem_peak=84MB mem_limit=512MB tier=dsp status=200"
    )


def test_a_peak_that_may_be_an_earlier_ones_says_so() -> None:
    report = Report(**{**REPORT.as_dict(), "mem_peak_exact": False, "tier": None})
    assert "mem_peak<=84MB" in report.line()
    assert "tier=- " in report.line()


def in_a_process(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_meter_counts_the_processs_start_in_its_first_invocation_only() -> None:
    code = """
import time
end = time.process_time() + 0.3
while time.process_time() < end: pass
from deploy.service.report import Meter
meter = Meter("f")
meter.ready()
for n in range(2):
    meter.begin()
    print(meter.end(200, None, None).cpu_s)
"""
    cold, warm = map(float, in_a_process(code).split())
    assert cold > 0.3
    assert warm < 0.1


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Needs Linux's /proc.")
def test_the_peak_is_the_kernels() -> None:
    code = """
from deploy.service import memory
at_first = memory.peak_mb()
b"x" * 200 * 2**20
print(memory.peak_mb() - at_first)
print(memory.reset_peak())
print(memory.peak_mb() - at_first)
"""
    high, reset, low = in_a_process(code).split()
    assert 190 < float(high) < 230
    assert reset == "True"
    assert float(low) < 30


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Needs Linux's /proc.")
def test_what_another_process_has_resident() -> None:
    code = "import time; held = b'x' * 50 * 2**20; print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 50 < memory.resident_mb(process.pid) < 90
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert memory.resident_mb(process.pid) == 0  # a zombie
        process.wait()
        assert memory.resident_mb(process.pid) == 0


def test_without_proc_the_peak_is_the_processs(tmp_path: Path) -> None:
    assert memory.reset_peak(tmp_path / "gone") is False
    assert 5 < memory.peak_mb(tmp_path / "gone") < 5_000


def test_a_meter_where_the_peak_cannot_start_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "reset_peak", lambda: False)
    meter = Meter("f")
    reports = []
    for _ in range(2):
        meter.begin()
        reports.append(meter.end(200, None, None))
    assert [report.mem_peak_exact for report in reports] == [True, False]
