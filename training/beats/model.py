"""The network in PyTorch, and its weights written the way `functions.beats.network` reads them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BANDS = 64


class Block(nn.Module):
    """A residual block: dilated convolution over time, then a mix of the channels."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilated = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.norm = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.mix(torch.relu(self.norm(self.dilated(x)))))


class BeatNet(nn.Module):
    """Compressed mel bands, shape (batch, frames, 64) -> logits of beat and downbeat."""

    def __init__(self, channels: int = 48, blocks: int = 9, dropout: float = 0.1) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(BANDS))
        self.register_buffer("scale", torch.ones(BANDS))
        self.near = nn.Conv2d(1, 16, (3, 3), stride=(1, 2), padding=(1, 0))
        self.near_norm = nn.BatchNorm2d(16)
        self.wide = nn.Conv2d(16, 24, (1, 5), stride=(1, 3))
        self.wide_norm = nn.BatchNorm2d(24)
        self.dense = nn.Conv1d(24 * 9, channels, 1)
        self.dropout = nn.Dropout1d(dropout)
        self.blocks = nn.ModuleList([Block(channels, 2**i, dropout) for i in range(blocks)])
        self.heads = nn.Conv1d(channels, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = ((x - self.mean) * self.scale).unsqueeze(1)
        x = torch.relu(self.near_norm(self.near(x)))
        x = torch.relu(self.wide_norm(self.wide(x)))
        x = x.permute(0, 1, 3, 2).flatten(1, 2)
        x = self.dropout(torch.relu(self.dense(x)))
        for block in self.blocks:
            x = block(x)
        return self.heads(torch.relu(x)).transpose(1, 2)


def folded(layer: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch normalisation after it folded in."""
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = layer.weight * gain.reshape(-1, *[1] * (layer.weight.dim() - 1))
    return weight, (layer.bias - norm.running_mean) * gain + norm.bias


def exported(net: BeatNet) -> dict[str, NDArray[np.float32]]:
    """The arrays of `beats.npz`: matrices laid out so that each layer is `rows @ matrix + bias`."""
    arrays: dict[str, Tensor] = {"mean": net.mean, "scale": net.scale}
    weight, arrays["near_bias"] = folded(net.near, net.near_norm)
    arrays["near"] = weight[:, 0].permute(1, 2, 0).reshape(9, -1)
    weight, arrays["wide_bias"] = folded(net.wide, net.wide_norm)
    arrays["wide"] = weight[:, :, 0].permute(2, 1, 0).reshape(-1, weight.shape[0])
    dense = net.dense.weight[:, :, 0].reshape(-1, 24, 9)
    arrays["dense"] = dense.permute(2, 1, 0).reshape(24 * 9, -1)
    arrays["dense_bias"] = net.dense.bias
    folds = [folded(block.dilated, block.norm) for block in net.blocks]
    arrays["dilated"] = torch.stack([weight.permute(2, 1, 0) for weight, _ in folds])
    arrays["dilated_bias"] = torch.stack([bias for _, bias in folds])
    arrays["mix"] = torch.stack([block.mix.weight[:, :, 0].T for block in net.blocks])
    arrays["mix_bias"] = torch.stack([block.mix.bias for block in net.blocks])
    arrays["heads"] = net.heads.weight[:, :, 0].T
    arrays["heads_bias"] = net.heads.bias
    return {k: v.detach().cpu().numpy().astype(np.float32) for k, v in arrays.items()}
