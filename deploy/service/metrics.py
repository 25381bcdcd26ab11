"""`/metrics`: what has happened, counted, and how it is now, in Prometheus's text format.

The format's own client would take 2 MB of the router's memory and 20 ms of CPU to import.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.service.snapshot import Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MB = 2**20
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper ends of a histogram's buckets, in seconds; there is one more for what is longer."""

Labels = tuple[tuple[str, str], ...]


class Histogram:
    """Durations in seconds, counted by bucket."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    def samples(self, labels: Labels) -> Iterable[tuple[str, Labels, float]]:
        """Each as the name's ending, labels and value."""
        so_far = 0
        for end, count in zip((*map(str, BUCKETS), "+Inf"), self._counts, strict=True):
            so_far += count
            yield "_bucket", (*labels, ("le", end)), so_far
        yield "_sum", labels, self._sum
        yield "_count", labels, so_far


class Metrics:
    """Counts what it is told of. Labels are names of ours, never what a client sent."""

    def __init__(self) -> None:
        self._requests: Counter[Labels] = Counter()
        self._durations: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._starts: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._stops: Counter[Labels] = Counter()
        self._refusals: Counter[Labels] = Counter()
        self._invocations: Counter[Labels] = Counter()
        self._cpu: defaultdict[Labels, float] = defaultdict(float)
        self._peaks: dict[str, float] = {}

    def request(self, function: str, status: int, seconds: float) -> None:
        """A request for `function` has been answered, `seconds` after it came."""
        self._requests[("function", function), ("status", str(status))] += 1
        self._durations[function].add(seconds)

    def started(self, function: str, seconds: float) -> None:
        """A process of `function` was ready `seconds` after its start."""
        self._starts[function].add(seconds)

    def stopped(self, function: str, why: str) -> None:
        """A process of `function` has ended: idle, evicted, died, …"""
        self._stops[_labels(function=function, why=why)] += 1

    def refused(self, function: str, reason: str) -> None:
        """A request for `function` was refused, with the `reason` of its problem."""
        self._refusals[_labels(function=function, reason=reason)] += 1

    def reported(self, report: Mapping[str, Any]) -> None:
        """An invocation has ended, with this REPORT."""
        function = str(report["function"])
        self._invocations[_labels(function=function, start=str(report["start"]))] += 1
        self._cpu[_labels(function=function)] += report["cpu_s"]
        self._peaks[function] = max(self._peaks.get(function, 0.0), report["mem_peak_mb"])

    def text(self, snapshot: Snapshot) -> bytes:
        """The document."""
        now = snapshot.functions

        def each(values: Mapping[str, float]) -> dict[Labels, float]:
            return {_labels(function=name): value for name, value in values.items()}

        families = [
            _counter("requests", "Requests answered, by status.", self._requests),
            _histogram("request_seconds", "From request to the answer's end.", self._durations),
            _histogram("start_seconds", "Cold starts: until the process listens.", self._starts),
            _counter("stops", "Processes ended, and why.", self._stops),
            _counter("refusals", "Requests refused, by reason.", self._refusals),
            _counter("invocations", "Invocations that ended, by their start.", self._invocations),
            _counter("cpu_seconds", "CPU seconds that invocations took.", self._cpu),
            _gauge(
                "memory_peak_bytes",
                "The most resident in one invocation.",
                each({name: peak * MB for name, peak in self._peaks.items()}),
            ),
            _gauge(
                "memory_need_bytes",
                "What a start must find free.",
                each({name: its.need_mb * MB for name, its in now.items()}),
            ),
            _gauge(
                "memory_resident_bytes",
                "Resident in the function's process now.",
                each({name: its.resident_mb * MB for name, its in now.items()}),
            ),
            _gauge(
                "state",
                "1 for the state that the function is in.",
                {_labels(function=name, state=its.state): 1 for name, its in now.items()},
            ),
            _gauge("queue_length", "Requests that wait.", {(): snapshot.queue}),
            _gauge("queue_limit", "Requests that may wait.", {(): snapshot.queue_max}),
            _gauge("memory_limit_bytes", "Of the service.", {(): snapshot.limit_mb * MB}),
            _gauge("memory_budget_bytes", "For functions.", {(): snapshot.budget_mb * MB}),
            _gauge("memory_used_bytes", "Taken of the budget.", {(): snapshot.used_mb * MB}),
            _gauge("accepting", "1 while requests are taken.", {(): int(snapshot.accepting)}),
        ]
        return "".join(families).encode()


def _labels(**labels: str) -> Labels:
    return tuple(labels.items())


def _counter(name: str, help: str, values: Mapping[Labels, float]) -> str:
    return _family(f"{name}_total", "counter", help, (("", *each) for each in values.items()))


def _gauge(name: str, help: str, values: Mapping[Labels, float]) -> str:
    return _family(name, "gauge", help, (("", *each) for each in values.items()))


def _histogram(name: str, help: str, values: Mapping[str, Histogram]) -> str:
    samples = (
        sample for key, its in values.items() for sample in its.samples(_labels(function=key))
    )
    return _family(name, "histogram", help, samples)


def _family(name: str, kind: str, help: str, samples: Iterable[tuple[str, Labels, float]]) -> str:
    lines = [f"# HELP halfgig_{name} {help}", f"# TYPE halfgig_{name} {kind}"]
    for ending, labels, value in samples:
        inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels)
        lines.append(f"halfgig_{name}{ending}{f'{{{inside}}}' if inside else ''} {value:.10g}")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
