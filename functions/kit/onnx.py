"""ONNX Runtime as this project runs it: one thread, little memory, and nothing told to anyone.

Nothing else imports onnxruntime. Its Linux wheels have telemetry that is on by default: the
import starts a thread, and leaves a database with an identifier under the home directory. Only
the environment, set before that import, prevents it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def session(path: Path) -> InferenceSession:
    """A session of the model in `path`, on one thread of the CPU.

    onnxruntime is imported here, so that what never runs a model never pays for it. It keeps no
    plan of the memory for each shape of input it has met, as those are many.

    Raises ImportError where onnxruntime is not installed, and its own errors where it can't read
    the file.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # Whatever became of it since.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.log_severity_level = 3  # Errors; they are raised as well.
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
