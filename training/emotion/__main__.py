"""From a folder of labelled voices to `functions/emotion/model/emotion.onnx`, in one command.

    python -m training.emotion --voices ../shared/data/emotion --speech ../shared/data/voice

1. A small network (the student) learns what a larger one, pre-trained on speech (the teacher),
   makes of all the speech there is, labelled or not.
2. It is tuned to emotions once for each part of the speakers of `train` and `val`, without that
   part. So each clip is judged by a network that was tuned without its speaker: the figures
   printed, the temperature and the uncertain band come from these judgements.
3. It is tuned once more on all of these speakers. What ships is the mean of all these networks.

The split `test` plays no part in it. What is finished is kept under --work, so that a run that was
stopped goes on where it was.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from functions.emotion import core
from functions.kit.mel import FPS
from functions.kit.windows import FRAMES, HOP_S, LONGEST
from training import export
from training.emotion import calibrate, corpus, distil, folds, model, tune
from training.emotion.clip import LABELS, Clip

OUT = core.FOLDER / "model" / "emotion.onnx"
EVERYBODY = -2
"""The number of a part that nobody is in."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="training.emotion", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/emotion"))
    parser.add_argument("--speech", type=Path, nargs="*", default=[], help="more, without labels")
    parser.add_argument("--work", type=Path, default=Path(".bench/emotion"), help="cache")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--version", default="1", help="what answers call the model")
    parser.add_argument("--parts", type=int, default=4, help="of the speakers")
    parser.add_argument("--student-steps", type=int, default=3500)
    parser.add_argument("--steps", type=int, default=tune.Settings.steps, help="of each tuning")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    voices = [clip for clip in corpus.load(options.voices, options.work) if clip.split != "test"]
    speech = list(voices)
    for folder in options.speech:
        speech += [clip for clip in corpus.load(folder, options.work) if clip.split != "test"]

    student = kept(
        options.work / f"student-{options.student_steps}-{options.seed}.pt",
        lambda: distil.fit(speech, steps=options.student_steps, rate=3e-3, seed=options.seed),
        model.Student(),
    )
    part = folds.deal(voices, options.parts, options.seed)
    settings = tune.Settings(steps=options.steps)
    logits = np.zeros((len(voices), len(LABELS)))
    nets = []
    for number in (*range(options.parts), EVERYBODY):
        heard = [clip for clip, left_out in zip(voices, part, strict=True) if left_out != number]
        name = f"without part {number + 1} of {options.parts}" if number >= 0 else "on everybody"
        net = kept(
            options.work / f"{name.replace(' ', '-')}-{options.steps}-{options.seed}.pt",
            lambda: tune.fit(student, heard, settings, options.seed, name),  # noqa: B023 (called at once)
            model.EmotionNet(model.Student()),
        )
        nets.append(net)
        for index in np.flatnonzero(part == number):
            logits[index] = judged(net, voices[index])
    unheard = np.flatnonzero(part >= 0)
    clips, logits = [voices[i] for i in unheard], logits[unheard]
    fitted = calibrated(clips, logits)
    print(json.dumps({"uar": recalls(clips, logits), **fitted._asdict()}))

    options.out.parent.mkdir(parents=True, exist_ok=True)
    properties = {
        "version": options.version,
        "margin": f"{fitted.margin:.3f}",
        "calibration": f"temperature and uncertain band fitted on {len(clips)} clips of "
        f"{len({clip.speaker for clip in clips})} speakers, each judged by a network tuned without "
        "that speaker",
    }
    model.write(mean(nets), fitted.temperature, properties, options.out)
    if options.out == OUT:
        export.declare(OUT, core.MANIFEST.folder)


def kept(
    path: Path, make: Callable[[], torch.nn.Module], empty: torch.nn.Module
) -> torch.nn.Module:
    """The network in `path`, made if it is not there yet; `empty` is one of its kind."""
    if not path.exists():
        torch.save(make().state_dict(), path)
    empty.load_state_dict(torch.load(path))
    return empty.eval()


def mean(nets: Sequence[torch.nn.Module]) -> model.EmotionNet:
    """The network whose weights are the mean of those of `nets`, which come of one student.

    After Wortsman et al., "Model soups", ICML 2022.
    """
    states = [net.state_dict() for net in nets]
    soup = model.EmotionNet(model.Student())
    soup.load_state_dict(
        {
            name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(value.dtype)
            for name, value in states[0].items()
        }
    )
    soup.eval()
    return soup


def judged(net: torch.nn.Module, clip: Clip) -> NDArray[np.float64]:
    """A network's log probabilities for a clip, shape (9,): the mean over its windows."""
    logs = torch.from_numpy(clip.logs.astype(np.float32))
    length = FRAMES if len(logs) > LONGEST else len(logs)
    starts = {*range(0, len(logs) - length + 1, int(HOP_S * FPS)), len(logs) - length}
    with torch.no_grad():
        found = [net(model.normalised(logs[None, at : at + length]))[0] for at in sorted(starts)]
    mean: NDArray[np.float64] = torch.stack(found).log_softmax(dim=1).mean(dim=0).double().numpy()
    return mean


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
    for name, has in tune.labels_of(clips).items():
        here = corpora == name
        right = np.where(has, logits[here], -np.inf).argmax(axis=1) == labels[here]
        each = [right[labels[here] == label].mean() for label in np.flatnonzero(has)]
        found[name] = round(float(np.mean(each)), 3)
    return found


if __name__ == "__main__":
    main()
