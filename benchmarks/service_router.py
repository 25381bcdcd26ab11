"""What the router itself takes: memory, CPU a small request, and memory while it takes an upload.

    python -m benchmarks.service_router

The proportional set size is after a first 200 requests; CPU is of the router's own process, a
request being one to a warm function, on a connection of its own or on one that is kept; and the
upload is a song of 50 MB. One function does nothing with 1 kB, and one finds the emotion in 3 s:
after that nothing of the router's is in the processor's caches any more.
"""

import http.client
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import clips, service
from benchmarks.service import Highest, Web, cpu_s, smaps_mb
from deploy.service import memory
from emulator.cages.cage import MB

FUNCTION = "emotion"
FIRST = 200
UPLOAD_MB = 50
WAV_MB_A_MINUTE = 44_100 * 2 * 2 * 60 / MB
HEADERS = {"Content-Type": "application/octet-stream"}
NOTHING = Path(__file__).parent / "nothing"
NOTHING_BYTES = 1_000
ROUNDS = 5


@contextmanager
def kept(web: Web, function: str, audio: bytes) -> Iterator[Callable[[], None]]:
    """What asks `function` on one and the same connection, each time it is called."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port)

    def ask() -> None:
        connection.request("POST", f"/{function}", audio, HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{function} answered {answer.status}.")

    try:
        yield ask
    finally:
        connection.close()


def cost_ms(web: Web, ask: Callable[[], object], requests: int) -> dict[str, float]:
    """CPU of the router and of the function's process, a request. An idle one's is part of it."""
    router, (host,) = web.process.pid, web.hosts()
    before = cpu_s(router), cpu_s(host)
    start = time.monotonic()
    for _ in range(requests):
        ask()
    return {
        "router_cpu_ms": round(1000 * (cpu_s(router) - before[0]) / requests, 3),
        "function_cpu_ms": round(1000 * (cpu_s(host) - before[1]) / requests, 3),
        "wall_ms": round(1000 * (time.monotonic() - start) / requests, 3),
    }


def costs(web: Web, function: str, audio: bytes, requests: int) -> dict[str, dict[str, float]]:
    """`cost_ms` on each kind of connection: of some rounds, in which they take turns, medians."""
    with kept(web, function, audio) as ask:
        ways = {"new connection": lambda: web.post(function, audio), "kept connection": ask}
        rounds = [
            {kind: cost_ms(web, way, requests // ROUNDS) for kind, way in ways.items()}
            for _ in range(ROUNDS)
        ]
    return {
        kind: {key: median(each[kind][key] for each in rounds) for key in rounds[0][kind]}
        for kind in ways
    }


@contextmanager
def doing_nothing() -> Iterator[Web]:
    """The service with no function but the one that does nothing."""
    own = clips.ROOT / "functions"
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        functions = Path(folder, "functions")
        functions.mkdir()
        for path in (own / "__init__.py", own / "kit", NOTHING):
            (functions / path.name).symlink_to(path)
        command = [sys.executable, "-P", "-m", "deploy.service"]
        paths = os.pathsep.join((folder, str(clips.ROOT)))
        with service.running(command, PYTHONPATH=paths) as web:
            web.wait()
            web.settle()
            yield web


def upload(web: Web) -> dict[str, float]:
    """What the router's memory did while a song of 50 MB was asked about."""
    path = service.clip("beats", 60 * UPLOAD_MB / WAV_MB_A_MINUTE)
    audio = path.read_bytes()
    router = web.process.pid
    proc = Path(f"/proc/{router}")
    before = memory.resident_mb(router), smaps_mb(router, "Anonymous")
    memory.reset_peak(proc)
    spent = cpu_s(router)
    with Highest(lambda: smaps_mb(router, "Anonymous")) as anonymous:
        web.post("beats", audio)
    return {
        "upload_mb": round(len(audio) / MB, 1),
        "peak_grew_mb": round(memory.peak_mb(proc) - before[0], 2),
        "anonymous_grew_mb": round(anonymous.highest - before[1], 2),
        "grown_after_mb": round(memory.resident_mb(router) - before[0], 2),
        "router_cpu_ms": round(1000 * (cpu_s(router) - spent), 1),
    }


def measure(requests: int) -> dict[str, Any]:
    """All figures."""
    audio = service.clip(FUNCTION, 3, "mp3").read_bytes()
    with service.running() as web:
        web.wait()
        web.settle()
        start_mb = smaps_mb(web.process.pid)
        for _ in range(FIRST):
            web.post(FUNCTION, audio)
        result: dict[str, Any] = {
            "pss_mb_at_start": round(start_mb, 1),
            "pss_mb": round(smaps_mb(web.process.pid), 1),
            "rss_mb": round(memory.resident_mb(web.process.pid), 1),
        }
        idle, wait_s = cpu_s(web.process.pid), 10.0
        time.sleep(wait_s)
        result["idle_cpu_ms_a_second"] = round(1000 * (cpu_s(web.process.pid) - idle) / wait_s, 2)
        result[FUNCTION] = costs(web, FUNCTION, audio, requests)
        result["health"] = cost_ms(web, lambda: web.ask("GET", "/health"), requests)
        result["upload"] = [upload(web) for _ in range(3)]
        result["pss_mb_at_end"] = round(smaps_mb(web.process.pid), 1)
    with doing_nothing() as web:
        body = bytes(NOTHING_BYTES)
        for _ in range(FIRST):
            web.post(NOTHING.name, body)
        result[NOTHING.name] = costs(web, NOTHING.name, body, requests)
    return result


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "| the router | |",
        "|---|---|",
        f"| memory (PSS) after {FIRST} requests | {result['pss_mb']} MB (at the start "
        f"{result['pss_mb_at_start']}, at the end {result['pss_mb_at_end']}) |",
        f"| CPU while nothing happens | {result['idle_cpu_ms_a_second']} ms a second |",
    ]
    of_function = [
        (f"a request for {name}, {how}", its)
        for name in (NOTHING.name, FUNCTION)
        for how, its in result[name].items()
    ]
    for what, its in (*of_function, ("GET /health, new connection", result["health"])):
        lines.append(
            f"| CPU of {what} | "
            f"{its['router_cpu_ms']} ms (the function's {its['function_cpu_ms']} ms) |"
        )
    for its in result["upload"]:
        lines.append(
            f"| an upload of {its['upload_mb']} MB | memory grew by {its['peak_grew_mb']} MB, "
            f"afterwards {its['grown_after_mb']}; {its['router_cpu_ms']} ms of CPU |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = service.parser("service_router", __doc__)
    parser.add_argument("--requests", type=int, default=1000)
    options = parser.parse_args()
    result = measure(options.requests)
    print(markdown(result))
    service.keep(options.json, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
