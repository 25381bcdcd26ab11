"""Fits the network: random excerpts, augmented on their bands, against widened beat targets."""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from functions.beats import frontend
from training.beats import corpus
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
    start = int(rng.integers(-50, max(1, frames - EXCERPT + 50)))
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
    gain = rng.uniform(-2.5, 1.0)
    anchors = rng.normal(0.0, rng.uniform(0.0, 0.9), 6)
    gain = gain + np.interp(np.linspace(0, 5, 64), np.arange(6), anchors)
    logs = logs + gain.astype(np.float32)
    if rng.random() < 0.25:
        cut = int(rng.integers(2, 24))
        logs[:, -cut:] -= rng.uniform(2.0, 9.0)
    if rng.random() < 0.15:
        cut = int(rng.integers(1, 10))
        logs[:, :cut] -= rng.uniform(2.0, 9.0)
    bands = np.exp(logs)
    if rng.random() < 0.4:
        floor = np.exp(rng.uniform(-9.0, -4.0) + rng.normal(0, 0.5, 64)).astype(np.float32)
        bands = bands + floor * rng.rayleigh(0.8, bands.shape).astype(np.float32)
    bands[~inside] = FLOOR
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


def sampling(songs: Sequence[Song], real_share: float) -> NDArray[np.float64]:
    """How often each song is drawn: real recordings together `real_share` of the time."""
    real = np.array([song.real for song in songs])
    long = np.sqrt([min(len(song.logs), 6000) for song in songs])
    weight = np.where(real, 1.0, 1.0) * long
    if real.any() and not real.all():
        weight[real] *= real_share / weight[real].sum()
        weight[~real] *= (1 - real_share) / weight[~real].sum()
    return weight / weight.sum()


class Excerpts(torch.utils.data.IterableDataset[tuple[Floats, Floats]]):
    """An endless draw of augmented excerpts."""

    def __init__(self, songs: Sequence[Song], real_share: float, seed: int) -> None:
        self.songs, self.weights, self.seed = songs, sampling(songs, real_share), seed

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        while True:
            yield augmented(self.songs[rng.choice(len(self.songs), p=self.weights)], rng)


def fit(
    songs: Sequence[Song],
    *,
    steps: int,
    seed: int,
    real_share: float = 0.3,
    start: BeatNet | None = None,
    rate: float = 3e-3,
    batch: int = 16,
    channels: int = 48,
    workers: int = 1,
    report=print,
) -> BeatNet:
    """A network fitted on `songs` by AdamW with a one-cycle rate; its weights are a running mean."""
    torch.manual_seed(seed)
    net = start or BeatNet(channels)
    if start is None:
        rng = np.random.default_rng(seed)
        sample = np.concatenate(
            [augmented(songs[i], rng)[0] for i in rng.integers(0, len(songs), 64)]
        )
        net.mean.copy_(torch.from_numpy(sample.mean(axis=0)))
        net.scale.copy_(torch.from_numpy(1.0 / sample.std(axis=0)))
    mean = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.1
    )
    loader = torch.utils.data.DataLoader(
        Excerpts(songs, real_share, seed), batch_size=batch, num_workers=workers
    )
    net.train()
    total, begun = 0.0, time.monotonic()
    for step, (bands, known) in enumerate(loader, 1):
        loss = loss_of(net(bands), known)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean.update_parameters(net)
        total += loss.item()
        if step % 100 == 0:
            report(f"step {step}/{steps} loss {total / 100:.4f} {time.monotonic() - begun:.0f} s")
            total = 0.0
        if step == steps:
            break
    fitted = mean.module
    fitted.eval()
    return fitted
