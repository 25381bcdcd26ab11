"""What an invocation costs more through the emulator than of the service alone, in CPU.

    python -m benchmarks.emulator_overhead

Both run at once, and batches of requests to warm functions alternate between them. Of the emulator
all processes count: the service in its cage, and `halfgig start` itself with its view in plain
lines, its journal and its watch over the functions' files. What both take while nothing happens is
given apart, and is part of the rest.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import service
from benchmarks.service import FUNCTIONS, Web

PLAN = "standard"
EMULATOR = [sys.executable, "-m", "emulator", "start", "--plan", PLAN]
SECONDS = 30.0
IDLE_S = 10.0


def spent_s(web: Web) -> float:
    """The CPU seconds of all its processes so far."""
    return sum(map(service.cpu_s, web.pids()))


def idle_ms(web: Web) -> float:
    """CPU a second while nothing happens."""
    web.settle()
    before = spent_s(web)
    time.sleep(IDLE_S)
    return 1000 * (spent_s(web) - before) / IDLE_S


def batches(webs: Sequence[Web], function: str, rounds: int, requests: int) -> list[list[float]]:
    """CPU ms a request of each batch, for each of `webs`."""
    audio = service.clip(function, SECONDS).read_bytes()
    taken: list[list[float]] = [[] for _ in webs]
    for web in webs:
        web.post(function, audio)  # Cold.
    for _ in range(rounds):
        for web, its in zip(webs, taken, strict=True):
            before = spent_s(web)
            for _ in range(requests):
                web.post(function, audio)
            its.append(1000 * (spent_s(web) - before) / requests)
    return taken


def measure(rounds: int, requests: int) -> dict[str, Any]:
    """All figures."""
    result: dict[str, Any] = {"plan": PLAN, "seconds_of_audio": SECONDS}
    with (
        service.running(CONCURRENCY="1", PLAN=PLAN) as alone,
        service.running(EMULATOR) as emulated,
    ):
        webs = (alone, emulated)
        for web in webs:
            web.wait()
        result["idle_cpu_ms_a_second"] = [round(idle_ms(web), 2) for web in webs]
        for function in FUNCTIONS:
            alone_ms, emulated_ms = batches(webs, function, rounds, requests)
            more = [100 * (b / a - 1) for a, b in zip(alone_ms, emulated_ms, strict=True)]
            result[function] = {
                "alone_ms": service.spread(alone_ms),
                "emulated_ms": service.spread(emulated_ms),
                "more_percent": service.spread(more),
            }
    return result


def markdown(result: dict[str, Any]) -> str:
    lines = [
        f"| {result['seconds_of_audio']:g} s of audio, warm | the service alone | through the "
        "emulator | more |",
        "|---|---|---|---|",
    ]
    for function in FUNCTIONS:
        its = result[function]
        alone, emulated = its["alone_ms"]["median"], its["emulated_ms"]["median"]
        more = its["more_percent"]
        lines.append(
            f"| {function} | {alone:.1f} ms | {emulated:.1f} ms | {more['median']:.1f} % "
            f"({more['min']:.1f} to {more['max']:.1f}) |"
        )
    alone, emulated = result["idle_cpu_ms_a_second"]
    lines.append(f"| idle, a second | {alone:.1f} ms | {emulated:.1f} ms | |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = service.parser("emulator_overhead", __doc__)
    parser.add_argument("--rounds", type=int, default=15, help="batches of each")
    parser.add_argument("--requests", type=int, default=10, help="requests in a batch")
    options = parser.parse_args()
    result = measure(options.rounds, options.requests)
    service.keep(options.json, result)
    print(markdown(result))


if __name__ == "__main__":
    main()
