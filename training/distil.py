"""Fits the student on what its teachers make of voices, as they are and changed."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.student import split
from training.taught import Taught
from training.teacher import WIDTH

S = TypeVar("S", bound=nn.Module)
BATCH = 32
ROWS = 192
"""Of 16 ms, in an excerpt."""
STEM_WEIGHT = 2.0
"""Of the error in the convolutions, against that in the first layer."""


def fit(
    copies: Sequence[Taught],
    *,
    steps: int,
    rate: float,
    seed: int,
    make: Callable[[], S],
    changed: Callable[[Tensor], Tensor] = lambda frames: frames,
    summed: float = 0.0,
) -> S:
    """A student of the teachers' answers, each number brought to mean 0 and deviation 1.

    Fitted by AdamW in one cycle of the rate; what is returned is a running mean of its weights.

    make : a student that has learnt nothing: of frames, shape (n, t, 96), it says the first
        teacher's convolutions, (n, 384, t / 2), and what else there is to learn, (n, …, t / 4)
    changed : what is done to frames, shape (n, t, 96), before they are heard
    summed : how much the errors in an excerpt's means, deviations and changes count besides, each
        against how far excerpts differ in it
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    student = make().to(device)
    running = AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.1
    )
    some = np.sort(random.integers(0, len(copies[0].answers), 60_000))
    answers = copies[0].answers[some].astype(np.float32)
    mean, deviation = answers.mean(axis=0), answers.std(axis=0) + 1e-3
    # Longer clips oftener, by the rows that they have, up to ten seconds.
    lengths = np.concatenate([np.diff(copy.ends, prepend=0) for copy in copies])
    weight = np.minimum(lengths, 600) / np.minimum(lengths, 600).sum()
    scale = Scale()
    total, begun = np.zeros(2), time.monotonic()
    for step in range(1, steps + 1):
        drawn = random.choice(len(weight), BATCH, p=weight)
        cut = [excerpt(copies, int(number), random) for number in drawn]
        rows, taught, there = (torch.from_numpy(np.stack(each)) for each in zip(*cut, strict=True))
        taught = ((taught - torch.from_numpy(mean)) / torch.from_numpy(deviation)).to(device)
        there = there.to(device)
        student.train()
        with torch.autocast(device.type, torch.bfloat16):
            stem, context = student(changed(split(rows)).to(device))
        layers = (
            (stem, taught[:, :, :WIDTH], there),
            (context, taught[:, ::2, WIDTH:], there[:, ::2]),
        )
        errors = [error(*each) for each in layers]
        loss = STEM_WEIGHT * errors[0] + errors[1]
        if summed:
            loss = loss + summed * sum(
                scale.error(number, *its) for number, its in enumerate(layers)
            )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running.update_parameters(student)
        total += [each.item() for each in errors]
        if step % 200 == 0:
            seconds = time.monotonic() - begun
            said = " and ".join(f"{each:.3f}" for each in total / 200)
            print(f"student: step {step} of {steps}, errors {said}, {seconds:.0f} s", flush=True)
            total[:] = 0.0
    fitted: S = running.module.cpu().eval()
    return fitted


def error(said: Tensor, taught: Tensor, there: Tensor) -> Tensor:
    """Mean square error over the rows that are there, no difference counted over 6 deviations.

    said : shape (n, width, rows); taught : (n, rows, width); there : (n, rows).
    """
    each = (said.float().transpose(1, 2) - taught).clamp(-6.0, 6.0).square().mean(dim=2)
    return (each * there).sum() / there.sum()


class Scale:
    """How far excerpts differ in what sums them up, by those so far; for each layer."""

    def __init__(self) -> None:
        self._variances: dict[int, Tensor] = {}

    def error(self, layer: int, said: Tensor, taught: Tensor, there: Tensor) -> Tensor:
        """Mean square error in what sums excerpts up, none counted over five times as far.

        layer : its number; the others as for `error`.
        """
        wanted = sums(taught.transpose(1, 2), there)
        latest = wanted.var(dim=0)
        before = self._variances.get(layer, latest)
        variance = self._variances[layer] = torch.lerp(before, latest, 0.02)
        far = (sums(said.float(), there) - wanted).square() / (variance + 1e-4)
        return far.clamp(max=25.0).mean()


def sums(layer: Tensor, there: Tensor) -> Tensor:
    """Means, deviations and mean changes of a layer, shape (n, width, rows): (n, 3 width).

    there : which rows are, shape (n, rows)
    """
    each = there[:, None]
    count = each.sum(dim=2)
    mean = (layer * each).sum(dim=2) / count
    variance = ((layer - mean[:, :, None]).square() * each).sum(dim=2) / count
    both = each[:, :, 1:]  # Where one is, so is the one before it.
    change = ((layer[:, :, 1:] - layer[:, :, :-1]).abs() * both).sum(dim=2)
    change = change / both.sum(dim=2).clamp(min=1.0)
    return torch.cat([mean, (variance + 1e-4).sqrt(), change], dim=1)


def excerpt(
    copies: Sequence[Taught], number: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """`ROWS` rows of clip `number` of all copies, the teacher's answers, and which are there.

    A shorter clip is followed by silence, of which the teacher has said nothing.
    """
    its, clip = _place(copies, number)
    first = int(its.ends[clip - 1]) if clip else 0
    count = int(its.ends[clip]) - first
    first += int(random.integers(max(1, count - ROWS + 1)))
    count = min(count, ROWS)
    frames = its.frames[first : first + count].astype(np.float32)
    rows = np.full((ROWS, frames.shape[1]), frames.min(), np.float32)
    taught = np.zeros((ROWS, its.answers.shape[1]), np.float32)
    there = np.zeros(ROWS, np.float32)
    rows[:count], there[:count] = frames, 1.0
    taught[:count] = its.answers[first : first + count]
    return rows, taught, there


def _place(copies: Sequence[Taught], number: int) -> tuple[Taught, int]:
    """The copy that holds clip `number` of all copies, and which of its own that is."""
    for its in copies:
        if number < len(its.ends):
            return its, number
        number -= len(its.ends)
    raise IndexError(number)
