"""What the student says of windows, in numbers that a linear model can judge."""

import numpy as np
import torch
from torch import Tensor

from training import teacher
from training.emotion.student import TOLD

_STEM = 3 * teacher.WIDTH
SAID = _STEM + 2 * TOLD
"""How many numbers there are."""
_OF_LAYERS = (np.arange(SAID) - _STEM) % TOLD
BLOCKS = tuple(
    np.flatnonzero(its)
    for its in (
        (np.arange(SAID) < _STEM) | (_OF_LAYERS < teacher.WIDTH),
        (np.arange(SAID) >= _STEM) & (_OF_LAYERS >= teacher.WIDTH),
    )
)
"""Which of them were learnt from the first teacher, and which from the second."""


def said(stem: Tensor, context: Tensor, windows: Tensor) -> Tensor:
    """Means, deviations and mean changes in time of what the student says, shape (n, `SAID`).

    stem, context : of all the windows, shapes (1, 384, rows) and (1, 960, rows / 2)
    windows : how much of each is in each row, shape (n, rows)
    """
    changes = (stem[:, :, 1:] - stem[:, :, :-1]).abs()
    return torch.cat(
        [
            *_moments(stem, windows),
            _mean(changes, windows[:, 1:]),
            *_moments(context, windows[:, ::2]),
        ],
        dim=1,
    )


def _moments(layer: Tensor, windows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of a layer in each window."""
    mean = _mean(layer, windows)
    variance = (_mean(layer.square(), windows) - mean.square()).clamp(min=0.0)
    return mean, (variance + 1e-5).sqrt()


def _mean(layer: Tensor, windows: Tensor) -> Tensor:
    return windows / windows.sum(dim=1, keepdim=True) @ layer[0].T
