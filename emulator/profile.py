"""What a function's process takes of memory: idle, and on the longest recording that it accepts."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from deploy.service.report import Report
from emulator.child import Child
from emulator.invoke import Invoker
from functions.kit.audio import Audio
from functions.kit.manifest import Limits, Manifest, Memory
from functions.kit.problem import Problem
from functions.kit.steps import Progress

RATES = (44_100, 22_050, 16_000, 8_000)
"""Of the recording, in Hz, the first at which the longest has not too many bytes."""
_DEMO = Path(__file__).parent.parent / "demo"
_HEADER = 100
"""More bytes than the head of a WAV file has."""


class NoProfile(Problem):
    """The function was not measured."""

    reason, title = "no_profile", "The memory could not be measured"


@dataclass(frozen=True)
class Profile:
    """What was measured, in whole MB and rounded up, and the REPORT of the invocation."""

    memory: Memory
    report: Report


def measure(function: Manifest, file: Path | None, progress: Callable[[Progress], None]) -> Profile:
    """Start `function` in a process of its own and have it work on `file`.

    Without one it is its first demo clip, over and over, for as long as its limits allow. Raises
    `NoProfile`, or what is wrong with the clip.
    """
    idle: list[float] = []

    def ready(child: Child) -> None:
        idle.append(child.resident_mb)

    with Invoker(function, ready) as invoker:
        if file is None:
            file = invoker.folder / "recording.wav"
            _record(_clip(function), file, function.limits, progress)
        with file.open("rb") as audio:
            answer = invoker.invoke(audio, progress)
    if answer.error is not None:
        raise NoProfile(f"'{function.name}' did not answer: {answer.error['detail']}")
    assert answer.report is not None
    if not idle[0]:
        raise NoProfile("This system does not say what is resident: there is no /proc.")
    memory = Memory(idle_mb=ceil(idle[0]), peak_mb=ceil(answer.report.mem_peak_mb))
    return Profile(memory, answer.report)


def _clip(function: Manifest) -> Path:
    clip = _DEMO / f"{function.demo[0]}.ogg"
    if not clip.exists():
        raise NoProfile(
            f"There is no 'demo/{clip.name}' here to make a long recording of. Name a recording: "
            f"halfgig profile {function.name} FILE."
        )
    return clip


def _record(clip: Path, out: Path, limits: Limits, progress: Callable[[Progress], None]) -> None:
    """Write `clip` to `out`, 16 bits and mono, over and over, for as long as `limits` allow."""
    import soundfile

    room = (limits.bytes - _HEADER) // 2
    rate = next((rate for rate in RATES if limits.seconds * rate <= room), RATES[-1])
    with Audio(clip, rate=rate, limits=limits) as audio:
        blocks = list(audio.blocks())
    whole = left = min(int(limits.seconds * rate), room)
    with soundfile.SoundFile(out, "w", rate, 1, format="WAV", subtype="PCM_16") as file:
        while left > 0:
            for block in blocks:
                file.write(block[:left])
                left -= len(block[:left])
            progress(Progress("recording", 1 - left / whole))
