"""How well emotions are recognised in speakers that the model never heard, and how well it knows.

    python -m benchmarks.emotion_accuracy --split test --robust

Each clip goes through the function as it ships. Recall is told twice: among the labels that the
clip's corpus has, and over all labels, where one that the corpus does not know counts as wrong. A
clip that is refused (no speech) is wrong in both. `--robust` judges the same clips again as MP3,
by telephone, softer, and in noise. Each evaluation on `test` is written to `test_log.jsonl`, and
what it found to the `figures.json` that ships with the model.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bootstrap, calibration, clips, conditions, evaluations, recall, risk
from benchmarks.bootstrap import Floats
from benchmarks.environments import workers
from benchmarks.recall import Answer
from functions.emotion import core, network
from functions.kit.problem import Problem

MODEL = core.FOLDER / "model" / "emotion.onnx"
PICTURE = Path(__file__).parent / "results" / "emotion_risk_coverage.svg"
WORKERS, CHUNK = 2, 16
BINS = 15


@dataclass(frozen=True)
class Voice:
    """One clip of one speaker, and the emotion that was meant."""

    audio: Path
    corpus: str
    speaker: str
    label: str


def load(data: Path, split: str | None = None) -> list[Voice]:
    """The voices of one split (all when None). Raises FileNotFoundError where there are none."""
    return [
        Voice(audio, row["corpus"], row["speaker"], row["emotion"])
        for audio, row in clips.rows(data, "emotion", split)
    ]


def labels_of(voices: Sequence[Voice]) -> dict[str, set[str]]:
    """The labels that occur in each corpus."""
    return {
        corpus: {voice.label for voice in voices if voice.corpus == corpus}
        for corpus in {voice.corpus for voice in voices}
    }


def answer(voice: Voice, condition: str | None = None) -> Answer:
    """What the function says of a clip, as it is or under one of `conditions.CONDITIONS`."""
    source = conditions.heard(voice.audio, condition) if condition else voice.audio
    scores, certain, refusal = None, False, None
    try:
        heard = core.analyse(source)
        scores, certain = heard.scores, heard.certain
    except Problem as problem:
        if problem.status != 422:
            raise
        refusal = problem.reason
    return Answer(voice.corpus, voice.speaker, voice.label, scores, certain, refusal)


def ask(voices: Sequence[Voice], condition: str | None = None) -> dict[str, list[Answer]]:
    """`answer` for each, by corpus, from two processes that keep the model loaded."""
    with workers(WORKERS) as pool:
        answers = pool.map(answer, voices, [condition] * len(voices), chunksize=CHUNK)
        return recall.by_corpus(list(answers))


def report(
    corpora: Mapping[str, Sequence[Answer]], among: Mapping[str, Collection[str]]
) -> dict[str, Any]:
    """All figures; UAR and shares x 100, calibration 0..1."""
    everywhere = dict.fromkeys(corpora)
    answers = [one for its in corpora.values() for one in its]
    scored = [one for one in answers if one.scores is not None]
    labels = next((list(one.scores) for one in answers if one.scores), [])
    table = calibration.table([a.confidence for a in scored], [a.right for a in scored], BINS)
    uar, uar_interval = recall.mean(corpora, among)
    uar_all, uar_all_interval = recall.mean(corpora, everywhere)
    return {
        "clips": len(answers),
        "speakers": len({(one.corpus, one.speaker) for one in answers}),
        "refused": Counter(one.refusal for one in answers if one.refusal),
        "uar": uar,
        "uar_interval": uar_interval,
        "uar_all": uar_all,
        "uar_all_interval": uar_all_interval,
        "ece": round(calibration.error(table), 4),
        "certain": certainty(answers),
        "labels": labels,
        "corpora": {name: corpus(its, labels, among[name]) for name, its in corpora.items()},
        "bins": [asdict(one) for one in table],
        "risk_coverage": risk.points(*curve(answers)),
        "risk_area": round(risk.area(*curve(answers)), 4),
    }


def corpus(answers: Sequence[Answer], labels: list[str], among: Collection[str]) -> dict[str, Any]:
    """The figures of one corpus."""
    uar, uar_interval = recall.mean({"": answers}, {"": among})
    uar_all, uar_all_interval = recall.mean({"": answers}, {"": None})
    scored = [one for one in answers if one.scores is not None]
    table = calibration.table([a.confidence for a in scored], [a.right for a in scored], BINS)
    return {
        "clips": len(answers),
        "refused": len(answers) - len(scored),
        "uar": uar,
        "uar_interval": uar_interval,
        "uar_all": uar_all,
        "uar_all_interval": uar_all_interval,
        "ece": round(calibration.error(table), 4),
        "certain": round(100 * float(np.mean([one.certain for one in answers])), 2),
        "speakers": recall.speakers(answers, among),
        "labels": sorted(among),
        "confusion": recall.confusion(answers, labels, among),
        "confusion_all": recall.confusion(answers, labels),
    }


def certainty(answers: Sequence[Answer]) -> dict[str, Any]:
    """What `certain` is worth, as in `risk.certainty`, and the interval of its lead over clips."""
    right = np.array([one.right for one in answers], float)
    certain = np.array([one.certain for one in answers], bool)
    its = risk.certainty(certain, right)
    if "ahead" in its:
        random = np.random.default_rng(0)
        sure, rest = (bootstrap.means(right[those], random) for those in (certain, ~certain))
        its["ahead_interval"] = recall.ends(100 * (sure - rest))
    return its


def curve(answers: Sequence[Answer]) -> tuple[Floats, Floats]:
    """Risk against coverage, by the lead of the first emotion: what `certain` is a bound on."""
    return risk.curve([one.lead for one in answers], [one.right for one in answers])


def robust(
    voices: Sequence[Voice],
    before: Mapping[str, Sequence[Answer]],
    among: Mapping[str, Collection[str]],
) -> dict[str, Any]:
    """The mean UAR under each condition, among the corpora's labels, and what of it is lost."""
    result = {}
    for condition in conditions.CONDITIONS:
        after = ask(voices, condition)
        uar, interval = recall.mean(after, among)
        lost, lost_interval = recall.loss(before, after, among)
        result[condition] = {
            "uar": uar,
            "uar_interval": interval,
            "lost": lost,
            "lost_interval": lost_interval,
            "refused": sum(one.scores is None for its in after.values() for one in its),
            "corpora": {
                name: recall.mean({"": its}, {"": among[name]})[0] for name, its in after.items()
            },
        }
    return result


