"""Numbers that are linear in rows of others, each of these brought to one scale first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """One number of a row, where `weights` has shape (numbers,); several, where (numbers, n)."""

    mean: Array
    deviation: Array
    weights: Array
    bias: Array | float

    def __call__(self, rows: Array) -> Array:
        return np.asarray((rows - self.mean) / self.deviation @ self.weights + self.bias)
