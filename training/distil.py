"""Fits the student on what its teachers make of voices, as they are and changed."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.cycle import cycle
from training.precision import autocast
from training.student import split
from training.taught import Taught
from training.teacher import WIDTH

S = TypeVar("S", bound=nn.Module)
Halves = NDArray[np.float16]
BATCH = 32
ROWS = 192
"""Of 16 ms, in an excerpt."""
STEM_WEIGHT = 2.0
"""Of the error in the convolutions, against that in the layers."""
PARTS = slice(None, WIDTH), slice(WIDTH, None)
"""Where among the answers the convolutions are, and the layers."""


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
    optimizer = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=0.01, fused=True)
    schedule = cycle(optimizer, rate, steps)
    some = np.sort(random.integers(0, len(copies[0].answers), 60_000))
    answers = copies[0].answers[some].astype(np.float32)
    mean = torch.from_numpy(answers.mean(axis=0))[:, None].to(device)
    deviation = torch.from_numpy(answers.std(axis=0))[:, None].to(device) + 1e-3
    # Longer clips oftener, by the rows that they have, up to ten seconds.
    lengths = np.concatenate([np.diff(copy.ends, prepend=0) for copy in copies])
    weight = np.minimum(lengths, 600) / np.minimum(lengths, 600).sum()
    scales = Scale(changes=True), Scale(changes=False)
    total, begun = np.zeros(2), time.monotonic()
    for step in range(1, steps + 1):
        drawn = random.choice(len(weight), BATCH, p=weight)
        cut = [excerpt(copies, int(number), random) for number in drawn]
        rows, stem, context, count = (
            torch.from_numpy(np.stack(it)) for it in zip(*cut, strict=True)
        )
        there = (torch.arange(ROWS) < count[:, None]).float()[:, None].to(device)
        masks = there, there[:, :, ::2].contiguous()
        student.train()
        with autocast(device):
            says = student(changed(split(rows.float())).to(device))
        says = [layer.float() * mask for layer, mask in zip(says, masks, strict=True)]
        taught = [
            layer.to(device).float().sub_(mean[part]).div_(deviation[part]).mul_(mask)
            for layer, part, mask in zip((stem, context), PARTS, masks, strict=True)
        ]
        layers = list(zip(says, taught, masks, strict=True))
        errors = [error(*each) for each in layers]
        loss = STEM_WEIGHT * errors[0] + errors[1]
        if summed:
            each = [scale.error(*its) for scale, its in zip(scales, layers, strict=True)]
            loss = loss + summed * sum(each)
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
    """Mean square error over the rows that are there; over 4 deviations it grows linearly (Huber).

    said, taught : of a layer, shape (n, width, rows), zero where no row is
    there : which rows are, shape (n, 1, rows)
    """
    far = functional.huber_loss(said, taught, delta=4.0, reduction="sum")
    return 2.0 * far / (there.sum() * said.shape[1])


class Scale:
    """How far excerpts differ in what sums a layer up, by those so far."""

    def __init__(self, *, changes: bool) -> None:
        self._changes = changes
        self._variance: Tensor | None = None

    def error(self, said: Tensor, taught: Tensor, there: Tensor) -> Tensor:
        """Mean square error in what sums excerpts up, none counted over five times as far.

        As for `error`.
        """
        with torch.no_grad():
            wanted = sums(taught, there, changes=self._changes)
            latest = wanted.var(dim=0)
            before = latest if self._variance is None else self._variance
            self._variance = torch.lerp(before, latest, 0.02)
        far = (sums(said, there, changes=self._changes) - wanted).square()
        return (far / (self._variance + 1e-4)).clamp(max=25.0).mean()


def sums(layer: Tensor, there: Tensor, *, changes: bool) -> Tensor:
    """Means, deviations and mean `changes` of a layer, as for `error`: (n, 2 or 3 width)."""
    count = there.sum(dim=2)
    mean = layer.sum(dim=2) / count
    variance = (layer.square().sum(dim=2) / count - mean.square()).clamp(min=0.0)
    said = [mean, (variance + 1e-4).sqrt()]
    if changes:
        both = there[:, :, 1:]  # Where one is, so is the one before it.
        change = ((layer[:, :, 1:] - layer[:, :, :-1]).abs() * both).sum(dim=2)
        said.append(change / both.sum(dim=2).clamp(min=1.0))
    return torch.cat(said, dim=1)


def excerpt(
    copies: Sequence[Taught], number: int, random: np.random.Generator
) -> tuple[Halves, Halves, Halves, int]:
    """Of clip `number` of all copies, up to `ROWS` rows and what the teachers answer, in columns.

    Of the layers that is at every other row. A shorter clip is followed by silence, of which
    nothing is said; what is last says how many rows it has.
    """
    its, clip = _place(copies, number)
    first = int(its.ends[clip - 1]) if clip else 0
    count = int(its.ends[clip]) - first
    first += int(random.integers(max(1, count - ROWS + 1)))
    count = min(count, ROWS)
    frames = its.frames[first : first + count]
    rows = np.full((ROWS, frames.shape[1]), frames.min(), np.float16)
    rows[:count] = frames
    answers = its.answers[first : first + count].T
    stem = np.zeros((WIDTH, ROWS), np.float16)
    stem[:, :count] = answers[:WIDTH]
    context = np.zeros((len(answers) - WIDTH, ROWS // 2), np.float16)
    context[:, : (count + 1) // 2] = answers[WIDTH:, ::2]
    return rows, stem, context, count


def _place(copies: Sequence[Taught], number: int) -> tuple[Taught, int]:
    """The copy that holds clip `number` of all copies, and which of its own that is."""
    for its in copies:
        if number < len(its.ends):
            return its, number
        number -= len(its.ends)
    raise IndexError(number)
