"""From folders of songs to `functions/beats/model/beats.npz`, in one command.

    python -m training.beats --songs ../shared/data/beats --rendered r0 r1 r2

The network is first fitted on rendered music alone, then tuned on the `dev` songs three times,
each time without a third of them: so the figures printed (and the certainty fitted on them) are of
songs that the network in question never heard. What ships is the mean of the three networks.
Songs of other splits are never read.
"""

import argparse
import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.clips import reference
from benchmarks.score import RIGHT, Estimate, Score, figures, score
from functions.beats import bars, certainty, core, tracker
from functions.beats.frontend import compress
from functions.beats.network import Network
from functions.kit.spectrum import Floats
from training.beats import corpus
from training.beats.corpus import Song
from training.beats.model import BeatNet, exported
from training.beats.train import fit

PARTS = 3
SPEEDS = (1.0, 0.94, 1.07)
"""How fast the dev songs are played: pitch and tempo together, for variety in training."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="training.beats", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--songs", type=Path, default=Path("../shared/data/beats"))
    parser.add_argument("--rendered", type=Path, nargs="+", required=True)
    parser.add_argument(
        "--more", type=Path, nargs="*", default=[], help="rendered folders only for the tuning"
    )
    parser.add_argument("--work", type=Path, default=Path(".bench/beats"), help="cache")
    parser.add_argument("--out", type=Path, default=core.WEIGHTS)
    parser.add_argument("--steps", type=int, default=2500, help="of fitting on rendered music")
    parser.add_argument("--tune-steps", type=int, default=400, help="of each tuning")
    parser.add_argument("--channels", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    rendered = [song for folder in options.rendered for song in load(folder, options.work)]
    dev = [song for song in load(options.songs, options.work, SPEEDS) if song.split == "dev"]
    torch.set_num_threads(1)
    base = pretrained(rendered, options)

    rendered += [song for folder in options.more for song in load(folder, options.work)]
    judged: list[tuple[Song, Floats]] = []
    nets: list[BeatNet] = []
    for part in range(PARTS):
        heard = [song for song in dev if part_of(song) != part]
        nets.append(tuned(base, heard, rendered, options))
        arrays = exported(nets[-1])
        for song in dev:
            if part_of(song) == part and "@" not in song.name:
                judged.append((song, logits(song, arrays)))
    kept: dict[str, Any] = {song.name: heard for song, heard in judged}
    np.savez(options.work / "judged.npz", **kept)
    weights = certainty_of(judged)
    print(json.dumps(figures([judge(song, heard, weights) for song, heard in judged])))

    shipped = halved(exported(mean(nets)))
    np.savez(options.out, **shipped, certainty=weights.astype(np.float32))


def load(folder: Path, work: Path, speeds: tuple[float, ...] = (1.0,)) -> list[Song]:
    """A folder's songs, with their features kept under `work`."""
    return corpus.load(folder, work / folder.resolve().name, speeds)


def part_of(song: Song) -> int:
    """Which part of `dev` a song is in, whatever its speed."""
    return crc32(song.name.partition("@")[0].encode()) % PARTS


def pretrained(rendered: Sequence[Song], options: argparse.Namespace) -> BeatNet:
    """The network fitted on rendered music; kept, so that tuning can be done again."""
    kept = options.work / f"base-{options.channels}-{options.steps}-{len(rendered)}.pt"
    net = BeatNet(options.channels)
    if kept.exists():
        net.load_state_dict(torch.load(kept))
        return net
    net = fit(rendered, net, steps=options.steps, rate=3e-3, seed=options.seed)
    torch.save(net.state_dict(), kept)
    return net


def tuned(
    base: BeatNet, heard: Sequence[Song], rendered: Sequence[Song], options: argparse.Namespace
) -> BeatNet:
    """`base` tuned on the songs `heard`, with rendered music beside them so as not to forget it."""
    return fit(
        [*heard, *rendered],
        copy.deepcopy(base),
        steps=options.tune_steps,
        rate=1e-3,
        seed=options.seed,
        favoured={song.name for song in heard},
    )


def mean(nets: Sequence[BeatNet]) -> BeatNet:
    """The network whose weights are the mean of those of `nets`, which have one origin.

    After Wortsman et al., "Model soups", ICML 2022.
    """
    states = [net.state_dict() for net in nets]
    soup = copy.deepcopy(nets[0])
    soup.load_state_dict(
        {
            name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(value.dtype)
            for name, value in states[0].items()
        }
    )
    return soup


def logits(song: Song, arrays: Mapping[str, Floats]) -> Floats:
    """What the shipped form of a network says of a song, shape (frames, 2)."""
    bands = np.exp(song.logs.astype(np.float32)) - corpus.FLOOR
    shipped = {name: values.astype(np.float32) for name, values in halved(arrays).items()}
    return Network(shipped).push(compress(bands.clip(0)), last=True)


def halved(arrays: Mapping[str, Floats]) -> dict[str, Any]:
    """A network's arrays in the half precision that they ship in."""
    return {name: values.astype(np.float16) for name, values in arrays.items()}


def beats_of(heard: Floats) -> NDArray[np.int64]:
    """The beat frames that the shipped tracker finds in logits of shape (frames, 2)."""
    tracking = tracker.Tracker()
    tracking.push(heard[:, 0])
    beats = tracker.heard(tracking.finish(), heard[:, 0])
    return tracker.without_subdivisions(beats, heard[:, 0])


def judge(song: Song, heard: Floats, weights: NDArray[np.float64]) -> Score:
    """How right the beats are that are found in a song's logits."""
    beats = beats_of(heard)
    times = tracker.refine(beats, heard[:, 0])
    metre = bars.read(beats, heard[:, 1])
    clear = metre.evidence >= bars.CLEAR
    tempo_bpm = 60.0 / float(np.median(np.diff(song.beats)))
    estimate = Estimate(
        beats=times.tolist(),
        downbeats=times[metre.first].tolist() if clear else None,
        beats_per_bar=metre.beats if clear else None,
        confidence=certainty.probability(beats, heard[:, 0], weights),
    )
    return score(reference(song.beats, song.numbers, tempo_bpm), estimate)


def certainty_of(judged: Sequence[tuple[Song, Floats]]) -> NDArray[np.float64]:
    """Logistic regression, lightly held to zero, of whether F is at least 0.8."""
    rows = np.array([certainty.features(beats_of(heard), heard[:, 0]) for _, heard in judged])
    right = np.array([judge(song, heard, np.zeros(6)).f >= RIGHT for song, heard in judged])

    def cost(weights: NDArray[np.float64]) -> float:
        signed = np.where(right, 1.0, -1.0) * (rows @ weights)
        return float(np.logaddexp(0.0, -signed).sum() + 0.05 * (weights[:-1] ** 2).sum())

    fitted: NDArray[np.float64] = minimize(cost, np.zeros(rows.shape[1])).x
    return fitted


if __name__ == "__main__":
    main()
