"""What the network makes of a corpus, and mostly a language, that it was never fitted on.

    python -m training.emotion.unseen --voices ../shared/data/emotion --speech ../shared/data/voice

What `python -m training.emotion` kept is used again. A network is fitted once without each corpus
of many speakers; what is printed is the unweighted average recall among those labels of the corpus
that others have too, beside what guessing would reach. Clips of the split `test` are not read.
"""

import numpy as np

from training.emotion import folds
from training.emotion.__main__ import options_of, recalls
from training.emotion.fitting import prepared


def main() -> None:
    options = options_of("training.emotion.unseen", __doc__)
    fitting = prepared(options)
    clips = fitting.clips
    part = folds.deal(clips, 2, seed=options.seed)
    corpora = np.array([clip.corpus for clip in clips])
    labels = np.array([clip.label for clip in clips])
    for name in sorted(set(corpora[part >= 0])):
        # A label that only this corpus has can't be found.
        these = (corpora == name) & np.isin(labels, labels[corpora != name])
        network = fitting.network(corpora != name, f"without-{name}")
        logits = fitting.judged(network, these)
        reached = recalls([clips[i] for i in np.flatnonzero(these)], logits)[name]
        several = len(set(labels[these]))
        print(f"{name}: {reached:.3f} of {several} labels, by guessing {1 / several:.3f}")


if __name__ == "__main__":
    main()
