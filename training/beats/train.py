"""Fits the network: random excerpts, augmented on their bands, against widened beat targets."""

import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from functions.beats import frontend
from training.beats.corpus import FLOOR, Floats, Song
from training.beats.model import BeatNet

EXCERPT = 1_500
"""Frames of a training excerpt: 30 s."""
WIDENED = (1.0, 0.6, 0.25)
"""Target at an annotated frame and at its neighbours one and two frames away."""


def targets(song: Song, frames: int, stretch: float = 1.0) -> Floats:
    """Beat and downbeat targets, shape (frames, 2); downbeats are -1 where none are annotated."""
    out = np.zeros((frames, 2), np.float32)
    for column, times in enumerate((song.beats, song.beats[song.numbers == 1])):
        at = np.round(times * stretch * frontend.FPS).astype(int)
        for away, value in enumerate(WIDENED):
            for frame in (at - away, at + away):
                inside = frame[(frame >= 0) & (frame < frames)]
                out[inside, column] = np.maximum(out[inside, column], value)
    if not song.numbers.any():
        out[:, 1] = -1.0
    return out


def augmented(song: Song, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """One random excerpt as (bands (1500, 64) compressed, targets (1500, 2))."""
    stretch = float(np.exp(rng.uniform(-0.18, 0.18))) if rng.random() < 0.6 else 1.0
    frames = int(len(song.logs) * stretch)
    silent = 600 if rng.random() < 0.2 else 50  # frames there may be before and after the song
    start = int(rng.integers(-silent, max(1, frames - EXCERPT + silent)))
    at = (np.arange(EXCERPT) + start) / stretch
    inside = (at >= 0) & (at <= len(song.logs) - 1)
    at = at.clip(0, len(song.logs) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(song.logs) - 1)
    share = (at - low)[:, None].astype(np.float32)
    logs = song.logs[low] * (1 - share) + song.logs[high] * share
    logs = logs.astype(np.float32)
    if rng.random() < 0.5:
        shift = int(rng.integers(-2, 3))
        logs = np.roll(logs, shift, axis=1)
        if shift > 0:
            logs[:, :shift] = logs[:, shift : shift + 1]
        elif shift < 0:
            logs[:, shift:] = logs[:, shift - 1 : shift]
    level = rng.uniform(-2.5, 1.0)
    anchors = rng.normal(0.0, rng.uniform(0.0, 0.9), 6)
    gain = level + np.interp(np.linspace(0, 5, 64), np.arange(6), anchors)
    logs = logs + gain.astype(np.float32)
    if rng.random() < 0.25:
        cut = int(rng.integers(2, 24))
        logs[:, -cut:] -= rng.uniform(2.0, 9.0)
    if rng.random() < 0.15:
        cut = int(rng.integers(1, 10))
        logs[:, :cut] -= rng.uniform(2.0, 9.0)
    bands = np.exp(logs)
    bands[~inside] = FLOOR
    if rng.random() < 0.4:
        floor = np.exp(rng.uniform(-9.0, -4.0) + rng.normal(0, 0.5, 64)).astype(np.float32)
        bands = bands + floor * rng.rayleigh(0.8, bands.shape).astype(np.float32)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            width = int(rng.integers(2, 10))
            at_band = int(rng.integers(0, 64 - width))
            bands[:, at_band : at_band + width] *= 0.02
    label = targets(song, frames, stretch)
    known = np.zeros((EXCERPT, 2), np.float32)
    source = np.arange(EXCERPT) + start
    ok = (source >= 0) & (source < frames)
    known[ok] = label[source[ok]]
    if (label[:, 1] < 0).all():
        known[:, 1] = -1.0
    return frontend.compress(bands.astype(np.float32)), known


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
            yield augmented(self.songs[rng.choice(len(self.songs), p=self.weights)], rng)


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
        some = [augmented(songs[i], rng)[0] for i in rng.integers(0, len(songs), 64)]
        net.mean.copy_(torch.from_numpy(np.concatenate(some).mean(axis=0)))
        net.scale.copy_(torch.from_numpy(1.0 / np.concatenate(some).std(axis=0)))
    mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.1
    )
    excerpts = Excerpts(songs, favoured, seed)
    loader = torch.utils.data.DataLoader(excerpts, batch_size=16, num_workers=1)
    net.train()
    total, begun = 0.0, time.monotonic()
    for step, (bands, known) in zip(range(1, steps + 1), loader, strict=False):
        with torch.autocast("cpu", torch.bfloat16):
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
