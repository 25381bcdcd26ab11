"""Fits judges of emotion on what the student's ears hear of labelled voices.

The ears stay as they learnt to hear from the teacher, so what they hear is computed once, in some
copies of every clip; only what follows them is fitted, its head first and then gently all of it.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from functions.kit import mel
from training.emotion.augment import Augment, Strength
from training.emotion.clip import LABELS, Clip
from training.emotion.model import Judge, Student, normalised

LONGEST = 360
"""Frames that excerpts are cut from; shorter clips are repeated."""
LENGTHS = (152, 200, 248)
"""Frames of the excerpts of one copy, in turn."""
HEAD_FRAMES, HEAD_COPIES = 260, 2
"""Frames of the excerpts that the head is fitted on, and how many of each clip."""
FEW = 20
"""Clips of one label in one corpus under which they are drawn less often."""
FEW_LABELS = 3
"""Labels of one speaker under which the voice may be taken for the emotion."""


@dataclass(frozen=True)
class Settings:
    """How the network is fitted."""

    steps: int = 900
    batch: int = 64
    rate: float = 8e-4
    """Of the student; the head's is `head_rate`."""
    head_rate: float = 3e-4
    decay: float = 0.02
    smoothing: float = 0.1
    """Of the labels (Szegedy et al., CVPR 2016)."""
    mixing: float = 0.2
    """Alpha of mixup (Zhang et al., ICLR 2018)."""
    everything: float = 0.1
    """The share of the loss over all labels; the rest is among those that the corpus has."""
    one_voice: float = 0.5
    """How often a corpus of one or two speakers is drawn beside another of its size."""
    one_mood: float = 0.1
    """How often speakers of fewer than `FEW_LABELS` emotions are drawn beside others."""
    head_strength: float = 0.005
    """How much the clips count against weights of zero, when the head is fitted alone."""


def labels_of(clips: Sequence[Clip]) -> dict[str, NDArray[np.bool_]]:
    """Which labels occur in each corpus, shape (9,) each."""
    found = {clip.corpus: np.zeros(len(LABELS), bool) for clip in clips}
    for clip in clips:
        found[clip.corpus][clip.label] = True
    return found


def sampling(clips: Sequence[Clip], one_voice: float, one_mood: float) -> NDArray[np.float64]:
    """How often each clip is drawn: labels alike, corpora by the square root of their size."""
    weight = np.zeros(len(clips))
    corpora = np.array([clip.corpus for clip in clips])
    labels = np.array([clip.label for clip in clips])
    for corpus in sorted(set(corpora)):
        here = corpora == corpus
        share = np.sqrt(here.sum())
        if len({clip.speaker for clip, inside in zip(clips, here, strict=True) if inside}) <= 2:
            share *= one_voice
        for label in sorted(set(labels[here])):
            these = here & (labels == label)
            weight[these] = share / len(set(labels[here])) / max(these.sum(), FEW)
    moods: dict[str, set[int]] = {}
    for clip in clips:
        moods.setdefault(clip.speaker, set()).add(clip.label)
    weight *= [one_mood if len(moods[clip.speaker]) < FEW_LABELS else 1.0 for clip in clips]
    return weight / weight.sum()


def excerpts(clips: Sequence[Clip], random: np.random.Generator) -> Tensor:
    """`LONGEST` frames of each clip from anywhere in it, or all of it over and over."""
    cut = []
    for clip in clips:
        start = int(random.integers(max(1, len(clip.logs) - LONGEST + 1)))
        cut.append(np.resize(clip.logs[start : start + LONGEST], (LONGEST, mel.BANDS)))
    return torch.from_numpy(np.stack(cut).astype(np.float32))


def losses(logits: Tensor, target: Tensor, among: Tensor, everything: float) -> Tensor:
    """Cross entropy over all labels, and over those that the clip's corpus has, shape (n,)."""
    here = logits.masked_fill(~among, -1e4).log_softmax(dim=1).clamp(min=-50.0)
    both = everything * logits.log_softmax(dim=1) + (1.0 - everything) * here
    return -(target * both).sum(dim=1)


@dataclass(frozen=True)
class Heard:
    """What the ears hear of every clip: copies of shape (clips, 192, rows), each other voices."""

    masked: list[Tensor]
    """Also with some bands and times missing."""
    whole: list[Tensor]


