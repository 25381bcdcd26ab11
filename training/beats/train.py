"""Fits the network on random excerpts."""

import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.beats import excerpts
from training.beats.corpus import Floats, Song
from training.beats.model import BeatNet
from training.cycle import cycle
from training.precision import autocast


def loss_of(logits: Tensor, known: Tensor) -> Tensor:
    """Cross entropy of beats and downbeats, a frame with a beat counted three times."""
    weight = torch.where(known > 0, 1.0 + 2.0 * known, torch.ones_like(known))
    weight = weight * (known >= 0)
    each = functional.binary_cross_entropy_with_logits(
        logits, known.clamp(min=0.0), weight=weight, reduction="none"
    )
    return each[..., 0].mean() + each[..., 1].sum() / (known[..., 1] >= 0).sum().clamp(min=1)


def sampling(songs: Sequence[Song], favoured: Collection[str]) -> NDArray[np.float64]:
    """How often each song is drawn: the favoured ones together half of the time."""
    weight = np.sqrt([min(len(song.logs), 6_000) for song in songs])
    among = np.array([song.name in favoured for song in songs])
    for group in (among, ~among):
        if among.any() and group.any():
            weight[group] /= weight[group].sum()
    return weight / weight.sum()


class Excerpts(torch.utils.data.IterableDataset[tuple[Floats, Floats]]):
    """An endless draw of augmented excerpts."""

    def __init__(self, songs: Sequence[Song], favoured: Collection[str], seed: int) -> None:
        self.songs, self.weights, self.seed = songs, sampling(songs, favoured), seed

    def __iter__(self) -> Iterator[tuple[Floats, Floats]]:
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        while True:
            yield excerpts.draw(self.songs[rng.choice(len(self.songs), p=self.weights)], rng)


def fit(
    songs: Sequence[Song],
    net: BeatNet,
    *,
    steps: int,
    rate: float,
    seed: int,
    favoured: Collection[str] = (),
) -> BeatNet:
    """`net` fitted on `songs` by AdamW in one cycle of the rate; a running mean of its weights."""
    torch.manual_seed(seed)
    if not net.mean.any():
        rng = np.random.default_rng(seed)
        some = [excerpts.draw(songs[i], rng)[0] for i in rng.integers(0, len(songs), 64)]
        net.mean.copy_(torch.from_numpy(np.concatenate(some).mean(axis=0)))
        net.scale.copy_(torch.from_numpy(1.0 / np.concatenate(some).std(axis=0)))
    mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    schedule = cycle(optimizer, rate, steps)
    loader = torch.utils.data.DataLoader(
        Excerpts(songs, favoured, seed), batch_size=16, num_workers=1
    )
    net.train()
    total, begun = 0.0, time.monotonic()
    for step, (bands, known) in zip(range(1, steps + 1), loader, strict=False):
        with autocast(bands.device):
            logits = net(bands)
        loss = loss_of(logits.float(), known)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean.update_parameters(net)
        total += loss.item()
        if step % 50 == 0:
            print(
                f"step {step} of {steps}, loss {total / 50:.4f}, {time.monotonic() - begun:.0f} s"
            )
            total = 0.0
    fitted: BeatNet = mean.module.eval()
    return fitted
