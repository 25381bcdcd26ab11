"""Pages dealt into parts, so that each clip is judged by what never saw its page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def deal(pages: Sequence[str], parts: int) -> NDArray[np.int64]:
    """Which part each clip's page is dealt to, the largest first, each to the smallest part."""
    names, counts = np.unique(pages, return_counts=True)
    load = np.zeros(parts)
    part_of: dict[str, int] = {}
    for place in np.argsort(-counts, kind="stable"):
        part = int(load.argmin())
        part_of[str(names[place])] = part
        load[part] += counts[place]
    return np.array([part_of[page] for page in pages], np.int64)
