"""The network in `model/`: the frames of one window in, a score and an embedding out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from functions.kit import onnx
from functions.kit.spectrum import Floats
from functions.kit.windows import lengthened
from functions.voice_detect import votes
from functions.voice_detect.votes import Decision


@dataclass(frozen=True)
class Network:
    """A network that was loaded, and what its file says of itself."""

    version: str
    calibration: str
    """What its probabilities were fitted on, as a sentence."""
    decision: Decision
    run: Callable[[Floats], tuple[float, Floats]]

    def judge(self, frames: Floats) -> tuple[float, Floats]:
        """The score of one window, and its embedding, shape (n,).

        frames : what `FineBands` made of it, shape (frames, bins).

        The score is a logit, not calibrated: the larger, the likelier it is AI_GENERATED.
        """
        return self.run(lengthened(frames))


def load(path: Path | None) -> Network:
    """The network in the ONNX file at `path`. Raises where it is not one of ours."""
    if path is None:
        raise ValueError("function.toml names no file for it")
    session = onnx.session(path)
    said = session.get_modelmeta().custom_metadata_map

    def run(frames: Floats) -> tuple[float, Floats]:
        given = {"frames": frames[None].astype(np.float32)}
        score, embedding = session.run(["score", "embedding"], given)
        return float(score[0]), np.asarray(embedding[0], float)

    return Network(said["version"], said["calibration"], votes.read(said["decision"]), run)
