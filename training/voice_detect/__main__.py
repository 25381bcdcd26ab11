"""From a folder of voices to `functions/voice_detect/model/voice_detect.onnx`, in one command.

    python -m training.voice_detect --voices ../shared/data/voice

1. A small network (the student) learns what a larger one, pre-trained on speech (the teacher),
   makes of voices, human and not, as they are and through other channels.
2. Two logistic regressions learn to tell the two from what the student says of a window, and from
   how its fine structure varies: once for each part of the pages of `train` and `val`, without it.
   So each clip is judged by one that never saw its page: the figures printed, the weights of the
   votes and the uncertain band come from these judgements.
3. They are fitted once more on all of these pages, and shipped.

The split `test` plays no part in it. What is finished is kept under --work, so that a run that was
stopped goes on where it was.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from functions.kit.windows import FRAMES
from functions.voice_detect import core
from training import distil, export, quantise
from training.taught import Taught
from training.voice_detect import corpus, decide, folds, heads, listening
from training.voice_detect.corpus import Clip
from training.voice_detect.model import Fine, Listening
from training.voice_detect.student import Student

OUT = core.FOLDER / "model" / "voice_detect.onnx"
PARTS = 4
COPIES = 3
"""As it is, and through two draws of channels."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="training.voice_detect",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/voice"))
    parser.add_argument("--work", type=Path, default=Path(".bench/voice_detect"), help="cache")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--version", default="1", help="what answers call the model")
    parser.add_argument("--student-steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    clips = corpus.clips(options.voices)
    taught = [corpus.taught(clips, copy, options.work) for copy in range(COPIES)]
    name = f"{options.student_steps}-{options.seed}"
    path = options.work / f"student-{name}.pt"
    if not path.exists():
        student = distil.fit(
            taught, steps=options.student_steps, rate=3e-3, seed=options.seed, make=Student
        )
        torch.save(student.state_dict(), path)
    net = Listening(Student(), Fine()).eval()
    net.student.load_state_dict(torch.load(path))
    net.fine.directions.copy_(listening.directions(taught[0], options.seed))
    heard = [
        listening.hear(net, clips, copy, options.work, name, options.threads)
        for copy in range(COPIES)
    ]

    part = folds.deal([clip.page for clip in clips], PARTS)
    unseen = [heads.fit(clips, heard, part != number) for number in range(PARTS)]
    for copy in heard:
        print(json.dumps(figures(clips, copy, judged(unseen, part, copy))), flush=True)
    as_is = heard[0]
    values = as_is.values.astype(float)
    machine = np.array([clips[i].machine for i in as_is.clips])
    whole = heads.fit(clips, heard, np.ones(len(clips), bool))
    embedding = (as_is.statistics - whole.voice.mean) / whole.voice.deviation
    values[:, -1] = as_is.means(embedding.var(axis=1))
    fitted = decide.fit(judged(unseen, part, as_is), values, machine)
    print(json.dumps(fitted.as_dict()))

    pages = {clip.page for clip in clips}
    properties = {
        "version": options.version,
        "decision": json.dumps(fitted.as_dict()),
        "calibration": f"Votes, probability and uncertain band were fitted on {len(machine)} clips "
        f"of {len(pages)} pages, {machine.mean():.0%} of them machine-made, each judged by a "
        "network that was fitted without its page.",
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    window = {"frames": torch.zeros(1, 200, taught[0].frames.shape[1])}
    shipped = heads.network(net, whole)
    samples = ({"frames": rows[None]} for copy in taught[:2] for rows in windows(copy))
    export.write(shipped, window, ["score", "embedding"], properties, options.out, samples)
    if options.out == OUT:
        export.declare(OUT, core.MANIFEST.folder)


def windows(copy: Taught) -> Iterator[NDArray[np.float32]]:
    """The first window of some of the clips."""
    for clip in quantise.some(len(copy.ends)):
        first = copy.ends[clip - 1] if clip else 0
        yield copy.frames[first : min(copy.ends[clip], first + FRAMES)].astype(np.float32)


def judged(
    unseen: list[heads.Heads], part: NDArray[np.int64], heard: listening.Heard
) -> NDArray[np.float64]:
    """Each clip's score by the heads that were fitted without its page."""
    every = np.stack([each.scores(heard) for each in unseen])
    return np.asarray(every[part[heard.clips], np.arange(len(heard.clips))], float)


def figures(
    clips: list[Clip], heard: listening.Heard, scores: NDArray[np.float64]
) -> dict[str, float]:
    """Area under the curve and equal error rate over all, and the mean area within pages."""
    machine = np.array([clips[i].machine for i in heard.clips])
    pages = np.array([clips[i].page for i in heard.clips])
    wrong, right, _ = roc_curve(machine, scores)
    within = [
        roc_auc_score(machine[here], scores[here])
        for here in (pages == page for page in sorted(set(pages)))
        if min(machine[here].sum(), (~machine[here]).sum()) >= 5
    ]
    equal = np.argmin(np.abs(wrong - (1 - right)))
    return {
        "auc": round(float(roc_auc_score(machine, scores)), 3),
        "eer": round(float(wrong[equal] + 1 - right[equal]) / 2, 3),
        "auc_within_pages": round(float(np.mean(within)), 3),
    }


if __name__ == "__main__":
    main()
