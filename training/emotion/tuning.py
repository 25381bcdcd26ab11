"""Student and head learn emotions together for a while, and go a part of the way there.

All the way they would know the speakers by heart; part of it they gain on those that they never
heard (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
"""

import time
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from functions.kit.fine import PER_ROW
from functions.kit.windows import FRAMES
from training.cycle import cycle
from training.emotion import head
from training.emotion.augment import Augment
from training.emotion.balance import labels_of, weights_of
from training.emotion.clip import Clip
from training.emotion.corpus import Frames
from training.emotion.listening import PITCH, WORSE
from training.emotion.said import said
from training.emotion.student import Student
from training.linear import Linear
from training.precision import autocast
from training.student import split

BATCH, RATE = 32, 8e-4
PART = 0.2
"""Of the way."""


def tune(
    student: Student,
    its: Linear,
    clips: Sequence[Clip],
    frames: Frames,
    used: NDArray[np.bool_],
    *,
    steps: int,
    seed: int,
) -> tuple[Student, Linear]:
    """A student that hears for emotions, and the head that suits it.

    Both are fitted on windows of the clips that are `used`, at other pitches and made worse. Of
    the student only the weights of its context change.
    """
    random = np.random.default_rng(seed)
    augment = Augment(seed + 1)
    some = [int(i) for i in np.flatnonzero(used)]
    chances = weights_of([clips[i] for i in some])
    chances /= chances.sum()
    has = labels_of([clips[i] for i in some])
    tuned = deepcopy(student).eval().requires_grad_(False)
    judge = nn.Linear(*its.weights.shape)
    with torch.no_grad():
        judge.weight.copy_(torch.from_numpy(its.weights.T))
        judge.bias.copy_(torch.as_tensor(its.bias))
    mean, deviation = torch.from_numpy(its.mean), torch.from_numpy(its.deviation)
    learns = [each for each in tuned.context.parameters() if each.ndim > 1]
    learns += judge.parameters()
    before = [each.detach().clone() for each in learns]
    for each in learns:
        each.requires_grad_(True)
    optimizer = torch.optim.AdamW(learns, lr=RATE, weight_decay=0.0, fused=True)
    schedule = cycle(optimizer, RATE, steps)
    total, begun = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        drawn = [some[i] for i in random.choice(len(some), BATCH, p=chances)]
        rows, windows = _excerpts(frames, drawn, random)
        heard = augment.voices(split(rows), PER_ROW * FRAMES, 0.0, PITCH)
        with autocast(heard.device):
            stem, context = tuned(augment.worse(heard, WORSE))
        layers = zip(stem.float().split(1), context.float().split(1), windows.split(1), strict=True)
        says = torch.cat([said(*layer) for layer in layers])
        logits = judge((says - mean) / deviation)
        labels = torch.tensor([clips[i].label for i in drawn])
        among = torch.from_numpy(np.stack([has[clips[i].corpus] for i in drawn]))
        loss = head.losses(logits, labels, among).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learns, 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 100 == 0:
            seconds = time.monotonic() - begun
            print(
                f"tuned: step {step} of {steps}, loss {total / 100:.3f}, {seconds:.0f} s",
                flush=True,
            )
            total = 0.0
    with torch.no_grad():
        for each, was in zip(learns, before, strict=True):
            each.copy_(torch.lerp(was, each, PART))
    learnt = judge.weight.detach().numpy().T, judge.bias.detach().numpy()
    return tuned, Linear(its.mean, its.deviation, *learnt)


def _excerpts(
    frames: Frames, clips: Sequence[int], random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """A window of each clip, shape (n, 312, 192), and how much of it is in each row, (n, 312).

    A shorter clip is followed by silence.
    """
    rows, windows = [], []
    for clip in clips:
        its = frames.of(clip).astype(np.float32)
        first = int(random.integers(max(1, len(its) - FRAMES + 1)))
        its = its[first : first + FRAMES]
        missing = FRAMES - len(its)
        rows.append(np.pad(its, ((0, missing), (0, 0)), constant_values=its.min()))
        windows.append(np.pad(np.full(len(its), 1.0 / len(its), np.float32), (0, missing)))
    return torch.from_numpy(np.stack(rows)), torch.from_numpy(np.stack(windows))
