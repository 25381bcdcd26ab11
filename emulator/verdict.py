"""What became of a request that was not answered, in words: was it memory, or CPU, and what helps.

In a cloud's log both look the same: a process is gone, or a request took too long. Here it was
measured what there was of memory and CPU, and what there was not.
"""

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import Any, Literal, TypeAlias

from deploy.plans import Plan
from deploy.service import budget
from functions.kit.manifest import Manifest

Kind: TypeAlias = Literal["memory", "cpu", "hanging", "slow"]

PEAK, TIME = "its peak", "its time"
ADVICE = 3
"""So many things to do are told, the most useful first."""

_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)  # as a process ends, and as Docker tells it
_STARVED = 0.8  # of the CPU that there is: what took as much would have taken more
_WAITED = 0.5  # of the time without CPU, as the kernel counts it
_IDLE = 0.4  # of the CPU that there is: what took less waited for something else
_SPARE = 1.25  # what is added to a peak that was cut short
_LEAKS, _LEAK = 3, 1.05  # so many peaks in a row, each that much larger


@dataclass(frozen=True)
class Scene:
    """What was known when it happened.

    plan : what the service is held to; None where it isn't
    plans : all there are, to name a larger one
    limit_mb : the memory of the whole service
    function : None where its manifest isn't known
    tier : the one that answered last
    others_mb : what the other parts of the service had, by their names
    peaks_mb : those of the invocations of the process before this, in their order
    wall_s, cpu_s, throttled_s : how long it ran; how much CPU the service had in that time, and
        for how long it was denied more; 0 where that was not measured
    """

    plan: Plan | None
    limit_mb: float
    plans: Mapping[str, Plan] = field(default_factory=dict)
    function: Manifest | None = None
    tier: str | None = None
    others_mb: Mapping[str, float] = field(default_factory=dict)
    peaks_mb: Sequence[float] = ()
    wall_s: float = 0.0
    cpu_s: float = 0.0
    throttled_s: float = 0.0

    @property
    def cpus(self) -> float:
        """CPU seconds a second that one thread could have had."""
        return min(self.plan.cpus, 1.0) if self.plan else 1.0

    @property
    def starved(self) -> bool:
        """Would it have gone faster with more CPU?"""
        if not self.wall_s:
            return False
        used = self.cpu_s / (self.wall_s * self.cpus)
        waited = self.throttled_s / self.wall_s
        return used >= _STARVED or (waited >= _WAITED and used >= _IDLE)

    @property
    def idle(self) -> bool:
        """Did it leave most of its CPU unused?"""
        return bool(self.wall_s) and self.cpu_s < _IDLE * self.wall_s * self.cpus


@dataclass(frozen=True)
class Verdict:
    """What it was, in one line; what was measured, and what to do, in sentences."""

    kind: Kind
    title: str
    facts: tuple[str, ...]
    advice: tuple[str, ...]

    def lines(self) -> list[str]:
        """As a person reads it."""
        numbered = (f"{number}. {each}" for number, each in enumerate(self.advice, 1))
        return [self.title, *(f"  {each}" for each in (*self.facts, *numbered))]


def of(line: Mapping[str, Any], scene: Scene) -> Verdict | None:
    """What a `line` of the service's log tells of; None where it needs no verdict."""
    match line:
        case {"event": "stopped", "why": "memory"}:
            return _ended_for_memory(line, scene)
        case {"event": "stopped", "why": "timeout"}:
            return _too_late(line, scene)
        case {"event": "refused", "status": 503, "reason": "memory"}:
            return _refused_for_memory(line, scene)
        case {"event": "refused", "status": 503, "reason": "queue_timeout"}:
            return _waited_too_long(line, scene)
    return None


def of_service(code: int, oom_kills: int, peak_mb: float | None, scene: Scene) -> Verdict | None:
    """Why the whole service ended with exit `code` unasked; None where it isn't memory.

    oom_kills : how many processes the kernel ended for want of memory
    """
    if code not in _KILLED or not oom_kills:
        return None
    peak = f", with {peak_mb:.0f} MB" if peak_mb else ""
    return Verdict(
        "memory",
        "Out of memory: the service itself was ended",
        (
            f"The kernel ended its first process for want of memory{peak} of "
            f"{_limit(scene)}. In the cloud the container would start anew, and all that ran or "
            "waited would be lost.",
            *_beside(scene, "There were "),
        ),
        _first(
            _larger_plan(scene, scene.limit_mb),
            ["Lower CONCURRENCY or QUEUE_LENGTH, so that less is there at a time."],
            _others(scene),
            _measure(scene),
        ),
    )


