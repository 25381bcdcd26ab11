"""The student: what two teachers make of all the speech there is, from sounds made worse."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from training import distil, moonshine, teacher
from training.emotion.augment import Augment, Worse
from training.student import Student
from training.taught import Taught

DILATIONS = (1, 2, 4, 8)
TOLD = teacher.WIDTH + len(moonshine.LAYERS) * moonshine.WIDTH
STEPS, RATE = 5000, 3e-3
WORSE = Worse(spared=0.35, equaliser=0.6, noisy=0.45, noise=(-10.0, -3.0), telephone=0.4, hiss=0.5)


def new() -> Student:
    """One that has learnt nothing."""
    return Student(DILATIONS, TOLD)


def student(
    speech: Callable[[], Sequence[Taught]], work: Path, *, steps: int, seed: int
) -> Student:
    """The student that learnt of `speech`; kept in `work`."""
    path = work / f"student-{steps}-{seed}.pt"
    if not path.exists():
        augment = Augment(seed)
        fitted = distil.fit(
            speech(),
            steps=steps,
            rate=RATE,
            seed=seed,
            make=new,
            changed=lambda frames: augment.worse(frames, WORSE),
        )
        torch.save(fitted.state_dict(), path)
    kept = new()
    kept.load_state_dict(torch.load(path))
    return kept.eval()
