"""Fits what makes logits of what was heard: the mean of a logistic regression for each teacher.

The mean of two is far better than one over all numbers, and is as linear.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.emotion.balance import labels_of, weights_of
from training.emotion.clip import LABELS, Clip
from training.emotion.listening import Heard
from training.emotion.said import BLOCKS, SAID
from training.linear import Array, Linear

STRENGTH = 0.01
"""How much a clip counts against weights of zero, on average."""
AS_IT_IS = 0.4
"""How much of the loss is in clips as they are; the rest is in other voices made of them."""
EVERYTHING = 0.3
"""The share of the loss over all labels; the rest is among those that the corpus has."""


def fit(clips: Sequence[Clip], copies: Sequence[Heard], used: NDArray[np.bool_]) -> Linear:
    """Logits of `LABELS`, fitted on the clips that are `used`, shape (clips,).

    The first of `copies` counts `AS_IT_IS`, the others share the rest.
    """
    some = [clip for clip, its in zip(clips, used, strict=True) if its]
    count = np.zeros(len(clips))
    count[used] = weights_of(some)
    has = labels_of(some)
    others = (1.0 - AS_IT_IS) / max(1, len(copies) - 1)
    rows, whose, counts = [], [], []
    for copy, heard in enumerate(copies):
        these = used[heard.clips]
        windows = np.bincount(heard.clips, minlength=len(clips))
        rows.append(heard.said[these])
        whose.append(heard.clips[these])
        counts.append((count / windows)[whose[-1]] * (others if copy else AS_IT_IS))
    every, clip = np.concatenate(rows), np.concatenate(whose)
    mean, deviation = every.mean(axis=0), every.std(axis=0) + np.float32(1e-5)
    every = (every - mean) / deviation
    labels = torch.tensor([clips[i].label for i in clip])
    among = torch.from_numpy(np.stack([has[clips[i].corpus] for i in clip]))
    counted = torch.from_numpy(np.concatenate(counts).astype(np.float32))
    weights = np.zeros((SAID, len(LABELS)), np.float32)
    bias = np.zeros(len(LABELS), np.float32)
    for block in BLOCKS:
        its, own = _regression(torch.from_numpy(every[:, block]), labels, among, counted)
        weights[block] += its / len(BLOCKS)
        bias += own / len(BLOCKS)
    return Linear(mean, deviation, weights, bias)


def losses(logits: torch.Tensor, labels: torch.Tensor, among: torch.Tensor) -> torch.Tensor:
    """The loss of each row of `logits`, shape (n, 9), of which those `among` may be right."""
    each = torch.arange(len(labels))
    here = logits.masked_fill(~among, -torch.inf).log_softmax(dim=1)[each, labels]
    over_all = logits.log_softmax(dim=1)[each, labels]
    return -(EVERYTHING * over_all + (1.0 - EVERYTHING) * here)


def _regression(
    rows: torch.Tensor, labels: torch.Tensor, among: torch.Tensor, counts: torch.Tensor
) -> tuple[Array, Array]:
    weights = torch.zeros(rows.shape[1], len(LABELS), requires_grad=True)
    bias = torch.zeros(len(LABELS), requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=60, history_size=10, line_search_fn="strong_wolfe"
    )

    def cost() -> torch.Tensor:
        optimizer.zero_grad()
        each = losses(rows @ weights + bias, labels, among)
        total = 0.5 * weights.square().sum() + STRENGTH * (counts * each).sum()
        total.backward()
        return total

    optimizer.step(cost)
    return weights.detach().numpy(), bias.detach().numpy()
