"""What a network pre-trained on speech makes of a clip, for ours to learn from.

The teacher is Smart Turn v3.2 (https://github.com/pipecat-ai/smart-turn, BSD 2-Clause): the
encoder of Whisper tiny (https://github.com/openai/whisper, MIT), fitted further to tell in 23
languages whether a speaker has finished. Its file is inside the wheel of `pipecat-ai`. Only what
its first two layers answer is used, and only while training: none of its weights are in the
network that ships.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from functions.kit import mel
from functions.kit import onnx as runtime
from functions.kit.spectrum import Floats

FILE = Path("audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx")
LAYERS = ("add_146", "add_268")
"""The outputs of the first and the second layer, 384 values every 20 ms each."""
SIZE = 768
STRIDE = 4
"""Frames of `LogMel` (64 ms) that one row of the answer stands for."""
_SAMPLES = 8 * mel.RATE
_FRAME, _HOP, _BANDS = 400, 160, 80


class Teacher:
    """The first two layers of the teacher. Raises SystemExit where its package is missing."""

    def __init__(self, work: Path) -> None:
        spec = find_spec("pipecat")
        folders = spec.submodule_search_locations if spec else None
        if not folders:
            raise SystemExit(
                "The teacher is missing: pip install --no-deps -r training/teacher.txt"
            )
        cut = work / "teacher.onnx"
        onnx.utils.extract_model(
            Path(folders[0]) / FILE, cut, ["input_features"], list(LAYERS), check_model=False
        )
        self._session = runtime.session(cut)
        self._filters = _slaney_filterbank()
        self._window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_FRAME) / _FRAME)

    def hear(self, samples: Floats) -> NDArray[np.float16]:
        """Both layers' means over each 64 ms of the first 8 s of `samples`, shape (rows, 768).

        Row i is centred on frame 4 i of `LogMel`.
        """
        samples = samples[:_SAMPLES]
        before = _SAMPLES - len(samples)
        padded = np.pad(samples, (before, 0)).astype(np.float64)
        found = self._session.run(list(LAYERS), {"input_features": self._features(padded)[None]})
        both = np.concatenate([each[0] for each in found], axis=1)
        samples_of = 2 * _HOP * np.arange(len(both)) - before
        row = (samples_of + STRIDE * mel.HOP // 2) // (STRIDE * mel.HOP)
        row, both = (
            row[samples_of >= -STRIDE * mel.HOP // 2],
            both[samples_of >= -STRIDE * mel.HOP // 2],
        )
        total = np.zeros((row.max() + 1, SIZE), np.float32)
        np.add.at(total, row, both)
        return (total / np.maximum(np.bincount(row), 1)[:, None]).astype(np.float16)

    def _features(self, samples: NDArray[np.float64]) -> NDArray[np.float32]:
        """Whisper's log mel bands, shape (80, 800), of samples brought to one loudness."""
        level = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        around = np.pad(level, _FRAME // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(around, _FRAME)[::_HOP][:-1]
        power = np.abs(np.fft.rfft(frames * self._window)) ** 2
        logs = np.log10(np.maximum(power @ self._filters, 1e-10))
        features: NDArray[np.float32] = ((np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0).T
        return features.astype(np.float32)


def _slaney_filterbank() -> NDArray[np.float64]:
    """Triangles of equal area on Slaney's mel scale (Auditory Toolbox, 1998), shape (201, 80)."""
    linear, per_mel = 15.0, np.log(6.4) / 27.0
    top = linear + np.log(mel.RATE / 2 / 1000.0) / per_mel
    mels = np.linspace(0.0, top, _BANDS + 2)
    hz = np.where(mels < linear, mels * 200.0 / 3.0, 1000.0 * np.exp(per_mel * (mels - linear)))
    left, middle, right = hz[:-2], hz[1:-1], hz[2:]
    bins = np.linspace(0.0, mel.RATE / 2, _FRAME // 2 + 1)[:, None]
    triangles = np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle))
    return np.maximum(0.0, triangles) * 2.0 / (right - left)
