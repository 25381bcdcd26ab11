"""The network in `model/`: frames in, for each of the windows in them a logit of each emotion."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from functions.kit import onnx
from functions.kit.spectrum import Floats
from functions.kit.windows import lengthened


@dataclass(frozen=True)
class Network:
    """A network that was loaded, and what its file says of itself."""

    labels: tuple[str, ...]
    version: str
    calibration: str
    """What its probabilities were fitted on, as a sentence."""
    margin: float
    """By how much the likeliest emotion must lead the second to be certain."""
    run: Callable[[Floats, Floats], Floats]

    def log_probabilities(self, frames: Floats, starts: Sequence[int] = (0,)) -> Floats:
        """Of each of `labels` for each window, shape (windows, labels).

        frames : what `FineBands` made of them all, shape (frames, bins)
        starts : the frame at which each begins; all are as long as the last, which ends with them
        """
        frames = lengthened(frames)
        return log_softmax(self.run(frames, shares(len(frames), starts)).astype(float))


def load(path: Path | None) -> Network:
    """The network in the ONNX file at `path`. Raises where it is not one of ours."""
    if path is None:
        raise ValueError("function.toml names no file for it")
    session = onnx.session(path)
    said = session.get_modelmeta().custom_metadata_map

    def run(frames: Floats, windows: Floats) -> Floats:
        given = {"frames": frames[None].astype(np.float32), "windows": windows}
        (logits,) = session.run(["logits"], given)
        return np.asarray(logits)

    return Network(
        labels=tuple(json.loads(said["labels"])),
        version=said["version"],
        calibration=said["calibration"],
        margin=float(said["margin"]),
        run=run,
    )


def shares(frames: int, starts: Sequence[int]) -> Floats:
    """How much of each window is in each frame, shape (windows, frames); see `Network`."""
    length = frames - starts[-1]
    since = np.arange(frames) - np.array(starts)[:, None]
    return np.asarray(((since >= 0) & (since < length)) / length, np.float32)


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of probabilities that sum to one along the last axis, shape as `logits`."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
