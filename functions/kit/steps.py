"""Long work as a generator: it yields how far it is, and returns its result.

Whoever drives it decides what progress is for (a bar, an event stream, nothing) and can stop the
work at any step by closing the generator; the work needs no thread and no callback.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Progress:
    """How far the work is: the `stage`'s name, and the `fraction` of all the work done, 0 to 1.

    `fraction` is None where the end is not known.
    """

    stage: str
    fraction: float | None


Steps: TypeAlias = Generator[Progress, None, R]


def finish(steps: Steps[R], progress: Callable[[Progress], None] | None = None) -> R:
    """Run `steps` to the end, calling `progress` at each, and return the result.

    What `steps` or `progress` raises is raised here, with `steps` closed.
    """
    try:
        while True:
            step = next(steps)
            if progress is not None:
                progress(step)
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        steps.close()
