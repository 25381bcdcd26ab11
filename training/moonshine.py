"""What a second network pre-trained on speech makes of a clip, for ours to learn from.

It is the encoder of Moonshine tiny (https://github.com/moonshine-ai/moonshine, MIT), which hears
English speech for what is said. Its file is inside the wheel of `moonshine-voice`. Only what two
of its layers answer is used, and only while training: none of its weights are in the networks that
ship.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from functions.kit import mel
from functions.kit import onnx as runtime
from functions.kit.spectrum import Floats
from training import ort_format

FILE = Path("assets/tiny-en/encoder_model.ort")
INPUTS = {"input_values": TensorProto.FLOAT, "attention_mask": TensorProto.INT64}
LAYERS = ("/layers.1/Add_1_output_0", "/layers.3/Add_1_output_0")
"""What its second and its fourth layer hand on: 288 values every 24 ms each."""
WIDTH = 288
LONGEST = 8 * mel.RATE
"""Samples that it is given."""
SHORTEST = mel.RATE
"""What is shorter is followed by silence up to so many samples."""
_ROW, _FIRST = 384, 447
"""Samples from one row to the next, and the one that the first row is about."""


class Moonshine:
    """Answers with what `LAYERS` say. Raises SystemExit where its package is missing."""

    def __init__(self, work: Path) -> None:
        spec = find_spec("moonshine_voice")
        folders = spec.submodule_search_locations if spec else None
        if not folders:
            raise SystemExit("A teacher is missing: pip install --no-deps -r training/teacher.txt")
        cut = work / "teacher-moonshine.onnx"
        onnx.save(ort_format.read(Path(folders[0]) / FILE, INPUTS, LAYERS), cut)
        self._session = runtime.session(cut)

    def hear(self, samples: Floats) -> tuple[NDArray[np.int64], Floats]:
        """What it makes of the first 8 s of 16 kHz `samples`, and the sample each row is about.

        Shapes (rows,) and (rows, 576).
        """
        samples = samples[:LONGEST].astype(np.float32)
        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        all_of_it = np.ones((1, len(samples)), np.int64)
        found = self._session.run(
            list(LAYERS), {"input_values": samples[None], "attention_mask": all_of_it}
        )
        answers = np.concatenate([layer[0] for layer in found], axis=1)
        return _FIRST + _ROW * np.arange(len(answers)), answers
