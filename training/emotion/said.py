"""What the student says of a sound, in numbers that a linear model can judge."""

import numpy as np
import torch
from torch import Tensor

from training import teacher
from training.emotion.school import TOLD
from training.student import change, moments

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


def said(stem: Tensor, context: Tensor) -> Tensor:
    """Means, deviations and mean changes in time of what the student says, shape (n, `SAID`)."""
    return torch.cat([*moments(stem), change(stem), *moments(context)], dim=1)
