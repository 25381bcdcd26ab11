"""What packages need, as the installed ones say."""

import re
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement


def canonical(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(names: Iterable[str]) -> set[str]:
    """`names` and all that they need here, however far down."""
    found: set[str] = set()
    ahead = [Requirement(name) for name in names]
    while ahead:
        want = ahead.pop()
        name = canonical(want.name)
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            extras = ["", *want.extras]
            here = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras
            )
            if here and canonical(needed.name) not in found:
                ahead.append(needed)
        found.add(name)
    return found
