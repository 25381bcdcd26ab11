"""The student: what two teachers make of all the speech there is, from sounds made worse."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from training import distil
from training.emotion.augment import Augment, Worse
from training.emotion.student import Student
from training.taught import Taught

STEPS, RATE = 10_000, 3e-3
LATER, LATER_RATE, SUMMED = 4, 1.5e-3, 1.0
"""One more step for so many, once it knows what they say at each time: so that it has their means
over a clip as well."""
WORSE = Worse(spared=0.3, equaliser=0.6, noisy=0.6, noise=(-10.0, -3.0), telephone=0.4, hiss=0.5)


def student(
    speech: Callable[[], Sequence[Taught]], work: Path, *, steps: int, seed: int
) -> Student:
    """The student that learnt of `speech`; kept in `work`."""
    first, last = (work / f"student-{steps}-{seed}{end}.pt" for end in ("", "-later"))
    if not last.exists():
        taught = speech()

        def learn(path: Path, make: Callable[[], Student], steps: int, **how: float) -> None:
            augment = Augment(seed)
            fitted = distil.fit(
                taught,
                steps=steps,
                seed=seed,
                make=make,
                changed=lambda frames: augment.worse(frames, WORSE),
                **how,
            )
            torch.save(fitted.state_dict(), path)

        if not first.exists():
            learn(first, Student, steps, rate=RATE)
        learn(last, lambda: _kept(first), steps // LATER, rate=LATER_RATE, summed=SUMMED)
    return _kept(last).eval()


def _kept(path: Path) -> Student:
    student = Student()
    student.load_state_dict(torch.load(path))
    return student
