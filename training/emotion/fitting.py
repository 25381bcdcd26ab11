"""A network that is fitted on some of the clips, and what it makes of others."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from training.emotion import corpus, head, listening, model, school, tuning
from training.emotion.clip import LABELS, Clip
from training.emotion.corpus import Frames
from training.emotion.listening import Heard
from training.emotion.student import Student

TUNING = 20
"""One step of tuning for so many of the student."""


@dataclass(frozen=True)
class Fitting:
    """What a network is fitted on."""

    clips: list[Clip]
    frames: Frames
    student: Student
    copies: Sequence[Heard]
    """What the student says of each copy of the clips."""
    kept: str
    """How the paths begin under which networks are kept."""
    steps: int
    """Of the student."""
    seed: int

    def network(self, used: NDArray[np.bool_], name: str) -> Path:
        """One that is fitted on the clips that are `used`, shape (clips,); kept under `name`."""
        kept = Path(f"{self.kept}-{name}.onnx")
        if not kept.exists():
            its = head.fit(self.clips, self.copies, used)
            tuned, its = tuning.tune(
                self.student,
                its,
                self.clips,
                self.frames,
                used,
                steps=self.steps // TUNING,
                seed=self.seed,
            )
            listens = Path(f"{self.kept}-{name}-listening.onnx")
            model.listening(tuned, listening.samples(self.frames), listens)
            model.with_head(listens, its, kept)
        return kept

    def judged(self, network: Path, these: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Log probabilities of each of `these` clips, shape (n, 9): the mean over its windows."""
        clips = np.flatnonzero(these)
        total = np.zeros((len(self.clips), len(LABELS)))
        windows = np.zeros((len(self.clips), 1))
        for clip, logits in listening.told(network, self.frames, clips.tolist(), copy=0):
            total[clip] += log_softmax(logits.astype(float), axis=1).sum(axis=0)
            windows[clip] += len(logits)
        return np.asarray(total[clips] / windows[clips])


def prepared(options: Namespace) -> Fitting:
    """The student and what it hears, from `options` as of `training.emotion`; kept in `work`."""
    clips = corpus.clips(options.voices)
    folders = (*options.speech, options.voices)
    student = school.student(
        lambda: [corpus.taught(folder, options.work) for folder in folders],
        options.work,
        steps=options.student_steps,
        seed=options.seed,
    )
    frames = corpus.frames(clips, options.work)
    kept = f"{options.work}/{options.student_steps}-{options.seed}"
    listens = Path(f"{kept}-listening.onnx")
    if not listens.exists():
        model.listening(student, listening.samples(frames), listens)
    copies = [listening.hear(listens, frames, copy) for copy in range(listening.COPIES)]
    return Fitting(clips, frames, student, copies, kept, options.student_steps, options.seed)
