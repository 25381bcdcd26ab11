"""The figures of voice_detect as tables, for a person to read."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks import risk

FAMILIES = {
    "vocoder": "vocoder (copy synthesis)",
    "tts": "TTS",
    "zero_shot": "zero-shot and language-model TTS",
    "conversion": "voice conversion",
    "statistical": "old statistical",
    "unknown": "not said",
    "unlisted": "not in the list",
}


def markdown(result: Mapping[str, Any]) -> str:
    """All of it."""
    parts = [_headline(result), _families(result), _pages(result)]
    parts += [_sources(result), _votes(result), _robust(result)]
    return "\n".join(line for part in parts for line in part)


def _headline(result: Mapping[str, Any]) -> Iterator[str]:
    refused = ", ".join(f"{count} {reason}" for reason, count in result["refused"].items())
    yield (
        f"{result['clips']} clips of the split `{result['split']}`, {result['human']} human and "
        f"{result['synthetic']} synthetic, of {len(result['pages'])} pages. Refused, and ranked "
        f"as wrong as can be: {refused or 'none'}."
    )
    yield ""
    yield (
        "AUC and equal error rate (EER) are 0 to 1, [95 % interval over draws of pages]; within "
        "pages: the mean AUC of the pages that have both classes."
    )
    yield from ["", "| | AUC | EER | AUC within pages |", "|---|---|---|---|"]
    for name, its in (("voice_detect", result), ("trees on trivial features", result["trees"])):
        yield f"| {name} | {_figures(its)} |"
    together = result["votes"].get("together")
    if together:
        yield f"| the votes alone | {_value(together, 'auc')} | {_value(together, 'eer')} | |"
    ahead = result["trees"]["ahead"], _span(result["trees"]["ahead_interval"])
    yield ""
    yield f"Its AUC is ahead of the trees' by {ahead[0]:.3f} {ahead[1]}."
    yield ""
    sure = f"{risk.sentence(result['certain'])} " if "ahead" in result["certain"] else ""
    yield (
        f"{sure}Expected calibration error {result['ece']:.3f} of the probability of "
        f"AI_GENERATED, {result['ece_label']:.3f} of that of the label ({len(result['bins'])} of "
        "15 bins have clips)."
    )
    yield from ["", "| clips that are | called AI_GENERATED | called so, and certain |"]
    yield "|---|---|---|"
    for name, key in (("human", "accused"), ("synthetic", "caught")):
        its = result[key]
        if its:
            span = _span(its["certain_interval"], 1)
            yield f"| {name} | {its['called']:.1f} % | {its['certain']:.1f} % {span} |"


def _families(result: Mapping[str, Any]) -> Iterator[str]:
    yield from ["", "Each family of systems, against all human clips:", ""]
    yield (
        "| | clips | pages | AUC | EER | AUC within pages | called AI_GENERATED, and certain "
        "| certain | right |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, its in sorted(
        result["families"].items(), key=lambda one: list(FAMILIES).index(one[0])
    ):
        yield (
            f"| {FAMILIES[name]} | {its['clips']} | {its['pages']} | {_figures(its)} "
            f"| {_percent(its['caught'])} | {_percent(its['certain'])} | {_percent(its['right'])} |"
        )


def _pages(result: Mapping[str, Any]) -> Iterator[str]:
    yield from ["", *_head("page")]
    for name, its in result["pages"].items():
        yield _row(name, its)


def _sources(result: Mapping[str, Any]) -> Iterator[str]:
    yield from ["", *_head("what the original was")]
    for name, its in result["codecs"].items():
        yield _row(name, its)
    for name, its in sorted(result["rates"].items(), key=lambda one: int(one[0])):
        yield _row(f"{int(name)} Hz", its)


def _votes(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["votes"]:
        return
    same = ", which are these same clips" if result["split"] == "val" else ""
    yield from ["", f"The votes, which `the votes alone` fits on the split `val`{same}:", ""]
    yield "| | AUC of its value | AUC of its vote | human: AI_GENERATED | synthetic: AI_GENERATED |"
    yield "|---|---|---|---|---|"
    for name, its in result["votes"]["features"].items():
        yield (
            f"| {name} | {_plain(its['value'])} | {_plain(its['vote'])} "
            f"| {_percent(its['human_called'])} | {_percent(its['synthetic_called'])} |"
        )


def _robust(result: Mapping[str, Any]) -> Iterator[str]:
    if "robust" not in result:
        return
    yield ""
    yield (
        "| condition | AUC | EER | AUC within pages | AUC lost | human: AI_GENERATED and certain "
        "| synthetic: the same | refused |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    sure = [_percent(result[key].get("certain")) for key in ("accused", "caught")]
    refused = sum(result["refused"].values())
    yield f"| as it is | {_figures(result)} | | {sure[0]} | {sure[1]} | {refused} |"
    for name, its in result["robust"].items():
        sure = [_percent(its[key].get("certain")) for key in ("accused", "caught")]
        lost = f"{its['lost']:.3f} {_span(its['lost_interval'])}"
        yield f"| {name} | {_figures(its)} | {lost} | {sure[0]} | {sure[1]} | {its['refused']} |"


def _head(name: str) -> list[str]:
    return [
        f"| {name} | human | synthetic | AUC | EER | human: AI_GENERATED and certain "
        "| synthetic: the same | certain | right |",
        "|---|---|---|---|---|---|---|---|---|",
    ]


def _row(name: str, its: Mapping[str, Any]) -> str:
    counts = f"{its['human']} | {its['synthetic']}"
    shares = " | ".join(_percent(its[key]) for key in ("accused", "caught", "certain", "right"))
    return f"| {name} | {counts} | {_plain(its.get('auc'))} | {_plain(its.get('eer'))} | {shares} |"


def _figures(its: Mapping[str, Any]) -> str:
    within = its["within_pages"]
    inner = f"{_value(within, 'auc')} of {within['pages']}" if within else ""
    return f"{_value(its, 'auc')} | {_value(its, 'eer')} | {inner}"


def _value(its: Mapping[str, Any], key: str) -> str:
    return f"{its[key]:.3f} {_span(its[f'{key}_interval'])}" if key in its else ""


def _span(ends: list[float], digits: int = 3) -> str:
    return f"[{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} %"
