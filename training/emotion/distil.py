"""Fits the student on what the teacher makes of speech, labelled or not."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from functions.kit import mel
from training.emotion.augment import Augment, Strength
from training.emotion.clip import Clip
from training.emotion.model import Student, normalised
from training.emotion.teacher import FRAMES as HEARD
from training.emotion.teacher import SIZE, STRIDE

STEPS = (2000, 1500)
"""Of each cycle; the first ends at a high rate."""
BATCH = 64
LENGTHS = (160, 208, 256)
"""Frames of the excerpts of one batch."""
STRENGTH = Strength(stretch=0.0, warp=0.0, equaliser=1.2, noisy=0.6, equalised=0.6, telephone=0.0)
"""Nothing that would change what the teacher should say; all that it should be deaf to."""
MEASURED = 2500
"""Clips whose statistics tell how far such statistics differ from clip to clip."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Answers:
    """The teacher's answers, brought to mean 0 and deviation 1, less what only tells the place.

    The teacher adds to what it hears where in its 8 s it hears it: a seventh of all variance, which
    nobody can know from an excerpt.
    """

    mean: Floats
    deviation: Floats
    of_place: Floats
    """The mean at each place, shape (places, 768)."""

    def of(self, clip: Clip, first: int, last: int) -> Floats:
        """Those of the rows from `first` on, up to `last`, shape (rows, 768)."""
        taught = (clip.taught[first:last].astype(np.float32) - self.mean) / self.deviation
        rows: Floats = taught - self.of_place[places(clip)[first:last]]
        return rows


def places(clip: Clip) -> NDArray[np.int64]:
    """Where in the teacher's 8 s each of the clip's rows is, which end with the clip."""
    first = max(0.0, (HEARD - len(clip.logs)) / STRIDE)
    found: NDArray[np.int64] = np.round(first + np.arange(len(clip.taught))).astype(np.int64)
    return np.minimum(found, HEARD // STRIDE)


def answers(clips: Sequence[Clip]) -> Answers:
    """What brings the answers to these clips to mean 0 and deviation 1 at every place."""
    count = np.zeros(HEARD // STRIDE + 1)
    total = np.zeros((len(count), SIZE))
    square = np.zeros(SIZE)
    for clip in clips:
        taught = clip.taught.astype(np.float64)
        np.add.at(total, places(clip), taught)
        np.add.at(count, places(clip), 1)
        square += np.square(taught).sum(axis=0)
    mean = total.sum(axis=0) / count.sum()
    deviation = np.sqrt(square / count.sum() - np.square(mean)) + 1e-3
    here = np.maximum(count, 1)[:, None]
    of_place = (total - count[:, None] * mean) / here / deviation
    return Answers(
        mean.astype(np.float32), deviation.astype(np.float32), of_place.astype(np.float32)
    )


def fit(clips: Sequence[Clip], *, steps: Sequence[int], rate: float, seed: int) -> Student:
    """A student of the teacher's answers to each row, and of their mean and deviation in time.

    After the first of `steps` at a high rate, each of the others ends a cycle at a rate of 0. Each
    cycle begins at the mean of the weights of the one before.
    """
    torch.manual_seed(seed)
    student = Student(dropout=0.0)
    for cycle, its in enumerate(steps):
        student = taught(student, clips, its, rate, seed + cycle, falling=cycle > 0)
    return student


def taught(
    student: Student, clips: Sequence[Clip], steps: int, rate: float, seed: int, *, falling: bool
) -> Student:
    """The running mean of the student's weights after so many steps, at a rate `falling` to 0."""
    random = np.random.default_rng(seed)
    augment = Augment(STRENGTH, seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    teacher = answers(clips)
    some = [clips[i] for i in random.permutation(len(clips))[:MEASURED]]
    measured = [statistics(torch.from_numpy(teacher.of(clip, 0, 64))[None]) for clip in some]
    scale = (torch.cat(measured).std(dim=0) + 1e-2).to(device)
    student = student.to(device).train()
    # The mean of what can't be known is flat: the student's deviations are smaller throughout.
    gain = nn.Parameter(torch.ones(SIZE, device=device))
    bias = nn.Parameter(torch.zeros(SIZE, device=device))
    running = AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW([*student.parameters(), gain, bias], lr=rate, weight_decay=0.02)
    schedule = (
        torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=steps, pct_start=0.05, anneal_strategy="linear"
        )
        if falling
        else torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=3 * steps, pct_start=0.1
        )
    )
    weight = np.array([min(len(clip.logs), max(LENGTHS)) for clip in clips], float)
    weight /= weight.sum()
    total, begun = np.zeros(2), time.monotonic()
    for step in range(1, steps + 1):
        frames = int(random.choice(LENGTHS))
        drawn = [clips[i] for i in random.choice(len(clips), BATCH, p=weight)]
        cut = [excerpt(clip, teacher, frames, random) for clip in drawn]
        logs = torch.from_numpy(np.stack([logs for logs, _ in cut]))
        right = torch.from_numpy(np.stack([rows for _, rows in cut])).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            said = student(normalised(augment.heard(logs)).to(device))
        said = said.float().transpose(1, 2)
        mean, deviation = statistics(said).chunk(2, dim=1)
        pooled = torch.cat([mean, gain * deviation + bias], dim=1) / scale
        by_row = error(said, right)
        in_all = error(pooled, statistics(right) / scale)
        optimizer.zero_grad()
        (by_row + in_all).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running.update_parameters(student)
        total += by_row.item(), in_all.item()
        if step % 100 == 0:
            seconds = time.monotonic() - begun
            print(
                f"student: step {step} of {steps}, error {total[0] / 100:.3f} by row, "
                f"{total[1] / 100:.3f} in all, {seconds:.0f} s",
                flush=True,
            )
            total[:] = 0.0
    fitted: Student = running.module.cpu().eval()
    return fitted


def error(said: Tensor, taught: Tensor) -> Tensor:
    """Mean square error, no difference counted over 6 deviations."""
    return (said - taught).clamp(-6.0, 6.0).square().mean()


def statistics(rows: Tensor) -> Tensor:
    """Mean and deviation in time of `rows`, shape (n, rows, 768) -> (n, 1536)."""
    mean = rows.mean(dim=1)
    variance = (rows - mean[:, None]).square().mean(dim=1)
    return torch.cat([mean, (variance + 1e-3).sqrt()], dim=1)


def excerpt(
    clip: Clip, teacher: Answers, frames: int, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """`frames` frames from anywhere in a clip, and the answers to them; a shorter one repeated."""
    rows = min(len(clip.logs) // STRIDE, len(clip.taught))
    wanted = frames // STRIDE
    first = int(random.integers(max(1, rows - wanted + 1)))
    last = min(first + wanted, rows)
    logs = clip.logs[STRIDE * first : STRIDE * last].astype(np.float32)
    taught = teacher.of(clip, first, last)
    return np.resize(logs, (frames, mel.BANDS)), np.resize(taught, (wanted, SIZE))
