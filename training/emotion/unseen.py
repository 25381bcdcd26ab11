"""What the network makes of a corpus, and mostly a language, that it was never tuned on.

    python -m training.emotion.unseen --voices ../shared/data/emotion

After `python -m training.emotion`, whose student it takes from --work. It tunes once without each
corpus of many speakers, and prints the unweighted average recall among that corpus' labels, beside
what guessing would reach. Clips of the split `test` are not read.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from training.emotion import corpus, folds, model, tune
from training.emotion.__main__ import judged, recalls


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="training.emotion.unseen",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/emotion"))
    parser.add_argument("--work", type=Path, default=Path(".bench/emotion"), help="cache")
    parser.add_argument("--student", type=Path, help="default: the one in --work")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    student = model.Student()
    path = options.student or next(iter(sorted(options.work.glob("student-*.pt"))))
    student.load_state_dict(torch.load(path))
    clips = [clip for clip in corpus.load(options.voices, options.work) if clip.split != "test"]
    part = folds.deal(clips, 2, seed=0)
    for name in sorted(
        {clip.corpus for clip, dealt in zip(clips, part, strict=True) if dealt >= 0}
    ):
        others = [clip for clip in clips if clip.corpus != name]
        known = {clip.label for clip in others}
        # A label that only this corpus has can't be found.
        these = [clip for clip in clips if clip.corpus == name and clip.label in known]
        net = tune.fit(student, others, tune.Settings(), 0, f"without {name}")
        logits = np.array([judged(net, clip) for clip in these])
        labels = len({clip.label for clip in these})
        reached = recalls(these, logits)[name]
        print(f"{name}: {reached:.3f} of {labels} labels, by guessing {1 / labels:.3f}", flush=True)


if __name__ == "__main__":
    main()
