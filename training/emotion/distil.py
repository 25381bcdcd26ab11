"""Fits the student on what the teacher makes of speech, labelled or not."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from functions.kit import mel
from training import distil
from training.emotion.augment import Augment, Strength
from training.emotion.clip import Clip
from training.emotion.model import Student, normalised
from training.emotion.teacher import SIZE, STRIDE

BATCH = 64
FRAMES = 256
ROWS = FRAMES // STRIDE
STRENGTH = Strength(stretch=0.0, warp=0.0, equaliser=1.2, noisy=0.6, equalised=0.6, telephone=0.0)
"""Nothing that would change what the teacher should say; all that it should be deaf to."""


def fit(clips: Sequence[Clip], *, steps: int, rate: float, seed: int) -> Student:
    """A student of the teacher's answers, each of the 768 brought to mean 0 and deviation 1.

    Fitted by AdamW in one cycle of the rate; what is returned is a running mean of its weights.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    augment = Augment(STRENGTH, seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    student = Student().to(device)
    running = AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.1
    )
    some = random.permutation(len(clips))[:1500]
    answers = np.concatenate([clips[i].taught[::3] for i in some]).astype(np.float32)
    mean = torch.from_numpy(answers.mean(axis=0))
    deviation = torch.from_numpy(answers.std(axis=0) + 1e-3)
    weight = np.array([min(STRIDE * len(clip.taught), FRAMES) for clip in clips], float)
    weight /= weight.sum()
    total, begun = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        drawn = [clips[i] for i in random.choice(len(clips), BATCH, p=weight)]
        cut = [excerpt(clip, random) for clip in drawn]
        logs = torch.from_numpy(np.stack([logs for logs, _, _ in cut]))
        taught = (torch.from_numpy(np.stack([taught for _, taught, _ in cut])) - mean) / deviation
        there = torch.arange(ROWS)[None] < torch.tensor([rows for _, _, rows in cut])[:, None]
        student.train()
        with torch.autocast(device.type, torch.bfloat16):
            said = student(normalised(augment.heard(logs)).to(device))
        loss = distil.error(said, taught.to(device), there.to(device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running.update_parameters(student)
        total += loss.item()
        if step % 200 == 0:
            seconds = time.monotonic() - begun
            print(
                f"student: step {step} of {steps}, error {total / 200:.3f}, {seconds:.0f} s",
                flush=True,
            )
            total = 0.0
    fitted: Student = running.module.cpu().eval()
    return fitted


def excerpt(
    clip: Clip, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """`FRAMES` frames, the teacher's answers to them, and how many of these there are.

    A shorter clip is followed by silence, of which the teacher has said nothing.
    """
    rows = min(len(clip.logs) // STRIDE, len(clip.taught))
    start = int(random.integers(max(1, rows - ROWS + 1)))
    rows = min(rows - start, ROWS)
    logs = np.full((FRAMES, mel.BANDS), clip.logs.min(), np.float32)
    taught = np.zeros((ROWS, SIZE), np.float32)
    logs[: STRIDE * rows] = clip.logs[STRIDE * start : STRIDE * (start + rows)]
    taught[:rows] = clip.taught[start : start + rows]
    return logs, taught, rows
