"""What the students of both voice functions are built of."""

from collections.abc import Sequence

from torch import Tensor, nn

from functions.kit.fine import BANDS

QUIET = -18.0
"""Natural logarithm of the power under the loudest band that still counts."""


def split(rows: Tensor) -> Tensor:
    """Rows of `FineBands`, shape (n, rows, 192) -> frames of 8 ms, shape (n, 2 rows, 96)."""
    return rows.reshape(rows.shape[0], -1, BANDS)


def under_loudest(frames: Tensor) -> Tensor:
    """Frames without the recording's level."""
    return (frames - frames.amax(dim=(1, 2), keepdim=True)).clamp(min=QUIET)


class Block(nn.Module):
    """A residual block: a convolution over time, then a mix of the channels."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.GELU(),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x)


def context(heard: int, channels: int, dilations: Sequence[int], told: int) -> nn.Sequential:
    """Hears every other of the rows (n, `heard`, t) with what is around it: (n, `told`, t / 2)."""
    return nn.Sequential(
        nn.Conv1d(heard, channels, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm1d(channels),
        nn.GELU(),
        *(Block(channels, dilation) for dilation in dilations),
        nn.GELU(),
        nn.Conv1d(channels, told, 1),
    )
