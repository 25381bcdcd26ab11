"""Sounds as the student hears them, with what its teachers make of them."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from functions.kit.fine import FineBands
from functions.kit.mel import HOP
from functions.kit.spectrum import Floats

TOGETHER = 500
"""Clips that are held at once, as all processors hear them."""


@dataclass(frozen=True)
class Taught:
    """What some clips are to the student and to its teachers."""

    frames: NDArray[np.float16]
    """Rows of `FineBands`, shape (all rows, 192)."""
    answers: NDArray[np.float16]
    """The teachers', one beside the other, shape (all rows, numbers)."""
    ends: NDArray[np.int64]
    """Where each clip ends among the rows."""


class Teacher(Protocol):
    """What answers rows of numbers."""

    def hear(self, samples: Floats) -> tuple[NDArray[np.int64], Floats]:
        """What it makes of 16 kHz samples, and the sample that each row is about."""
        ...


def kept(
    path: Path,
    sounds: Callable[[], Iterable[Floats]],
    name: str,
    teachers: Callable[[], Sequence[Teacher]],
) -> Taught:
    """The clips that `sounds` gives, each (n,) at 16 kHz and up to 8 s; kept at `path`.

    `name` is what the progress lines call them. `teachers` are asked where nothing is kept yet.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        both = list(_heard(sounds(), teachers(), name))
        np.savez(
            path,
            frames=np.concatenate([frames for frames, _ in both]),
            answers=np.concatenate([answers for _, answers in both]),
            ends=np.cumsum([len(frames) for frames, _ in both]),
        )
    with np.load(path) as file:
        return Taught(file["frames"], file["answers"], file["ends"])


def _heard(
    sounds: Iterable[Floats], teachers: Sequence[Teacher], name: str
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.float16]]]:
    def heard(samples: Floats) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        front = FineBands()
        frames = np.concatenate([front.push(samples), front.finish()]).astype(np.float16)
        each = [_between(*teacher.hear(samples), len(frames)) for teacher in teachers]
        return frames, np.concatenate(each, axis=1)

    rest, count = iter(sounds), 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(rest, TOGETHER)):
            yield from pool.map(heard, some)
            count += len(some)
            print(f"{name}: heard {count} clips", flush=True)


def _between(about: NDArray[np.int64], answers: Floats, rows: int) -> NDArray[np.float16]:
    """The answers at the frames of `LogMel`, between the two that are nearest, shape (rows, …)."""
    place = (HOP * np.arange(rows) - about[0]) / (about[1] - about[0])
    before = np.clip(place.astype(int), 0, len(answers) - 2)
    share = np.clip(place - before, 0.0, 1.0)[:, None]
    between = (1.0 - share) * answers[before] + share * answers[before + 1]
    return np.asarray(between, np.float16)
