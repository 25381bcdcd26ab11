"""How soon /health answers under 512 MB and 0.1 CPU: idle, and while functions work.

    python -m benchmarks.service_health

Asked as a platform asks, on a new connection each time: with nothing to do; with one function busy
and a full queue; and with three busy at once, where CONCURRENCY=3 lets them. What they work at is
an hour of audio each.
"""

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks import service
from benchmarks.service import FUNCTIONS, MEMORY_MB, Web
from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups

CPUS = 0.1
EVERY_S = 0.43
"""Much more often than a platform asks, and not in step with the periods of the CPU's quota. Every
0.1 s would be a load of its own: after each pause caches are cold, and an answer takes 3 ms."""
LONG_S = 3600
QUEUE = 32


@contextmanager
def asking(web: Web, function: str, audio: bytes) -> Iterator[None]:
    """A client that has asked, and waits for its answer until it is left."""
    head = (
        f"POST /{function} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {len(audio)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", web.port)) as client:
        client.sendall(head.encode() + audio)
        yield


def poll(web: Web, count: int) -> list[float]:
    """Seconds of each answer; a new one is asked for every so often, not after the last."""
    took: list[float] = []

    def ask() -> None:
        answer = web.ask("GET", "/health")
        if answer.status != 200:
            raise RuntimeError(f"/health answered {answer.status}.")
        took.append(answer.seconds)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    start = time.monotonic()
    for number, thread in enumerate(threads):
        time.sleep(max(0.0, start + number * EVERY_S - time.monotonic()))
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) != count:
        raise RuntimeError(f"/health answered {len(took)} of {count} times.")
    return took


def busy(web: Web) -> tuple[int, int]:
    """How many functions are busy, and how many requests wait."""
    health = json.loads(web.ask("GET", "/health").body)
    states = [its["state"] for its in health["functions"].values()]
    return states.count("busy"), health["queue"]["length"]


def until(web: Web, wanted: tuple[int, int]) -> None:
    """Wait until so many functions are busy and so many requests wait."""
    deadline = time.monotonic() + service.PATIENCE_S
    while (now := busy(web)) != wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{now} functions are busy and requests wait, not {wanted}.")
        time.sleep(0.2)


def measured(count: int, running: Sequence[str], waiting: int) -> dict[str, Any]:
    """/health while these functions run and so many requests wait."""
    short = service.clip("emotion", 3, "flac").read_bytes()
    concurrency = {"CONCURRENCY": str(len(running))} if running else {}
    with Groups(MEMORY_MB, CPUS) as cage, service.running(start=cage.start, **concurrency) as web:
        web.wait()
        web.settle()
        with ExitStack() as clients:
            for name in running:
                audio = service.clip(name, LONG_S, "flac").read_bytes()
                clients.enter_context(asking(web, name, audio))
            until(web, (len(running), 0))
            for _ in range(waiting):
                clients.enter_context(asking(web, "emotion", short))
            until(web, (len(running), waiting))
            took = poll(web, count)
            if busy(web) != (len(running), waiting):
                raise RuntimeError("They did not work for as long as was measured.")
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(service.quantile(took, part), 4) for name, part in parts.items()}


def markdown(result: dict[str, Any]) -> str:
    lines = [
        f"/health, asked {result['polls']} times, every {1000 * EVERY_S:.0f} ms, under "
        f"{MEMORY_MB} MB and {CPUS} CPU.",
        "",
        "| | p50 ms | p95 ms | p99 ms | max ms |",
        "|---|---|---|---|---|",
    ]
    for name, its in result["seconds"].items():
        lines.append(f"| {name} | {' | '.join(f'{1000 * s:.0f}' for s in its.values())} |")
    return "\n".join(lines)


def main() -> int:
    parser = service.parser("service_health", __doc__)
    parser.add_argument("--polls", type=int, default=200)
    options = parser.parse_args()
    result: dict[str, Any] = {"polls": options.polls, "seconds": {}}
    try:
        for name, running, waiting in (
            ("idle", (), 0),
            (f"one busy, {QUEUE} waiting", ("emotion",), QUEUE),
            ("three busy", FUNCTIONS, 0),
        ):
            result["seconds"][name] = measured(options.polls, running, waiting)
    except CageUnavailable as reason:
        print(f"Not measured: {reason}")
        return 0
    print(markdown(result))
    service.keep(options.json, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
