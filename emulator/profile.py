"""What a function's process takes of memory and CPU, on recordings of several lengths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

import soundfile

from deploy.service.report import Report
from emulator.child import Child
from emulator.invoke import Invoker
from functions.kit.audio import Audio
from functions.kit.manifest import Limits, Manifest, Memory
from functions.kit.problem import Problem
from functions.kit.steps import Progress

RATES = (44_100, 22_050, 16_000, 8_000)
"""Of the recordings, in Hz, the first at which the longest has not too many bytes."""
SHORT_S = 10.0
TIMES = 3
"""How often each is worked on: what else the machine does only ever adds to the CPU."""
LONG_S = 600.0
"""What is at least that long is worked on once."""
_DEMO = Path(__file__).parent.parent / "demo"
_HEADER = 100
"""More bytes than the head of a WAV file has."""


class NoProfile(Problem):
    """The function was not measured."""

    reason, title = "no_profile", "The function could not be measured"


@dataclass(frozen=True)
class Recording:
    """One recording, and what it took.

    seconds : its length; None where it is no audio
    cpu_s : of the least of its runs in a warm process
    peak_mb : of the most of them
    """

    seconds: float | None
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Profile:
    """What was measured: memory in whole MB and rounded up, CPU to two digits.

    cpu_per_s : CPU seconds a second of the longest recording; None where no length is known
    tier : the one that answered
    """

    memory: Memory
    cpu_per_s: float | None
    recordings: tuple[Recording, ...]
    tier: str | None


def measure(
    function: Manifest, files: Sequence[Path], progress: Callable[[Progress], None]
) -> Profile:
    """Start `function` in a process of its own and have it work on each of `files`.

    Without any it is its first demo clip, over and over: for ten seconds, for as long as its limits
    allow, and a length between. Raises `NoProfile`, or what is wrong with the clip.
    """
    idle: list[float] = []

    def ready(child: Child) -> None:
        idle.append(child.resident_mb)

    recordings = []
    with Invoker(function, ready) as invoker:
        run = _Runs(function, invoker, progress)
        for path in files:
            recordings.append(run(path, _seconds(path, function.limits)))
        if not files:
            path = invoker.folder / "recording.wav"
            for seconds in lengths(function.limits):
                record(function, path, seconds, progress)
                recordings.append(run(path, seconds))
    if not idle[0]:
        raise NoProfile("This system does not say what is resident: there is no /proc.")
    peak_mb = max(recording.peak_mb for recording in recordings)
    return Profile(
        memory=Memory(idle_mb=ceil(idle[0]), peak_mb=ceil(peak_mb)),
        cpu_per_s=per_second(recordings),
        recordings=tuple(recordings),
        tier=run.tier,
    )


def lengths(limits: Limits) -> list[float]:
    """Of the recordings, in seconds, the shortest first."""
    longest = min(limits.seconds, _room(limits) / _rate(limits))
    short = min(max(SHORT_S, limits.min_seconds), longest)
    return sorted({short, sqrt(short * longest), longest})


def per_second(recordings: Sequence[Recording]) -> float | None:
    """The CPU seconds that a second of audio costs: of the longest, where it is all that counts."""
    known = [(each.seconds, each.cpu_s) for each in recordings if each.seconds]
    if not known:
        return None
    seconds, cpu_s = max(known)
    return float(f"{cpu_s / seconds:.2g}")


def record(
    function: Manifest, out: Path, seconds: float, progress: Callable[[Progress], None]
) -> None:
    """Write a demo clip to `out`, 16 bits and mono, over and over for `seconds`.

    Raises `NoProfile`, or what is wrong with the clip.
    """
    rate = _rate(function.limits)
    with Audio(_clip(function), rate=rate, limits=function.limits) as audio:
        blocks = list(audio.blocks())
    whole = left = int(seconds * rate)
    with soundfile.SoundFile(out, "w", rate, 1, format="WAV", subtype="PCM_16") as file:
        while left > 0:
            for block in blocks:
                file.write(block[:left])
                left -= len(block[:left])
            progress(Progress("recording", 1 - left / whole))


class _Runs:
    """Has the function work on recordings, one after another, in one process."""

    def __init__(
        self, function: Manifest, invoker: Invoker, progress: Callable[[Progress], None]
    ) -> None:
        self._function, self._invoker, self._progress = function, invoker, progress
        self._cold = True
        self.tier: str | None = None

    def __call__(self, path: Path, seconds: float | None) -> Recording:
        reports = [self._run(path)] if self._cold else []
        self._cold = False
        times = 1 if seconds is not None and seconds >= LONG_S else TIMES
        warm = [self._run(path) for _ in range(times)]
        return Recording(
            seconds=seconds,
            cpu_s=min(report.cpu_s for report in warm),
            peak_mb=max(report.mem_peak_mb for report in [*reports, *warm]),
        )

    def _run(self, path: Path) -> Report:
        with path.open("rb") as audio:
            answer = self._invoker.invoke(audio, self._progress)
        if answer.error is not None:
            raise NoProfile(f"'{self._function.name}' did not answer: {answer.error['detail']}")
        assert answer.report is not None
        self.tier = answer.report.tier
        return answer.report


def _seconds(path: Path, limits: Limits) -> float | None:
    try:
        with Audio(path, rate=RATES[-1], limits=limits) as audio:
            for _ in audio.blocks():
                pass
            return audio.seconds
    except Problem:
        return None


def _clip(function: Manifest) -> Path:
    clip = _DEMO / f"{function.demo[0]}.ogg"
    if not clip.exists():
        raise NoProfile(
            f"There is no 'demo/{clip.name}' here to make recordings of. Name some of different "
            f"lengths: halfgig profile {function.name} FILE FILE."
        )
    return clip


def _room(limits: Limits) -> int:
    """How many samples a recording may have."""
    return (limits.bytes - _HEADER) // 2


def _rate(limits: Limits) -> int:
    return next((rate for rate in RATES if limits.seconds * rate <= _room(limits)), RATES[-1])
