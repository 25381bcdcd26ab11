"""Check a rendered folder's beat times against the sound: `python -m training.beats.alignment DIR`.

For each data set: how much stronger onsets are on the beats than on average, and how far (ms) from
the beats the sharpest onsets lie. A wrong latency shows as a shift, a wrong file as a ratio near 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from training import manifest

RATE = 200  # envelope frames a second
Floats = NDArray[np.float64]


def envelope(y: Floats, rate: int) -> Floats:
    """Spectral flux, shape (seconds * RATE,); an ideal click peaks 5 ms after its time."""
    size = 512
    at = (np.arange(int(len(y) / rate * RATE)) * rate / RATE).astype(int)
    padded = np.pad(y, (size, size))
    frames = padded[at[:, None] + size // 4 + np.arange(size)[None]] * np.hanning(size)
    loud = np.log1p(100 * np.abs(np.fft.rfft(frames)))
    flux = np.maximum(loud[2:] - loud[:-2], 0).mean(axis=1)
    return np.asarray(np.concatenate([[0.0, 0.0], flux]))


def measure(flux: Floats, beats: Floats) -> tuple[float, float]:
    """Mean flux near the beats over mean flux, and the lag in ms (-60 to 60) where it is most."""
    lags = np.arange(-12, 13)
    at = np.round(beats * RATE).astype(int)
    at = at[(at > 20) & (at < len(flux) - 20)]
    mean = flux[at[:, None] + lags[None]].mean(axis=0) / (flux.mean() + 1e-12)
    return float(mean.max()), float(lags[mean.argmax()] * 1000 / RATE)


def main() -> None:
    """Print a line for each data set of the folders on the command line."""
    found: dict[str, list[tuple[float, float]]] = {}
    for folder in map(Path, sys.argv[1:]):
        for row in manifest.rows(folder):
            y, rate = sf.read(folder / row["path"], dtype="float64", always_2d=True)
            beats = np.loadtxt(folder / row["beats"], usecols=0, ndmin=1)
            result = measure(envelope(y.mean(axis=1), rate), beats)
            found.setdefault(row["dataset"], []).append(result)
    for name, results in sorted(found.items()):
        ratio, lag = np.array(results).T
        early, middle, late = np.percentile(lag, [10, 50, 90])
        print(
            f"{name:12s} {len(lag):5d} clips  on beats / mean {np.median(ratio):.2f} "
            f"(below 1.3: {np.mean(ratio < 1.3):.1%})  "
            f"lag ms 10/50/90 %: {early:.0f} {middle:.0f} {late:.0f}"
        )


if __name__ == "__main__":
    main()
