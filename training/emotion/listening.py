"""Every clip as the student hears it, in numbers that a linear model can judge."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from functions.emotion.network import shares
from functions.kit.fine import BANDS, PER_ROW
from functions.kit.listener import TOGETHER
from functions.kit.mel import FPS
from functions.kit.onnx import session
from functions.kit.windows import FRAMES, HOP_S, LONGEST, lengthened
from training.emotion.augment import Augment, Worse
from training.emotion.corpus import Frames
from training.quantise import Given, some
from training.student import split

COPIES = 3
"""Of each clip: as it is, and twice as another voice, in noise or by telephone."""
PACE, PITCH = 0.15, 0.12
WORSE = Worse(spared=0.2, equaliser=0.45, noisy=0.5, noise=(-10.0, -3.0), telephone=0.35, hiss=0.5)
"""How another voice may sound."""


@dataclass(frozen=True)
class Heard:
    """What the student says of some clips, in windows as the function's."""

    said: NDArray[np.float32]
    """Of each window, shape (windows, `SAID`)."""
    clips: NDArray[np.int64]
    """Which clip it is a window of, shape (windows,)."""


def samples(frames: Frames) -> Iterator[Given]:
    """What the network may be given: some clips, as they are and as other, worse voices."""
    for copy in range(2):
        for _, given in _given(frames, some(len(frames.ends)), copy):
            yield given


def hear(network: Path, frames: Frames, copy: int) -> Heard:
    """Every clip, kept beside the network: copy 0 as it is, others as other, worse voices."""
    kept = network.with_name(f"{network.stem}-{len(frames.ends)}-{copy}.npz")
    if not kept.exists():
        found, clips = [], []
        for clip, said in told(network, frames, range(len(frames.ends)), copy):
            found.append(said)
            clips += [clip] * len(said)
        np.savez(kept, said=np.concatenate(found), clips=np.array(clips))
    with np.load(kept) as file:
        return Heard(file["said"], file["clips"])


def told(
    network: Path, frames: Frames, clips: Iterable[int], copy: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """What the network makes of windows of each of the `clips`, shape (windows, …)."""
    run = session(network).run
    for clip, given in _given(frames, clips, copy):
        yield clip, run(None, dict(given))[0]


def _given(frames: Frames, clips: Iterable[int], copy: int) -> Iterator[tuple[int, Given]]:
    """Windows of each of the `clips`, as the network is given them."""
    augment = Augment(copy)
    for clip in clips:
        # Another voice is at another pace, so that each of its windows is heard by itself.
        for rows, starts in _windows(frames.of(clip).astype(np.float32), 1 if copy else TOGETHER):
            if copy:
                voice = split(torch.from_numpy(rows)[None])
                length = int(voice.shape[1] * np.exp(-PACE)) // PER_ROW * PER_ROW
                voice = augment.worse(augment.voices(voice, length, PACE, PITCH), WORSE)
                rows = voice.reshape(-1, PER_ROW * BANDS).numpy()
            yield clip, {"frames": rows[None], "windows": shares(len(rows), starts)}


def _windows(
    rows: NDArray[np.float32], together: int
) -> Iterator[tuple[NDArray[np.float32], list[int]]]:
    """Those that the function would judge, up to so many at once, and where each begins."""
    length = FRAMES if len(rows) > LONGEST else len(rows)
    starts = sorted({*range(0, len(rows) - length + 1, int(HOP_S * FPS)), len(rows) - length})
    for i in range(0, len(starts), together):
        these = starts[i : i + together]
        yield (
            lengthened(rows[these[0] : these[-1] + length]),
            [start - these[0] for start in these],
        )