def _ended_for_memory(line: Mapping[str, Any], scene: Scene) -> Verdict:
    name, peak_mb = line["function"], float(line["mem_peak_mb"])
    facts = [_less_advice(line["detail"]), *_beside(scene, "Beside it there were ")]
    facts.append(
        f"Its peak was {peak_mb:.0f} MB at least, of {_limit(scene)} for the whole service"
        + (f"; function.toml says {scene.function.memory.peak_mb:.0f}." if scene.function else ".")
    )
    if scene.wall_s and line["ready"]:
        facts.append(
            f"CPU was short as well ({_cpu(scene)}); that makes it slow, and ends nothing."
            if scene.starved
            else f"It was not CPU: {_cpu(scene)}."
        )
    return Verdict(
        "memory",
        f"Out of memory: {name}{_at(line)}",
        tuple(facts),
        _first(
            _leak(scene, peak_mb),
            _smaller_tier(scene),
            _larger_plan(scene, peak_mb),
            _shorter(scene, PEAK),
            _others(scene),
            _measure(scene),
        ),
    )


def _too_late(line: Mapping[str, Any], scene: Scene) -> Verdict:
    name = line["function"]
    kind: Kind = "cpu" if scene.starved else "hanging" if scene.idle else "slow"
    why = {"cpu": ", for want of CPU", "hanging": ", waiting for something else", "slow": ""}
    facts = [line["detail"]]
    if scene.wall_s:
        facts.append(f"In that time {_cpu(scene)}.")
    peak_mb = float(line["mem_peak_mb"])
    facts.append(
        f"It was not memory: its process had {peak_mb:.0f} MB at its peak, of {_limit(scene)}, and "
        "nothing was ended for that. In a cloud's log the two look the same."
    )
    starts = not line["ready"]
    if kind == "hanging":
        advice = _first(
            _hanging(name, starts),
            ["Give whatever it waits for a time-out of its own, shorter than its timeout_s."],
            [f"Try it with --plan none: if {name} hangs there too, it is not the plan."],
        )
    else:
        advice = _first(
            _more_cpu(scene),
            ["Import less at the top of its modules: what only some requests need, in those."]
            if starts
            else [],
            _smaller_tier(scene),
            [] if starts else _shorter(scene, TIME),
            [] if starts else _patience(scene),
            _measure(scene),
        )
    return Verdict(kind, f"Timed out{why[kind]}: {name}{_at(line)}", tuple(facts), advice)


def _refused_for_memory(line: Mapping[str, Any], scene: Scene) -> Verdict:
    need_mb = scene.function.memory.peak_mb if scene.function else scene.limit_mb
    return Verdict(
        "memory",
        f"Refused for want of memory: {line['route']}{_at(line)}",
        (
            line["detail"],
            f"Of {_limit(scene)}, {budget.RESERVE:.0%} are kept free, and the router and the "
            "templates have theirs. Nothing was started, and nothing was ended.",
        ),
        _first(
            _smaller_tier(scene),
            _larger_plan(scene, max(need_mb, scene.limit_mb / _SPARE)),
            _shorter(scene, PEAK),
            _measure(scene),
        ),
    )


def _waited_too_long(line: Mapping[str, Any], scene: Scene) -> Verdict:
    facts = [line["detail"]]
    if scene.wall_s:
        facts.append(f"In that time {_cpu(scene)}.")
    return Verdict(
        "cpu" if scene.starved else "slow",
        f"Waited too long{', for want of CPU' if scene.starved else ''}: "
        f"{line['route']}{_at(line)}",
        tuple(facts),
        _first(
            _more_cpu(scene),
            ["Send fewer at a time: the answer's Retry-After says when there is room."],
            _shorter(scene, TIME),
            _smaller_tier(scene),
            ["Let them wait for longer, with QUEUE_SECONDS."],
        ),
    )


def _leak(scene: Scene, peak_mb: float) -> Iterator[str]:
    peaks = [*scene.peaks_mb, peak_mb][-_LEAKS - 1 :]
    if len(peaks) > _LEAKS and all(after > before * _LEAK for before, after in pairwise(peaks)):
        grew = ", ".join(f"{each:.0f}" for each in peaks)
        yield (
            f"Look for what it keeps from one request to the next: its peaks were {grew} MB, each "
            "more than the one before."
        )


def _smaller_tier(scene: Scene) -> Iterator[str]:
    if scene.function is None:
        return
    tiers = scene.function.tiers
    used = next((tier for tier in tiers if tier.name == scene.tier), tiers[0])
    smaller = [tier for tier in tiers if tier.memory_mb < used.memory_mb]
    if smaller:
        best = max(smaller, key=lambda tier: tier.memory_mb)
        yield (
            f"Have it use its tier '{best.name}', which needs {best.memory_mb:.0f} MB, in the "
            f"place of '{used.name}' with {used.memory_mb:.0f}: take '{used.name}' out of its "
            "function.toml."
        )


