"""From a folder of labelled voices to `functions/emotion/model/emotion.onnx`, in one command.

    python -m training.emotion --voices ../shared/data/emotion --speech ../shared/data/voice

1. A small network (the student) learns what two larger ones, pre-trained on speech (the teachers),
   make of voices without labels, while what it hears is made worse.
2. Logistic regressions learn to tell emotions from what the student says of a window, and the
   student learns a little of it too: once for each part of the speakers of `train` and `val`,
   without it. So each clip is judged by a network that never learnt its speaker's emotions: the
   figures printed, the temperature and the uncertain band come from these judgements.
3. All is fitted once more on all of these speakers, and shipped.

The split `test` plays no part in it. What is finished is kept under --work, so that a run that was
stopped goes on where it was.
"""

import argparse
import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from functions.emotion import core
from training import export
from training.emotion import calibrate, folds, model, school
from training.emotion.balance import labels_of
from training.emotion.clip import LABELS, Clip
from training.emotion.fitting import prepared

OUT = core.FOLDER / "model" / "emotion.onnx"
PARTS = 4


def main() -> None:
    options = options_of("training.emotion", __doc__)
    fitting = prepared(options)
    clips = fitting.clips
    part = folds.deal(clips, PARTS, seed=options.seed)
    logits = np.zeros((len(clips), len(LABELS)))
    for number in range(PARTS):
        unseen = part == number
        network = fitting.network(~unseen, f"without-{number}")
        logits[unseen] = fitting.judged(network, unseen)
    unheard = np.flatnonzero(part >= 0)
    some, logits = [clips[i] for i in unheard], logits[unheard]
    fitted = calibrated(some, logits)
    found = recalls(some, logits)
    mean = round(float(np.mean(list(found.values()))), 3)
    print(json.dumps({"uar": found, "mean": mean, **fitted._asdict()}), flush=True)

    options.out.parent.mkdir(parents=True, exist_ok=True)
    properties = {
        "version": options.version,
        "margin": f"{fitted.margin:.3f}",
        "calibration": f"temperature and uncertain band fitted on {len(some)} clips of "
        f"{len({clip.speaker for clip in some})} speakers, each judged by a network fitted without "
        "that speaker",
    }
    network = fitting.network(np.ones(len(clips), bool), "everybody")
    model.finished(network, fitted.temperature, properties, options.out)
    if options.out == OUT:
        export.declare(OUT, core.MANIFEST.folder)


def options_of(name: str, doc: str | None) -> Namespace:
    parser = argparse.ArgumentParser(
        prog=name, description=doc, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/emotion"))
    parser.add_argument(
        "--speech", type=Path, nargs="*", default=[Path("../shared/data/voice")], help="no labels"
    )
    parser.add_argument("--work", type=Path, default=Path(".bench/emotion"), help="cache")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--version", default="5", help="what answers call the model")
    parser.add_argument(
        "--student-steps",
        type=int,
        default=school.STEPS,
        help="what follows takes steps in proportion",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def calibrated(clips: Sequence[Clip], logits: NDArray[np.float64]) -> calibrate.Calibration:
    """The calibration, each corpus counted alike."""
    corpora = [clip.corpus for clip in clips]
    weights = np.array([1.0 / corpora.count(name) for name in corpora])
    return calibrate.fit(logits, np.array([clip.label for clip in clips]), weights)


def recalls(clips: Sequence[Clip], logits: NDArray[np.float64]) -> dict[str, float]:
    """Unweighted average recall of each corpus, among the labels that it has."""
    labels = np.array([clip.label for clip in clips])
    corpora = np.array([clip.corpus for clip in clips])
    found = {}
    for name, has in labels_of(clips).items():
        here = corpora == name
        right = np.where(has, logits[here], -np.inf).argmax(axis=1) == labels[here]
        each = [right[labels[here] == label].mean() for label in np.flatnonzero(has)]
        found[name] = round(float(np.mean(each)), 3)
    return found


if __name__ == "__main__":
    main()
