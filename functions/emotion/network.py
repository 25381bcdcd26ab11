"""The network in `model/`: the frames of one window in, a logit for each emotion out."""

import json
from collections.abc import Callable
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
    run: Callable[[Floats], Floats]

    def log_probabilities(self, frames: Floats) -> Floats:
        """Of each of `labels`, shape (labels,), for one window.

        frames : what `FineBands` made of it, shape (frames, bins).
        """
        return log_softmax(self.run(lengthened(frames)).astype(float))


def load(path: Path | None) -> Network:
    """The network in the ONNX file at `path`. Raises where it is not one of ours."""
    if path is None:
        raise ValueError("function.toml names no file for it")
    session = onnx.session(path)
    said = session.get_modelmeta().custom_metadata_map

    def run(frames: Floats) -> Floats:
        (logits,) = session.run(["logits"], {"frames": frames[None].astype(np.float32)})
        return np.asarray(logits[0])

    return Network(
        labels=tuple(json.loads(said["labels"])),
        version=said["version"],
        calibration=said["calibration"],
        margin=float(said["margin"]),
        run=run,
    )


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of probabilities that sum to one, shape as `logits` (labels,)."""
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))
