import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import clips, service
from benchmarks.service import Answer, Highest, Web
from tests.service import until

SERVER = [
    sys.executable,
    "-c",
    "import http.server, os\n"
    'print(\'{"event": "hello"}\', flush=True)\n'
    "server = http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])),"
    " http.server.SimpleHTTPRequestHandler)\n"
    "server.serve_forever()",
]


def test_a_server_is_started_asked_and_ended(tmp_path: Path) -> None:
    with service.running(SERVER) as web:
        web.wait()
        assert web.ask("GET", "/README.md").body == (clips.ROOT / "README.md").read_bytes()
        assert web.ask("GET", "/nothing").status == 404
        assert web.pids() == [web.process.pid]
        assert web.log("hello") == [{"event": "hello"}]
        assert web.log("other") == []
    assert web.process.returncode is not None


def test_one_that_ends_is_not_waited_for() -> None:
    with (
        service.running([sys.executable, "-c", "raise SystemExit(3)"]) as web,
        pytest.raises(RuntimeError, match="It ended with 3"),
    ):
        web.wait()


def test_an_answer_that_is_not_200_is_no_measurement() -> None:
    with service.running(SERVER) as web:
        web.wait()
        with pytest.raises(RuntimeError, match="beats answered 501"):
            web.post("beats", b"")


def test_server_timing_is_read() -> None:
    answer = Answer(200, {"server-timing": "queue;dur=1.5, init;dur=0.0, fn;dur=104.8"}, b"", 0.1)
    assert answer.timings == pytest.approx({"queue": 0.0015, "init": 0.0, "fn": 0.1048})
    assert Answer(200, {}, b"", 0.1).timings == {}


def test_descendants_are_found_and_can_be_ended() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        web = Web(process, 0, Path(os.devnull), 0.0)
        until(lambda: len(web.pids()) == 2)
        parent, child = web.pids()
        assert parent == process.pid
        web.end(lambda: [pid for pid in web.pids() if pid == child])
        process.wait()


def test_the_highest_value_is_kept() -> None:
    values = [1.0, 7.0, 3.0]
    with Highest(lambda: values.pop(0) if len(values) > 1 else values[0], every_s=0.001) as seen:
        until(lambda: len(values) == 1)
    assert seen.highest == 7.0


def test_cpu_and_memory_of_a_process() -> None:
    before = service.cpu_s(os.getpid())
    sum(range(1_000_000))
    assert service.cpu_s(os.getpid()) > before
    assert 1 < service.smaps_mb(os.getpid()) < 10_000
    assert service.cpu_s(2**22 + 1) == 0.0


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [([3, 1, 2], 0.5, 2), ([1, 2, 3, 4], 0.5, 2), ([5], 0.99, 5), (range(1, 101), 0.99, 99)],
)
def test_quantiles(values: list[float], part: float, expected: float) -> None:
    assert service.quantile(values, part) == expected
    assert service.quantile(values, 1.0) == max(values)


def test_spread() -> None:
    assert service.spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}


def test_what_is_kept_says_how_busy_the_machine_was(tmp_path: Path) -> None:
    service.keep(tmp_path / "results" / "its.json", {"a": 1})
    assert '"load_average"' in (tmp_path / "results" / "its.json").read_text()
