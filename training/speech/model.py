"""The network in PyTorch, and its weights written the way `functions.kit.speech` reads them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from functions.kit.speech import AROUND, STRIDES

SHAPES = ((12, 5, 4), (24, 5, 4), (32, 9, 1), (32, 1, 4), (32, 1, 3), (32, 1, 3), (1, 1, 1))
"""Channels that come out of each layer, and the bands and frames of its patches."""


def levelled(logs: Tensor) -> Tensor:
    """`functions.kit.speech.levelled` of a batch, (batch, frames, 64), less its last frame."""
    loudest = logs.amax(dim=2).exp()
    level = nn.functional.avg_pool1d(loudest[:, None], AROUND, stride=1)[:, 0].log()[:, :-1]
    middle = logs[:, AROUND // 2 :][:, : level.shape[1]]
    return (middle - level[:, :, None]).clamp(-12.0, 3.0) / 4.0 + 1.0


class GateNet(nn.Module):
    """Log mels, shape (batch, steps * 16 + 192, 64) -> logits of speech, shape (batch, steps)."""

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        inputs = (1, *(channels for channels, _, _ in SHAPES))
        self.layers = nn.ModuleList(
            nn.Conv2d(before, channels, size, stride)
            for before, (channels, *size), stride in zip(inputs, SHAPES, STRIDES, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels, _, _ in SHAPES[:-1])
        self.dropout = nn.Dropout(dropout)

    def forward(self, logs: Tensor) -> Tensor:
        x = levelled(logs).transpose(1, 2)[:, None]
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=False)):
            x = torch.relu(norm(layer(x)))
            x = self.dropout(x) if i >= 2 else x
        return self.layers[-1](x)[:, 0, 0]


def exported(net: GateNet) -> dict[str, NDArray[np.float16]]:
    """The arrays of `speech.npz`, batch normalisation folded in, in half precision."""
    arrays: dict[str, NDArray[np.float16]] = {}
    for i, layer in enumerate(net.layers):
        weight, bias = layer.weight, layer.bias
        if i < len(net.norms):
            norm = net.norms[i]
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = weight * gain.reshape(-1, 1, 1, 1)
            bias = (bias - norm.running_mean) * gain + norm.bias
        arrays[f"weight{i}"] = weight.detach().numpy().astype(np.float16)
        arrays[f"bias{i}"] = bias.detach().numpy().astype(np.float16)
    return arrays
