"""What is done for every function, done once before any request: a made-up sound is heard.

What it sets up on the way (tables, caches, the kernels of onnxruntime) is then shared by all that
is forked, and a first request does not pay for it. No function's code or model takes part.
"""

import io
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from deploy.service.report import Meter
from functions.kit.manifest import Limits
from functions.kit.problem import Problem
from functions.kit.steps import finish

RATE = 44_100
SECONDS = 2.0
LIMITS = Limits(
    bytes=2**20, seconds=60, min_seconds=0, channels=2, sample_rate_min=RATE, sample_rate_max=RATE
)
IDENTITY = (
    b"\x08\x08:7\n\x10\n\x01x\x12\x01y\x22\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12"
    b"\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)
"""An ONNX model with one number in and the same one out, `y = Identity(x)`."""


def rehearse() -> None:
    """Do all of it for which the modules have been imported."""
    Meter("").ready()
    if "functions.kit.listener" in sys.modules:
        _hear()
    if "onnxruntime" in sys.modules:
        _infer()


def _hear() -> None:
    import numpy as np
    import soundfile

    from functions.kit.audio import Audio
    from functions.kit.fine import FineBands
    from functions.kit.listener import Listener
    from functions.kit.mel import RATE as HEARD_RATE

    tone = 0.1 * np.sin(np.arange(int(SECONDS * RATE)) / 10)
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone, tone], axis=1), RATE, format="WAV")
    # It is not speech, and that is said at the end.
    with Audio(file, rate=HEARD_RATE, limits=LIMITS) as audio, suppress(Problem):
        finish(Listener(lambda windows: windows, FineBands()).steps(audio))


def _infer() -> None:
    import numpy as np

    from functions.kit import onnx

    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(IDENTITY)
        file.flush()
        session = onnx.session(Path(file.name))
    session.run(None, {"x": np.zeros(1, np.float32)})
