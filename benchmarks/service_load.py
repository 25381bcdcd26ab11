"""The half-gig run: all functions under load in 512 MB, beside the usual way in the same group.

    python -m benchmarks.service_load

8 clients ask for emotion, voice_detect and beats in turn at random, clips of 3 s to 3 minutes, and
do as Retry-After says. The control group has 512 MB, swap counted, and every CPU. The service runs
as it comes; with a queue that is too short, so that it must refuse; with three requests at once;
and in 256 MB, where one function must make room for another. The usual way, which is in
`benchmarks.service_usual`, is started again whenever it was killed, as a platform would, and has
two minutes.
"""

import itertools
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from benchmarks import service
from benchmarks.environments import PeerError
from benchmarks.service import FUNCTIONS, MEMORY_MB, Highest, Web
from benchmarks.service_usual import USUAL
from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups

SECONDS = (3, 6, 12, 30, 60, 120, 180)
FORMATS = ("wav", "flac", "mp3")
CLIENTS = 8
OURS_S, USUAL_S = 1200.0, 120.0
RUNS: dict[str, tuple[int, dict[str, str]]] = {
    "as it comes": (MEMORY_MB, {}),
    "a queue of 4": (MEMORY_MB, {"QUEUE_LENGTH": "4"}),
    "three at once": (MEMORY_MB, {"CONCURRENCY": "3"}),
    "in 256 MB": (MEMORY_MB // 2, {}),
}


@dataclass(frozen=True)
class Job:
    """One clip for one function."""

    id: str
    function: str
    seconds: float
    suffix: str


@dataclass
class Outcome:
    """What became of a job: each status that came, 0 for none, and how long the last took.

    done_s : from the first attempt until 200; None where that didn't come.
    """

    job: Job
    statuses: list[int] = field(default_factory=list)
    bare_refusals: int = 0
    seconds: float = 0.0
    done_s: float | None = None


def jobs(count: int, seed: int = 5) -> list[Job]:
    """So many, the same for the same seed."""
    draw = random.Random(seed)
    return [
        Job(f"job-{n}", draw.choice(FUNCTIONS), draw.choice(SECONDS), draw.choice(FORMATS))
        for n in range(count)
    ]


class Clients:
    """They take jobs one after the other until all are done, or the time is over."""

    def __init__(self, web: "Web | Restarted", its: Iterable[Job], seconds: float) -> None:
        self._web, self._jobs = web, iter(its)
        self._lock = threading.Lock()
        self._deadline = time.monotonic() + seconds
        self.outcomes: list[Outcome] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CLIENTS)]

    def run(self) -> list[Outcome]:
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        return self.outcomes

    def _work(self) -> None:
        while self._left() > 0:
            with self._lock:
                job = next(self._jobs, None)
                if job is None:
                    return
                outcome = Outcome(job)
                self.outcomes.append(outcome)
            audio = service.clip(job.function, job.seconds, job.suffix).read_bytes()
            start = time.monotonic()
            while self._left() > 0 and outcome.done_s is None:
                wait_s = self._attempt(outcome, audio)
                if outcome.statuses[-1] == 200:
                    outcome.done_s = time.monotonic() - start
                elif wait_s is None:
                    break
                else:
                    time.sleep(max(0.0, min(wait_s, self._left())))

    def _attempt(self, outcome: Outcome, audio: bytes) -> float | None:
        """Ask once; gives how long to wait before the next time, None for never."""
        job = outcome.job
        try:
            answer = self._web.ask(
                "POST",
                f"/{job.function}",
                audio,
                max(0.1, self._left()),
                Content_Type="application/octet-stream",
                X_Request_ID=f"{job.id}-{len(outcome.statuses)}",
            )
        except (OSError, HTTPException):
            outcome.statuses.append(0)
            return 1.0
        outcome.statuses.append(answer.status)
        outcome.seconds = answer.seconds
        if answer.status != 503:
            return None
        retry = answer.headers.get("retry-after", "")
        outcome.bare_refusals += not retry.isdigit()
        return float(retry) if retry.isdigit() else 1.0

    def _left(self) -> float:
        return self._deadline - time.monotonic()


