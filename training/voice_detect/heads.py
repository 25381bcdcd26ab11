"""Fits what makes a score of what was heard: two logistic regressions, added."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.linear import Linear
from training.voice_detect.corpus import Clip
from training.voice_detect.listening import Array, Heard
from training.voice_detect.model import FINE, Listening, VoiceNet

VOICE_STRENGTH, DETAIL_STRENGTH = 3e-3, 3e-4
"""How much a clip counts against weights of zero, on average."""
CLEAN = 0.5
"""The share of the clips as they are, against those through other channels."""


@dataclass(frozen=True)
class Heads:
    """What the student's statistics say, and what the fine structure says; their sum decides."""

    voice: Linear
    detail: Linear

    def scores(self, heard: Heard) -> Array:
        """Of each clip, shape (n,)."""
        return self.voice(heard.means(heard.statistics)) + self.detail(heard.fine)


def weights_of(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """How much each counts, 1 on average: both classes alike, pages by the root of their size."""
    pages = np.array([clip.page for clip in clips])
    machine = np.array([clip.machine for clip in clips])
    weights = np.zeros(len(clips))
    for label in (False, True):
        for page in sorted(set(pages[machine == label])):
            here = (machine == label) & (pages == page)
            weights[here] = here.sum() ** -0.5
        weights[machine == label] /= weights[machine == label].sum()
    return weights * len(clips) / 2


def fit(clips: Sequence[Clip], copies: Sequence[Heard], used: NDArray[np.bool_]) -> Heads:
    """The heads fitted on the clips that are `used`, shape (clips,): each copy of them."""
    voice, detail, labels, counts = [], [], [], []
    for number, copy in enumerate(copies):
        here = used[copy.clips]
        some = [clips[i] for i in copy.clips[here]]
        voice.append(copy.means(copy.statistics)[here])
        detail.append(copy.fine[here])
        labels.append(np.array([clip.machine for clip in some]))
        share = CLEAN if number == 0 else (1 - CLEAN) / (len(copies) - 1)
        counts.append(weights_of(some) * share)
    label, count = np.concatenate(labels), np.concatenate(counts)
    return Heads(
        _regression(np.concatenate(voice), label, count, VOICE_STRENGTH),
        _regression(np.concatenate(detail), label, count, DETAIL_STRENGTH),
    )


def network(listening: Listening, heads: Heads) -> VoiceNet:
    """The network that ships."""
    net = VoiceNet(listening)
    upper = torch.zeros(FINE, FINE)
    its = heads.detail
    upper[tuple(torch.triu_indices(FINE, FINE))] = torch.from_numpy(its.weights / its.deviation)
    bias = heads.voice.bias + its.bias - float(its.mean / its.deviation @ its.weights)
    with torch.no_grad():
        net.mean.copy_(torch.from_numpy(heads.voice.mean))
        net.deviation.copy_(torch.from_numpy(heads.voice.deviation))
        net.voice.weight.copy_(torch.from_numpy(heads.voice.weights)[None])
        net.voice.bias.fill_(bias)
        net.detail.weight.copy_(upper.flatten()[None])
    return net.eval()


def _regression(
    rows: Array, labels: NDArray[np.bool_], counts: NDArray[np.float64], strength: float
) -> Linear:
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-5)
    fitted = LogisticRegression(C=strength, max_iter=200, tol=1e-3)
    fitted.fit((rows - mean) / deviation, labels, sample_weight=counts)
    weights = fitted.coef_[0].astype(np.float32)
    return Linear(mean, deviation, weights, float(fitted.intercept_[0]))
