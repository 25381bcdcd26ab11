"""How well machine-made voices are told from human ones, on pages that the model never heard.

    python -m benchmarks.voice_accuracy --split test --robust

Each clip goes through the function as it ships. One that is refused (no speech) is ranked as wrong
as can be. Beside it: what its votes are worth alone, fitted on `val`, and boosted trees on trivial
features, fitted on `train`. `--robust` judges the same clips again as FLAC and MP3, by telephone,
by way of 8 kHz, softer, and in noise. Each evaluation on `test` is written to `test_log.jsonl`,
and what it found to the `figures.json` that ships with the model.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    clips,
    conditions,
    evaluations,
    risk,
    separation,
    trivial,
    voice_tables,
    voice_votes,
    voices,
)
from benchmarks.environments import PeerError
from benchmarks.voice_report import pages_of, ranks, report, share, synthetics
from benchmarks.voices import Answer
from functions.voice_detect import core, network

FUNCTION = core.MANIFEST.name
MODEL = core.FOLDER / "model" / f"{FUNCTION}.onnx"
PICTURE = Path(__file__).parent / "results" / f"{FUNCTION}_risk_coverage.svg"


def trees(data: Path, answers: Sequence[Answer]) -> dict[str, Any]:
    """AUC of boosted trees on trivial features, on the same clips, and our lead over it.

    They are fitted on `train`. Raises PeerError where scikit-learn cannot be had.
    """
    fitted = voices.load(data, "train")
    scores = trivial.TREES.scores(
        trivial.table([one.audio for one in fitted]),
        [one.synthetic for one in fitted],
        trivial.table([one.voice.audio for one in answers]),
    )
    synthetic, pages = synthetics(answers), pages_of(answers)
    ahead, interval = separation.lead(ranks(answers), scores, synthetic, pages)
    return {
        **separation.figures(scores, synthetic, pages),
        "within_pages": separation.within(scores, synthetic, pages),
        "ahead": ahead,
        "ahead_interval": interval,
    }


def robust(answers: Sequence[Answer]) -> dict[str, Any]:
    """AUC and equal error rate under each condition, and what of the AUC is lost."""
    synthetic, pages = synthetics(answers), pages_of(answers)
    result = {}
    for condition in conditions.CONDITIONS:
        after = voices.ask([one.voice for one in answers], condition)
        lost, interval = separation.lead(ranks(answers), ranks(after), synthetic, pages)
        result[condition] = {
            **separation.figures(ranks(after), synthetic, pages),
            "within_pages": separation.within(ranks(after), synthetic, pages),
            "lost": lost,
            "lost_interval": interval,
            "accused": share(after, synthetic=False),
            "caught": share(after, synthetic=True),
            "refused": sum(one.refusal is not None for one in after),
        }
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.voice_accuracy", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=clips.folder(), help="holds voice/manifest.csv"
    )
    parser.add_argument("--split", choices=["test", "val"], default="val")
    parser.add_argument("--robust", action="store_true", help="under each condition too")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there too")
    parser.add_argument("--figure", type=Path, metavar="SVG", help="draw risk against coverage")
    options = parser.parse_args()
    try:
        result = judge(options.data, options.split, under_conditions=options.robust)
    except (FileNotFoundError, PeerError) as error:
        print(error, file=sys.stderr)
        return 2
    print(voice_tables.markdown(result))
    if options.json:
        options.json.write_text(evaluations.written(result))
    if options.figure:
        draw(result, options.figure)
    if options.split == "test":
        keep(result)
    return 0


def judge(data: Path, split: str, *, under_conditions: bool) -> dict[str, Any]:
    """The report on a split, with the votes and the trees beside it.

    Raises FileNotFoundError without the clips, and PeerError where scikit-learn cannot be had.
    """
    judged = voices.load(data, split)
    trivial.TREES.python()
    answers = voices.ask(judged)
    fitted = answers if split == "val" else voices.ask(voices.load(data, "val"))
    result = {"split": split, **report(answers)}
    result["votes"] = voice_votes.alone(fitted, answers)
    result["trees"] = trees(data, answers)
    if under_conditions:
        result["robust"] = robust(answers)
    return result


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Risk against coverage as SVG, where some clips are certain and some are not."""
    its = result["certain"]
    if "right" in its:
        marked = (its["coverage"] / 100, 1 - its["right"] / 100)
        path.write_text(risk.picture(result["risk_coverage"], marked, "certain"))


def keep(result: Mapping[str, Any]) -> None:
    """Log the evaluation, and write figures and picture of the model that was judged."""
    version = network.load(MODEL).version
    sha256 = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    keys = ("clips", "auc", "auc_interval", "eer", "eer_interval", "within_pages", "ece")
    headline = {key: result[key] for key in (*keys, "certain", "accused", "caught")}
    headline["families"] = {name: its["auc"] for name, its in result["families"].items()}
    headline["trees"] = result["trees"]["auc"]
    if "robust" in result:
        headline["lost"] = {name: its["lost"] for name, its in result["robust"].items()}
    shipped = {"version": version, "sha256": sha256, **result}
    evaluations.keep(FUNCTION, version, {"sha256": sha256, **headline}, shipped)
    draw(result, PICTURE)


if __name__ == "__main__":
    sys.exit(main())
