"""Fits the whole network on labelled voices: first its head alone, then gently all of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from functions.kit import mel
from training.emotion.augment import Augment, Strength
from training.emotion.clip import LABELS, Clip
from training.emotion.model import EmotionNet, Student, normalised

LONGEST = 360
"""Frames that excerpts are cut from; shorter clips are repeated."""
LENGTHS = (152, 200, 248)
"""Frames of the excerpts of one batch."""
HEAD_FRAMES, HEAD_COPIES = 260, 2
"""Frames of the excerpts that the head is fitted on, and how many of each clip."""
FEW = 20
"""Clips of one label in one corpus under which they are drawn less often."""


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
    everything: float = 0.5
    """The share of the loss over all labels; the rest is among those that the corpus has."""
    one_voice: float = 0.5
    """How often a corpus of one or two speakers is drawn beside another of its size."""
    head_strength: float = 0.005
    """How much the clips count against weights of zero, when the head is fitted alone."""
    augment: Strength = field(default_factory=Strength)


def labels_of(clips: Sequence[Clip]) -> dict[str, NDArray[np.bool_]]:
    """Which labels occur in each corpus, shape (9,) each."""
    found = {clip.corpus: np.zeros(len(LABELS), bool) for clip in clips}
    for clip in clips:
        found[clip.corpus][clip.label] = True
    return found


def sampling(clips: Sequence[Clip], one_voice: float) -> NDArray[np.float64]:
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
    return weight / weight.sum()


def excerpts(clips: Sequence[Clip], random: np.random.Generator) -> Tensor:
    """`LONGEST` frames of each clip from anywhere in it, or all of it over and over."""
    cut = []
    for clip in clips:
        start = int(random.integers(max(1, len(clip.logs) - LONGEST + 1)))
        cut.append(np.resize(clip.logs[start : start + LONGEST], (LONGEST, mel.BANDS)))
    return torch.from_numpy(np.stack(cut).astype(np.float32))


def loss_of(logits: Tensor, target: Tensor, among: Tensor, everything: float) -> Tensor:
    """Cross entropy over all labels, and over those that the clip's corpus has."""
    here = logits.masked_fill(~among, -1e4).log_softmax(dim=1).clamp(min=-50.0)
    both = everything * logits.log_softmax(dim=1) + (1.0 - everything) * here
    return -(target * both).sum(dim=1).mean()


def fit(
    student: Student, clips: Sequence[Clip], settings: Settings, seed: int, name: str
) -> EmotionNet:
    """A network around a copy of `student`, fitted on `clips`; a running mean of its weights.

    `name` is what the progress lines call it.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    augment = Augment(settings.augment, seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    own = Student()
    own.load_state_dict(student.state_dict())
    net = EmotionNet(own).to(device)
    weights = sampling(clips, settings.one_voice)
    fit_head(net, clips, weights, settings, augment, random)
    running = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.99), use_buffers=True)
    rates = [settings.rate, settings.head_rate]
    optimizer = torch.optim.AdamW(
        [{"params": net.student.parameters()}, {"params": net.head.parameters()}],
        weight_decay=settings.decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rates, total_steps=settings.steps, pct_start=0.1
    )
    corpora = labels_of(clips)
    net.train()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.eval()  # The student's statistics are of far more voices.
    total, begun = 0.0, time.monotonic()
    for step in range(1, settings.steps + 1):
        drawn = [clips[i] for i in random.choice(len(clips), settings.batch, p=weights)]
        voices = augment.voices(excerpts(drawn, random), int(random.choice(LENGTHS)))
        bands = augment.masks(normalised(voices))
        target = functional.one_hot(torch.tensor([clip.label for clip in drawn]), len(LABELS))
        among = torch.from_numpy(np.stack([corpora[clip.corpus] for clip in drawn]))
        share = float(random.beta(settings.mixing, settings.mixing))
        other = torch.from_numpy(random.permutation(settings.batch))
        bands = share * bands + (1.0 - share) * bands[other]
        mixed = share * target + (1.0 - share) * target[other]
        among = among | among[other]
        evenly = among / among.sum(dim=1, keepdim=True)
        mixed = (1.0 - settings.smoothing) * mixed + settings.smoothing * evenly
        with torch.autocast(device.type, torch.bfloat16):
            logits = net(bands.to(device))
        loss = loss_of(logits.float(), mixed.to(device), among.to(device), settings.everything)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        running.update_parameters(net)
        total += loss.item()
        if step % 100 == 0:
            seconds = time.monotonic() - begun
            print(
                f"{name}: step {step} of {settings.steps}, loss {total / 100:.3f}, {seconds:.0f} s",
                flush=True,
            )
            total = 0.0
    fitted: EmotionNet = running.module.cpu().eval()
    return fitted


def fit_head(
    net: EmotionNet,
    clips: Sequence[Clip],
    weights: NDArray[np.float64],
    settings: Settings,
    augment: Augment,
    random: np.random.Generator,
) -> None:
    """Set the head by logistic regression on what the student says, as it is."""
    device = net.head.weight.device
    net.eval()
    found = []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for start in range(0, HEAD_COPIES * len(clips), settings.batch):
            ids = range(start, min(start + settings.batch, HEAD_COPIES * len(clips)))
            some = excerpts([clips[i % len(clips)] for i in ids], random)
            bands = normalised(augment.voices(some, HEAD_FRAMES))
            found.append(net.statistics(bands.to(device)))
    statistics = torch.cat(found)
    net.mean.copy_(statistics.mean(dim=0))
    net.deviation.copy_(statistics.std(dim=0) + 1e-5)
    rows = (statistics - net.mean) / net.deviation
    labels = torch.tensor([clip.label for clip in clips]).repeat(HEAD_COPIES).to(device)
    counts = torch.tensor(weights * len(clips), dtype=torch.float32).repeat(HEAD_COPIES).to(device)
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.zero_()
    optimizer = torch.optim.LBFGS(
        net.head.parameters(), max_iter=80, history_size=10, line_search_fn="strong_wolfe"
    )

    def cost() -> Tensor:
        optimizer.zero_grad()
        each = functional.cross_entropy(net.head(rows), labels, reduction="none")
        total = settings.head_strength * (each * counts).sum()
        total = total + 0.5 * net.head.weight.square().sum()
        total.backward()
        return total

    optimizer.step(cost)
