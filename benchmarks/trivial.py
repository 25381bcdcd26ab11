"""What a voice gives away without being listened to: boosted trees on level, band and silence.

They know where a clip came from rather than what it is: a detector that is no better than they
are has learnt the shortcuts of its data.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from benchmarks import clips
from benchmarks.bootstrap import Floats
from benchmarks.environments import ONE_THREAD, Environment, PeerError

FRAME_S = 0.02
SILENT = 1e-4
"""Peak of a frame that counts as digital silence, 80 dB below full scale."""
PAUSE_DB = 40.0
"""So far below the loudest frames, a frame is a pause."""
POINTS = 1024
BOTTOM = 1e-12

NAMES = (
    "seconds",
    "peak_db",
    "rms_db",
    "loud_db",
    "median_db",
    "noise_floor_db",
    "offset",
    "clipped",
    "digital_silence",
    "pauses",
    "starts_after_s",
    "ends_before_s",
    "zero_crossings",
    "centroid_hz",
    "rolloff_50_hz",
    "rolloff_85_hz",
    "rolloff_95_hz",
    "rolloff_99_hz",
    "bandwidth_hz",
    "above_4_khz_db",
    "above_7_khz_db",
)


def features(samples: Floats, rate: int) -> Floats:
    """The features of mono `samples`, shape (n,), in the order of `NAMES`."""
    size = max(1, int(FRAME_S * rate))
    padded = np.pad(samples, (0, -len(samples) % size)) if len(samples) else np.zeros(size)
    frames = padded.reshape(-1, size)
    peaks = np.abs(frames).max(axis=1)
    levels = _db(np.square(frames).mean(axis=1))
    floor, median, loud = np.percentile(levels, [5, 50, 95])
    sounding = np.flatnonzero(levels > loud - PAUSE_DB)
    return np.array(
        [
            len(samples) / rate,
            _db(peaks.max() ** 2),
            _db(np.square(padded).mean()),
            loud,
            median,
            floor,
            padded.mean(),
            (np.abs(padded) >= 0.99 * peaks.max()).mean(),
            (peaks < SILENT).mean(),
            1 - len(sounding) / len(frames),
            sounding[0] * FRAME_S,
            (len(frames) - 1 - sounding[-1]) * FRAME_S,
            (np.diff(np.signbit(padded)) != 0).mean(),
            *spectral(padded, rate),
        ]
    )


def spectral(samples: Floats, rate: int) -> Floats:
    """Where the power of the mean spectrum lies, shape (8,). A last part of a frame is left out."""
    whole = samples[: max(POINTS, len(samples) // POINTS * POINTS)]
    frames = np.pad(whole, (0, -len(whole) % POINTS)).reshape(-1, POINTS)
    mean = np.square(np.abs(np.fft.rfft(frames * np.hanning(POINTS)))).mean(axis=0) + BOTTOM
    hertz = np.fft.rfftfreq(POINTS, 1 / rate)
    share = np.cumsum(mean) / mean.sum()
    rolloffs = hertz[np.searchsorted(share, [0.5, 0.85, 0.95, 0.99])]
    heard = np.flatnonzero(mean > mean.max() * 1e-6)
    above = [_db(mean[hertz >= edge].sum() / mean.sum()) for edge in (4_000, 7_000)]
    return np.array([(hertz @ mean) / mean.sum(), *rolloffs, hertz[heard[-1]], *above])


def _db(power: Floats | float) -> Floats:
    return np.asarray(10 * np.log10(np.asarray(power) + BOTTOM))


def table(paths: Sequence[Path]) -> Floats:
    """The features of each file, shape (files, features). What was once computed is kept."""
    recipe = hashlib.sha256(Path(__file__).read_bytes())
    for path in paths:
        recipe.update(f"{path.name} {path.stat().st_size} ".encode())
    memory = clips.cache("trivial") / f"{recipe.hexdigest()[:16]}.npy"
    if not memory.exists():
        np.save(memory, np.array([_of(path) for path in paths]))
    return np.asarray(np.load(memory))


def _of(path: Path) -> Floats:
    samples, rate = soundfile.read(path, always_2d=True)
    return features(samples.mean(axis=1), rate)


FIT = """
import json, sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

given = np.load(sys.argv[1])
trees = HistGradientBoostingClassifier(random_state=0).fit(given["rows"], given["wanted"])
print(json.dumps(trees.decision_function(given["asked"]).tolist()))
"""


@dataclass(frozen=True, kw_only=True)
class Trees(Environment):
    """Boosted trees as scikit-learn makes them, unless told otherwise."""

    def scores(self, rows: Floats, wanted: Sequence[bool], asked: Floats) -> Floats:
        """Fit on `rows`, shape (clips, features), and say how likely those `asked` are wanted.

        Returns log odds, shape (len(asked),). Raises PeerError where it cannot be made or fails.
        """
        with TemporaryDirectory() as folder:
            path = Path(folder) / "given.npz"
            np.savez(path, rows=rows, wanted=np.asarray(wanted, int), asked=asked)
            done = subprocess.run(
                [self.python(), "-c", FIT, str(path)],
                env=os.environ | ONE_THREAD,
                capture_output=True,
                text=True,
            )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise PeerError(f"{self.name} failed and said: {last}")
        return np.array(json.loads(done.stdout))


TREES = Trees(
    name="scikit-learn",
    version="1.9.1",
    pythons=("3.11", "3.12", "3.13", "3.14"),
    first=("numpy==2.4.6",),
    package="scikit-learn==1.9.1",
)
