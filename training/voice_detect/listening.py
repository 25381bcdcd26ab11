"""Every clip as the function hears it, in numbers that a linear model can judge."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from functions.kit.fine import FineBands
from functions.kit.listener import Listener, NoSpeech
from functions.kit.mel import RATE
from functions.kit.windows import Window
from functions.voice_detect import features
from functions.voice_detect.features import Measures
from training.student import split, under_loudest
from training.taught import Taught
from training.voice_detect.corpus import Clip
from training.voice_detect.model import FINE, SPAN, Fine, Listening
from training.voice_detect.student import Student

Array = NDArray[np.float32]
_UPPER = np.triu_indices(FINE)


@dataclass(frozen=True)
class Heard:
    """A copy of some clips; what is of a clip is the mean over its windows, by their speech."""

    clips: NDArray[np.int64]
    """Which clips, shape (n,): those without speech are left out."""
    statistics: Array
    """Of the windows of all clips, shape (windows, `model.STATISTICS`)."""
    weights: Array
    """What part of its clip's speech is in each window, shape (windows,)."""
    ends: NDArray[np.int64]
    """Where each clip's windows end, shape (n,)."""
    fine: Array
    """The upper triangle of each clip's fine structure, shape (n, 128 · 129 / 2)."""
    values: Array
    """The features of each clip, shape (n, 5), but for the embedding's variance."""

    def means(self, windows: Array) -> Array:
        """Of something of each window, shape (windows, …): each clip's mean, shape (n, …)."""
        weighted = windows * self.weights.reshape(-1, *[1] * (windows.ndim - 1))
        return np.asarray(np.add.reduceat(weighted, [0, *self.ends[:-1]]), np.float32)


def directions(copy: Taught, seed: int) -> torch.Tensor:
    """The principal directions of the fine structure, for `Fine`, shape (128, 96, 3)."""
    random = np.random.default_rng(seed)
    some = []
    for first, last in zip([0, *copy.ends[:-1:3]], copy.ends[::3], strict=False):
        frames = under_loudest(split(torch.from_numpy(copy.frames[first:last]).float()[None]))[0]
        frames = (frames - frames.mean(dim=0)) / 4.0
        spans = frames.unfold(0, SPAN, 1)
        some.append(spans[random.integers(0, len(spans), 30)])
    patches = torch.cat(some)
    variances, vectors = torch.linalg.eigh(patches.flatten(1).T.cov())
    largest = slice(-FINE, None)
    scale = (variances[largest] + 1e-4 * variances[-1]).sqrt()
    return (vectors[:, largest] / scale).T.reshape(FINE, *patches.shape[1:])


def hear(
    listening: Listening, clips: list[Clip], copy: int, work: Path, name: str, jobs: int
) -> Heard:
    """A copy of each clip, kept in `work` under `name`."""
    kept = work / f"heard-{name}-{len(clips)}-{copy}.npz"
    if not kept.exists():
        model = work / "listening.pt"
        torch.save(listening.state_dict(), model)
        found: list[tuple[int, Array, Array, Array, Array]] = []
        with ProcessPoolExecutor(jobs, initializer=_load, initargs=(model,)) as pool:
            told = pool.map(partial(_heard, copy=copy), enumerate(clips), chunksize=50)
            for number, one in enumerate(told):
                if one is not None:
                    found.append((number, *one))
                if (number + 1) % 500 == 0:
                    print(f"copy {copy}: judged {number + 1} of {len(clips)} clips", flush=True)
        numbers, statistics, weights, fine, values = zip(*found, strict=True)
        np.savez(
            kept,
            clips=np.array(numbers),
            statistics=np.concatenate(statistics),
            weights=np.concatenate(weights),
            ends=np.cumsum([len(each) for each in weights]),
            fine=np.stack(fine),
            values=np.stack(values),
        )
    with np.load(kept) as file:
        return Heard(**{key: file[key] for key in file})


_listening = Listening(Student(), Fine())
"""The network of one of the processes that share the work."""


def _load(model: Path) -> None:
    torch.set_num_threads(1)
    _listening.load_state_dict(torch.load(model))
    _listening.eval()


def _heard(numbered: tuple[int, Clip], copy: int) -> tuple[Array, Array, Array, Array] | None:
    """Of one clip: its windows' statistics and weights, its fine structure, its features."""
    number, clip = numbered
    samples = clip.samples(copy, number)
    listener = Listener(lambda windows: map(_judge, windows), FineBands(), Measures())
    listener.push(samples)
    try:
        told = listener.finish(len(samples) / RATE)
    except NoSpeech:
        return None
    statistics, fine, values = zip(*told.judged, strict=True)
    weights = told.weights.astype(np.float32)
    return (
        np.stack(statistics),
        weights,
        np.asarray(weights @ np.stack(fine), np.float32),
        np.asarray(weights @ np.stack(values), np.float32),
    )


def _judge(window: Window) -> tuple[Array, Array, Array]:
    frames, measures = window.tracks
    with torch.no_grad():
        statistics, fine = _listening(torch.from_numpy(np.asarray(frames, np.float32))[None])
    upper = fine[0].reshape(FINE, FINE).numpy()[_UPPER]
    values = features.of(measures, window.speech, np.zeros(1))
    return statistics[0].numpy(), upper, values.astype(np.float32)
