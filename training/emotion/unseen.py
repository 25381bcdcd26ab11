"""What the network makes of a corpus, and mostly a language, that it was never fitted on.

    python -m training.emotion.unseen --voices ../shared/data/emotion --speech ../shared/data/voice

What `python -m training.emotion` kept is used again. The head is fitted once without each corpus
of many speakers; what is printed is the unweighted average recall among those labels of the corpus
that others have too, beside what guessing would reach. Clips of the split `test` are not read.
"""

import numpy as np

from training.emotion import folds, head
from training.emotion.__main__ import heard_by, judged, options_of, recalls


def main() -> None:
    options = options_of("training.emotion.unseen", __doc__)
    clips, _, copies = heard_by(options)
    part = folds.deal(clips, 2, seed=options.seed)
    corpora = np.array([clip.corpus for clip in clips])
    labels = np.array([clip.label for clip in clips])
    for name in sorted(set(corpora[part >= 0])):
        fitted = head.fit(clips, copies, corpora != name)
        # A label that only this corpus has can't be found.
        these = np.flatnonzero((corpora == name) & np.isin(labels, labels[corpora != name]))
        logits = judged(fitted, copies[0], len(clips))[these]
        reached = recalls([clips[i] for i in these], logits)[name]
        several = len(set(labels[these]))
        print(f"{name}: {reached:.3f} of {several} labels, by guessing {1 / several:.3f}")


if __name__ == "__main__":
    main()
