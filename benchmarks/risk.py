"""How wrong is what is answered, when the least sure of the answers are held back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.bootstrap import Floats


def curve(sureness: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    """Coverage and risk, both 0..1, of every bound on `sureness`, from the strictest on.

    sureness, right [shape=(clips,)] : any number that ranks the clips, and 0 or 1. The clips that
    are equally sure come in together.
    """
    sure, hit = np.asarray(sureness, dtype=float), np.asarray(right, dtype=float)
    order = np.argsort(-sure, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(sure[order])), len(sure) - 1)
    answered = ends + 1
    return answered / len(sure), 1 - np.cumsum(hit[order])[ends] / answered


def area(coverage: Floats, risk: Floats) -> float:
    """The mean risk over all coverages: what a perfect order would make least."""
    return float(np.sum(risk * np.diff(coverage, prepend=0.0)))


def points(coverage: Floats, risk: Floats, count: int = 20) -> list[tuple[float, float]]:
    """The curve at `count` even steps of coverage: the first bound that covers as much."""
    wanted = np.arange(1, count + 1) / count
    at = np.searchsorted(coverage, wanted - 1e-9)
    return [(round(float(coverage[i]), 4), round(float(risk[i]), 4)) for i in at]


def certainty(certain: ArrayLike, right: ArrayLike) -> dict[str, Any]:
    """The percentage of clips that are `certain`; how often these and the rest are right.

    certain, right [shape=(clips,)] : 0 or 1. A refused clip is neither. Without any of the ones or
    of the others, there is no comparison.
    """
    sure, hit = np.asarray(certain, dtype=bool), np.asarray(right, dtype=float)
    its = {"coverage": round(100 * float(sure.mean()), 2)}
    if sure.any() and not sure.all():
        those, rest = 100 * float(hit[sure].mean()), 100 * float(hit[~sure].mean())
        its["right"], its["right_else"] = round(those, 2), round(rest, 2)
        its["ahead"] = round(those - rest, 2)
    return its


def sentence(its: Mapping[str, Any]) -> str:
    """`certainty` with the `ahead_interval`, for a person to read; it holds a comparison."""
    low, high = its["ahead_interval"]
    return (
        f"`certain` covers {its['coverage']:.1f} % of the clips and is right on "
        f"{its['right']:.1f} % of them, against {its['right_else']:.1f} % of the rest: "
        f"{its['ahead']:.1f} points [{low:.1f}, {high:.1f}]."
    )


WIDTH, HEIGHT, LEFT, BOTTOM = 480, 300, 56, 44


def picture(points: Sequence[tuple[float, float]], marked: tuple[float, float], mark: str) -> str:
    """The curve through `points` as SVG, with one more point `marked` and its name."""
    top = max(0.1, np.ceil(max(risk for _, risk in [*points, marked]) * 10) / 10)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = LEFT + point[0] * (WIDTH - LEFT - 16)
        return round(x, 1), round(HEIGHT - BOTTOM - point[1] / top * (HEIGHT - BOTTOM - 16), 1)

    lines, texts = [], []
    for tenth in range(0, 11, 2):
        x, y = place((tenth / 10, 0))
        texts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{10 * tenth} %</text>')
    for tenth in range(round(10 * top) + 1):
        x, y = place((0, tenth / 10))
        lines.append(f"M{x} {y}H{WIDTH - 16}")
        texts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{10 * tenth} %</text>')
    x, y = place(marked)
    path = " ".join(f"{x},{y}" for x, y in map(place, points))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            ' font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<path d="{"".join(lines)}" stroke="#ddd"/>',
            f'<polyline points="{path}" fill="none" stroke="#1f5fa8" stroke-width="2"/>',
            f'<circle cx="{x}" cy="{y}" r="4" fill="#c2410c"/>',
            f'<text x="{x - 8}" y="{y - 8}" text-anchor="end" fill="#c2410c">{mark}</text>',
            *texts,
            f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
            "answered, the surest first</text>",
            f'<text transform="translate(14 {(HEIGHT - BOTTOM) / 2}) rotate(-90)"'
            ' text-anchor="middle">wrong</text>',
            "</svg>",
            "",
        ]
    )