def markdown(result: Mapping[str, Any]) -> str:
    """The tables a person reads."""
    corpora, certain = result["corpora"], result["certain"]
    lines = [
        "Unweighted average recall x 100, [95 % interval over draws of clips within their label].",
        "",
        "| | clips | speakers | labels | among the corpus's labels | over all labels | speakers "
        "from - to | certain | ECE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, its in corpora.items():
        each = [one["uar"] for one in its["speakers"].values()]
        lines.append(
            f"| {name} | {its['clips']} | {len(each)} | {len(its['labels'])} | {_recalls(its)} "
            f"| {min(each):.0f} - {max(each):.0f} | {its['certain']:.0f} % | {its['ece']:.3f} |"
        )
    lines.append(
        f"| mean | {result['clips']} | {result['speakers']} | {len(result['labels'])} "
        f"| {_recalls(result)} | | {certain['coverage']:.0f} % | {result['ece']:.3f} |"
    )
    refused = ", ".join(f"{count} {reason}" for reason, count in result["refused"].items())
    lines += ["", f"Refused, and counted as wrong: {refused or 'none'}."]
    if "ahead" in certain:
        lines += [
            "",
            f"{risk.sentence(certain)} Expected calibration error ({BINS} bins, over all labels) "
            f"{result['ece']:.3f}.",
        ]
    if "robust" in result:
        names = list(corpora)
        plain = " | ".join(f"{its['uar']:.0f}" for its in corpora.values())
        lines += [
            "",
            f"| condition | mean | points lost | {' | '.join(names)} | refused |",
            "|---|---|---|" + "---|" * (len(names) + 1),
            f"| as it is | {result['uar']:.1f} | | {plain} | {sum(result['refused'].values())} |",
        ]
        for condition, its in result["robust"].items():
            parts = " | ".join(f"{its['corpora'][name]:.0f}" for name in names)
            lost = f"{its['lost']:.1f} {_span(its['lost_interval'])}"
            row = f"| {condition} | {its['uar']:.1f} | {lost} | {parts} | {its['refused']} |"
            lines.append(row)
    for name, its in corpora.items():
        lines += ["", *_confusion(name, its, result["labels"])]
    return "\n".join(lines)


def _recalls(its: Mapping[str, Any]) -> str:
    return " | ".join(
        f"{its[key]:.1f} {_span(its[f'{key}_interval'])}" for key in ("uar", "uar_all")
    )


def _span(ends: Sequence[float]) -> str:
    return f"[{ends[0]:.1f}, {ends[1]:.1f}]"


def _confusion(name: str, its: Mapping[str, Any], labels: Sequence[str]) -> list[str]:
    columns = [(i, label) for i, label in enumerate(labels) if label in its["labels"]]
    columns.append((len(labels), recall.REFUSED))
    return [
        f"{name}: what was meant, and for what of the corpus's labels it was taken.",
        "",
        f"| | {' | '.join(label for _, label in columns)} |",
        "|---|" + "---|" * len(columns),
        *(
            f"| {label} | {' | '.join(str(row[i]) for i, _ in columns)} |"
            for label, row in its["confusion"].items()
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.emotion_accuracy", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=clips.folder(), help="holds emotion/manifest.csv"
    )
    parser.add_argument("--split", choices=["test", "val"], default="val")
    parser.add_argument("--robust", action="store_true", help="under each condition too")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth of `val`")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there too")
    options = parser.parse_args()
    if options.split == "test" and options.every != 1:
        parser.error("The test split is judged whole: leave --every out.")
    try:
        voices = load(options.data, options.split)[:: options.every]
        among = labels_of(load(options.data))
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    answers = ask(voices)
    result = report(answers, among)
    if options.robust:
        result["robust"] = robust(voices, answers, among)
    print(f"{len(voices)} clips of the split `{options.split}`.", markdown(result), sep="\n\n")
    if options.json:
        options.json.write_text(evaluations.written(result))
    if options.split == "test":
        keep(result)
    return 0


def keep(result: Mapping[str, Any]) -> None:
    """Log the evaluation, and write figures and picture of the model that was judged."""
    version = network.load(MODEL).version
    sha256 = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    keys = ("clips", "uar", "uar_interval", "uar_all", "uar_all_interval", "ece", "certain")
    headline = {key: result[key] for key in keys}
    headline["corpora"] = {name: its["uar"] for name, its in result["corpora"].items()}
    if "robust" in result:
        headline["lost"] = {name: its["lost"] for name, its in result["robust"].items()}
    shipped = {"version": version, "sha256": sha256, **result}
    evaluations.keep("emotion", version, {"sha256": sha256, **headline}, shipped)
    its = result["certain"]
    if "right" in its:
        marked = (its["coverage"] / 100, 1 - its["right"] / 100)
        PICTURE.write_text(risk.picture(result["risk_coverage"], marked, "certain"))


if __name__ == "__main__":
    sys.exit(main())