def hear(student: Student, clips: Sequence[Clip], copies: int, seed: int) -> Heard:
    """What the student's ears make of `clips`, as other speakers in other rooms."""
    random = np.random.default_rng(seed)
    augment = Augment(Strength(), seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ears = copy.deepcopy(student.ears).to(device).eval()

    def one(frames: int, *, masked: bool) -> Tensor:
        heard = []
        for start in range(0, len(clips), 64):
            voices = augment.voices(excerpts(clips[start : start + 64], random), frames)
            bands = normalised(voices)
            bands = augment.masks(bands) if masked else bands
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
                heard.append(ears(bands.to(device)).bfloat16())
        return torch.cat(heard)

    return Heard(
        masked=[one(LENGTHS[each % len(LENGTHS)], masked=True) for each in range(copies)],
        whole=[one(HEAD_FRAMES, masked=False) for _ in range(HEAD_COPIES)],
    )


def fit(
    student: Student,
    heard: Heard,
    clips: Sequence[Clip],
    among: NDArray[np.int64],
    settings: Settings,
    seed: int,
    name: str,
) -> Judge:
    """A judge with a copy of the student's mind, fitted on those of `clips` whose places are
    `among`; a running mean of its weights.

    `heard` is of all `clips`. `name` is what the progress lines call it.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    device = heard.whole[0].device
    judge = Judge(copy.deepcopy(student.mind)).to(device)
    own = [clips[i] for i in among]
    weights = sampling(own, settings.one_voice, settings.one_mood)
    fit_head(judge, [copied[among] for copied in heard.whole], own, weights, settings)
    running = AveragedModel(judge, multi_avg_fn=get_ema_multi_avg_fn(0.99), use_buffers=True)
    rates = [settings.rate, settings.head_rate]
    optimizer = torch.optim.AdamW(
        [{"params": judge.mind.parameters()}, {"params": judge.head.parameters()}],
        weight_decay=settings.decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rates, total_steps=settings.steps, pct_start=0.1
    )
    corpora = labels_of(own)
    has = torch.from_numpy(np.stack([corpora[clip.corpus] for clip in own]))
    labels = functional.one_hot(torch.tensor([clip.label for clip in own]), len(LABELS)).float()
    judge.train()
    for layer in judge.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.eval()  # The student's statistics are of far more voices.
    total, begun = 0.0, time.monotonic()
    for step in range(1, settings.steps + 1):
        drawn = random.choice(len(own), settings.batch, p=weights)
        copied = heard.masked[int(random.integers(len(heard.masked)))]
        rows = copied[among[drawn]].float()
        share = float(random.beta(settings.mixing, settings.mixing))
        other = random.permutation(settings.batch)
        rows = share * rows + (1.0 - share) * rows[other]
        target = share * labels[drawn] + (1.0 - share) * labels[drawn[other]]
        either = has[drawn] | has[drawn[other]]
        evenly = either / either.sum(dim=1, keepdim=True)
        target = (1.0 - settings.smoothing) * target + settings.smoothing * evenly
        with torch.autocast(device.type, torch.bfloat16):
            logits = judge(rows)
        each = losses(logits.float(), target.to(device), either.to(device), settings.everything)
        loss = each.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(judge.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        running.update_parameters(judge)
        total += loss.item()
        if step % 100 == 0:
            seconds = time.monotonic() - begun
            print(
                f"{name}: step {step} of {settings.steps}, loss {total / 100:.3f}, {seconds:.0f} s",
                flush=True,
            )
            total = 0.0
    fitted: Judge = running.module.cpu().eval()
    return fitted


def fit_head(
    judge: Judge,
    heard: Sequence[Tensor],
    clips: Sequence[Clip],
    weights: NDArray[np.float64],
    settings: Settings,
) -> None:
    """Set the head by logistic regression on what the mind says, as it is, of each copy."""
    device = judge.head.weight.device
    judge.eval()
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        found = [judge.statistics(some.float()) for copied in heard for some in copied.split(64)]
    statistics = torch.cat(found)
    judge.mean.copy_(statistics.mean(dim=0))
    judge.deviation.copy_(statistics.std(dim=0) + 1e-5)
    rows = (statistics - judge.mean) / judge.deviation
    copies = len(heard)
    corpora = labels_of(clips)
    has = torch.from_numpy(np.stack([corpora[clip.corpus] for clip in clips]))
    has = has.repeat(copies, 1).to(device)
    labels = functional.one_hot(torch.tensor([clip.label for clip in clips]), len(LABELS))
    labels = labels.float().repeat(copies, 1).to(device)
    counts = torch.tensor(weights * len(clips), dtype=torch.float32).repeat(copies).to(device)
    with torch.no_grad():
        judge.head.weight.zero_()
        judge.head.bias.zero_()
    optimizer = torch.optim.LBFGS(
        judge.head.parameters(), max_iter=60, history_size=10, line_search_fn="strong_wolfe"
    )

    def cost() -> Tensor:
        optimizer.zero_grad()
        each = losses(judge.head(rows), labels, has, settings.everything)
        total = settings.head_strength * (each * counts).sum()
        total = total + 0.5 * judge.head.weight.square().sum()
        total.backward()
        return total

    optimizer.step(cost)