class Restarted:
    """A web service that is started again whenever it has ended, until it is left."""

    def __init__(self, cage: Groups, command: Sequence[str]) -> None:
        self._cage, self._command = cage, command
        self._port = service.free_port()
        self._over = threading.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._began = time.monotonic()
        self.starts = 0
        self.first_end_s: float | None = None
        """When it ended for the first time, counted from its start."""

    def __enter__(self) -> "Restarted":
        self._thread.start()
        self._up.wait(service.PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.is_set():
            self.starts += 1
            with service.running(self._command, self._cage.start, PORT=str(self._port)) as web:
                self.web = Web(web.process, self._port, web.out, web.began)
                while web.process.poll() is None and not self._over.wait(0.05):
                    if not self._up.is_set():
                        self.web.wait()
                        self._began = time.monotonic()
                        self._up.set()
                if self.first_end_s is None and not self._over.is_set():
                    self.first_end_s = time.monotonic() - self._began

    def ask(self, *args: Any, **options: Any) -> service.Answer:
        return self.web.ask(*args, **options)


def summary(outcomes: Sequence[Outcome], count: int) -> dict[str, Any]:
    """What became of `count` jobs."""
    first = Counter(its.statuses[0] if its.statuses else 0 for its in outcomes)
    every = Counter(status for its in outcomes for status in its.statuses)
    done = [its for its in outcomes if its.done_s is not None]
    return {
        "jobs": count,
        "done": len(done),
        "first_attempts_200": round(first[200] / count, 4),
        "attempts": {str(status): every[status] for status in sorted(every)},
        "refusals_without_retry_after": sum(its.bare_refusals for its in outcomes),
        "most_attempts": max((len(its.statuses) for its in outcomes), default=0),
        "done_s_max": round(max((its.done_s or 0.0 for its in done), default=0.0), 2),
        "latency_s": {name: _latencies(done, name) for name in FUNCTIONS},
    }


def _latencies(done: Iterable[Outcome], function: str) -> dict[str, float]:
    """Of the answers that were 200."""
    took = [its.seconds for its in done if its.job.function == function]
    parts = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    return {name: round(service.quantile(took, part), 3) for name, part in parts.items() if took}


def ours(its: Sequence[Job], memory_mb: int, settings: dict[str, str]) -> dict[str, Any]:
    """The service under load."""
    with (
        Groups(memory_mb, os.cpu_count() or 1) as cage,
        service.running(start=cage.start, **settings) as web,
    ):
        web.wait()
        warm_mb = _three_warm(web, cage)
        loaded = _under_load(cage, Clients(web, its, OURS_S))
        time.sleep(0.5)
        after_mb = service.anonymous_mb(cage)
        log = web.log()
    outcomes = loaded.pop("outcomes")
    reports = Counter(line["request_id"] for line in log if line["event"] == "report")
    answered = {
        f"{its.job.id}-{n}"
        for its in outcomes
        for n, status in enumerate(its.statuses)
        if status == 200
    }
    return {
        **summary(outcomes, len(its)),
        **loaded,
        "each_200_was_one_invocation": all(reports[id] == 1 for id in answered),
        "memory_mb": memory_mb,
        "settings": settings,
        "three_warm_anonymous_mb": round(warm_mb, 1),
        "anonymous_mb_after": round(after_mb, 1),
        "starts": Counter(line["function"] for line in log if line["event"] == "started"),
        "stops": Counter(line["why"] for line in log if line["event"] == "stopped"),
    }


def _three_warm(web: Web, cage: Groups) -> float:
    """The cage's anonymous MB when each function has just answered for a clip of 12 s."""
    for function in FUNCTIONS:
        web.post(function, service.clip(function, 12).read_bytes())
    time.sleep(0.5)
    return service.anonymous_mb(cage)


def usual(its: Sequence[Job], seconds: float) -> dict[str, Any]:
    """The usual way under the same load, for so many seconds."""
    USUAL.prepare()
    with (
        Groups(MEMORY_MB, os.cpu_count() or 1) as cage,
        Restarted(cage, USUAL.command()) as web,
    ):
        loaded = _under_load(cage, Clients(web, its, seconds))
        return {
            **summary(loaded.pop("outcomes"), len(its)),
            **loaded,
            "starts": web.starts,
            "first_end_s": web.first_end_s and round(web.first_end_s, 1),
            "stopped_after_s": seconds,
        }


def _under_load(cage: Groups, clients: Clients) -> dict[str, Any]:
    """The clients' outcomes, and what the kernel counted meanwhile."""
    before, start = cage.read(), time.monotonic()
    with Highest(lambda: service.anonymous_mb(cage)) as anonymous:
        outcomes = clients.run()
    wall_s, after = time.monotonic() - start, cage.read()
    return {
        "outcomes": outcomes,
        "anonymous_mb_max": round(anonymous.highest, 1),
        "group_peak_mb": after.peak_mb and round(after.peak_mb, 1),
        "oom_kills": after.oom_kills,
        "cpu_s": round(after.cpu_s - before.cpu_s, 1),
        "wall_s": round(wall_s, 1),
    }


def markdown(result: dict[str, Any]) -> str:
    lines = [
        f"{result['jobs']} requests of {CLIENTS} clients, clips of {SECONDS[0]} to {SECONDS[-1]} s "
        f"(WAV, FLAC, MP3), in {MEMORY_MB} MB.",
        "",
        "| | answered | first attempts | last after | killed for memory | anonymous MB | CPU s "
        "| wall s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, its in result["runs"].items():
        lines.append(
            f"| {name} | {its['done']} | {100 * its['first_attempts_200']:.0f} % "
            f"| {its['done_s_max']:.1f} s | {its['oom_kills']} | {its['anonymous_mb_max']:.0f} "
            f"| {its['cpu_s']:.0f} | {its['wall_s']:.0f} |"
        )
    lines += ["", "| seconds to an answer: p50, p95, max | " + " | ".join(FUNCTIONS) + " |"]
    lines += ["|---" * (1 + len(FUNCTIONS)) + "|"]
    for name, its in result["runs"].items():
        cells = (its["latency_s"][function].values() for function in FUNCTIONS)
        lines.append(f"| {name} | {' | '.join(', '.join(f'{s:.2f}' for s in c) for c in cells)} |")
    for name, its in result["runs"].items():
        if "three_warm_anonymous_mb" in its:
            lines.append(
                f"\n{name}: after one clip each {its['three_warm_anonymous_mb']:.0f} MB, after all "
                f"{its['anonymous_mb_after']:.0f} MB; attempts {its['attempts']}, at most "
                f"{its['most_attempts']} a request; starts {dict(its['starts'])}, ends "
                f"{dict(its['stops'])}."
            )
        elif its["first_end_s"] is not None:
            lines.append(f"\n{name}: killed for the first time after {its['first_end_s']:.1f} s.")
    return "\n".join(lines)


def main() -> int:
    parser = service.parser("service_load", __doc__)
    parser.add_argument("--jobs", type=int, default=400, help="requests (400)")
    parser.add_argument("--only", metavar="RUN", help=f"one of: {', '.join(RUNS)}, usual")
    options = parser.parse_args()
    its = jobs(options.jobs)
    for function, seconds, suffix in itertools.product(FUNCTIONS, SECONDS, FORMATS):
        service.clip(function, seconds, suffix)
    result: dict[str, Any] = {"jobs": options.jobs, "runs": {}}
    try:
        for name, (memory_mb, settings) in RUNS.items():
            if options.only in (None, name):
                result["runs"][f"halfgig, {name}"] = ours(its, memory_mb, settings)
        if options.only in (None, "usual"):
            result["runs"]["FastAPI, torch, transformers, librosa"] = usual(its, USUAL_S)
    except CageUnavailable as reason:
        print(f"Not measured: {reason}")
        return 0
    except PeerError as missing:
        print(f"Left out: {missing}", file=sys.stderr)
    print(markdown(result))
    service.keep(options.json, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
