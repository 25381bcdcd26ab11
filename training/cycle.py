"""How fast a network is fitted at each step."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

LEAST = 2
"""Steps that a cycle needs."""


def cycle(optimizer: Optimizer, rate: float, steps: int) -> OneCycleLR:
    """Up to `rate` over a tenth of the steps, and down to nothing over the rest."""
    # PyTorch divides by zero where the way up has exactly one step.
    rise = 0.1 if steps > 11 else 1.5 / max(steps, LEAST)
    return OneCycleLR(optimizer, rate, total_steps=max(steps, LEAST), pct_start=rise)