def _larger_plan(scene: Scene, peak_mb: float) -> Iterator[str]:
    if scene.plan is None:
        return
    room = 1 - budget.RESERVE
    fixed_mb = sum(mb for name, mb in scene.others_mb.items() if name in ("router", "template"))
    wanted_mb = (peak_mb * _SPARE + fixed_mb) / room
    memory_mb = scene.plan.memory_mb
    larger = [plan for plan in scene.plans.values() if plan.memory_mb > memory_mb]
    enough = [plan for plan in larger if plan.memory_mb >= wanted_mb]
    if best := _nearest(scene.plan, enough or larger, lambda plan: plan.memory_mb):
        yield (
            f"Take a larger plan: '{best.name}' has {best.memory_mb:g} MB. "
            f"`halfgig start --plan {best.name}` shows whether that is enough."
        )


def _more_cpu(scene: Scene) -> Iterator[str]:
    if scene.plan is None:
        return
    faster = [plan for plan in scene.plans.values() if plan.cpus > scene.plan.cpus]
    if best := _nearest(scene.plan, faster, lambda plan: plan.cpus):
        times = min(best.cpus, 1.0) / scene.cpus
        yield (
            f"Take a plan with more CPU: '{best.name}' has {best.cpus:g}, which makes it up to "
            f"{times:.0f} times as fast. `halfgig start --plan {best.name}` shows it."
        )


def _shorter(scene: Scene, what: str) -> Iterator[str]:
    if scene.function is None:
        return
    its = scene.function
    cpu_s = its.timeout_s * scene.cpus
    if what == TIME and cpu_s < its.limits.seconds * its.cpu_per_s:
        yield (
            f"Send shorter audio: on this plan some {cpu_s / its.cpu_per_s:.0f} s of it are done "
            f"within its timeout_s, and 'limits.seconds' lets {its.limits.seconds:g} in."
        )
        return
    yield (
        f"Send shorter audio, or have it work in shorter windows: {what} follows their length. "
        f"'limits.seconds' in its function.toml, {its.limits.seconds:g} now, refuses what is "
        "longer."
    )


def _others(scene: Scene) -> Iterator[str]:
    functions = {
        name: mb
        for name, mb in scene.others_mb.items()
        if name not in ("router", "template") and mb >= 1
    }
    if functions:
        name, mb = max(functions.items(), key=lambda it: it[1])
        yield (
            f"Deploy '{name}' apart, which had {mb:.0f} MB: FUNCTION_{name.upper()}_URL says where "
            f"it is, and DISABLE_{name.upper()}=1 does without it."
        )


def _patience(scene: Scene) -> Iterator[str]:
    if scene.function is not None:
        yield (
            f"Raise 'timeout_s' in its function.toml, {scene.function.timeout_s:g} now, if whoever "
            "asks can wait for longer."
        )


def _measure(scene: Scene) -> Iterator[str]:
    name = scene.function.name if scene.function else "NAME"
    yield f"Measure what it takes: `halfgig profile {name}`."


def _hanging(name: str, starts: bool) -> Iterator[str]:
    where = "what its modules do when they are imported" if starts else "its steps"
    yield (
        f"Look in {where} for what '{name}' waits for: a connection, a lock, a sleep, a thread "
        "that has died. More CPU would change nothing."
    )


def _first(*advice: "Iterator[str] | list[str]") -> tuple[str, ...]:
    return tuple(islice(chain(*advice), ADVICE))


def _nearest(plan: Plan, plans: list[Plan], size: Any) -> Plan | None:
    """The smallest of `plans`, of the same cloud if there is one."""
    alike = [each for each in plans if _cloud(each) == _cloud(plan)]
    return min(alike or plans, key=size, default=None)


def _cloud(plan: Plan) -> str:
    return plan.name.rpartition("-")[0]


def _at(line: Mapping[str, Any]) -> str:
    if request := line.get("request_id"):
        return f", at request {request}"
    return ", as it started" if line.get("ready") is False else ", while nobody asked it"


def _beside(scene: Scene, words: str) -> list[str]:
    parts = [f"{name} {mb:.0f} MB" for name, mb in scene.others_mb.items() if mb >= 1]
    return [f"{words}{', '.join(parts)}."] if parts else []


def _limit(scene: Scene) -> str:
    plan = f" ('{scene.plan.name}')" if scene.plan else ""
    return f"{scene.limit_mb:.0f} MB{plan}"


def _cpu(scene: Scene) -> str:
    """What there was of CPU, in words."""
    share = f", {scene.cpu_s / scene.wall_s:.2f} of the {scene.cpus:g} CPU there is"
    words = f"the service got {scene.cpu_s:.1f} s of CPU in {scene.wall_s:.0f} s{share}"
    if scene.throttled_s:
        waited = min(scene.throttled_s / scene.wall_s, 1.0)
        words += f", and stood still for want of more for {waited:.0%} of the time"
    return words


def _less_advice(detail: str) -> str:
    return detail.removesuffix(" Send a shorter file.")
