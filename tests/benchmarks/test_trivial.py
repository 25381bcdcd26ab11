from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import clips, trivial
from benchmarks.bootstrap import Floats
from benchmarks.environments import PeerError
from benchmarks.trivial import NAMES, TREES, Trees, features

RATE = 16_000


def of(samples: Floats) -> dict[str, float]:
    return dict(zip(NAMES, features(samples, RATE).tolist(), strict=True))


def tone(hertz: float, seconds: float, amplitude: float) -> Floats:
    return np.asarray(amplitude * np.sin(2 * np.pi * hertz * np.arange(seconds * RATE) / RATE))


def test_a_tone_between_silences() -> None:
    its = of(np.concatenate([np.zeros(RATE // 2), tone(1000, 2, 0.1), np.zeros(RATE)]))
    assert its["seconds"] == 3.5
    assert its["peak_db"] == pytest.approx(-20, abs=0.1)
    assert its["loud_db"] == pytest.approx(-23, abs=0.1)
    assert its["rms_db"] == pytest.approx(-23 + 10 * np.log10(2 / 3.5), abs=0.1)
    assert its["noise_floor_db"] == -120
    assert its["digital_silence"] == pytest.approx(1.5 / 3.5, abs=0.01)
    assert its["pauses"] == pytest.approx(1.5 / 3.5, abs=0.01)
    assert (its["starts_after_s"], its["ends_before_s"]) == pytest.approx((0.5, 1.0), abs=0.03)
    assert its["zero_crossings"] == pytest.approx(2 * 1000 / RATE * 2 / 3.5, rel=0.02)
    for name in ("centroid_hz", "rolloff_50_hz", "rolloff_95_hz"):
        assert its[name] == pytest.approx(1000, abs=40)
    assert its["bandwidth_hz"] < 1500
    assert its["above_4_khz_db"] < -50


def test_noise_is_as_wide_as_its_band() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * RATE)
    wide = of(noise)
    assert wide["rolloff_50_hz"] == pytest.approx(4000, abs=100)
    assert wide["bandwidth_hz"] == 8000
    assert wide["above_4_khz_db"] == pytest.approx(-3, abs=0.2)
    spectrum = np.fft.rfft(noise)
    spectrum[len(spectrum) // 2 :] = 0
    narrow = of(np.fft.irfft(spectrum, len(noise)))
    assert narrow["bandwidth_hz"] == pytest.approx(4000, abs=100)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(5), np.zeros(RATE), np.ones(RATE)])
def test_the_oddest_clip_has_finite_features(samples: Floats) -> None:
    assert np.isfinite(features(samples, RATE)).all()


def test_a_table_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "CACHE", tmp_path / "bench")
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path, hertz in zip(paths, (500, 3000), strict=True):
        soundfile.write(path, tone(hertz, 1, 0.5), RATE)
    first = trivial.table(paths)
    assert first.shape == (2, len(NAMES))
    assert first[0, NAMES.index("centroid_hz")] == pytest.approx(500, abs=40)
    monkeypatch.setattr(trivial, "_of", lambda path: pytest.fail("it was computed again"))
    assert np.array_equal(trivial.table(paths), first)


@pytest.mark.skipif(find_spec("sklearn") is not None, reason="This environment has scikit-learn.")
def test_without_scikit_learn_the_trees_say_so() -> None:
    bare = Trees(name="bare", version="1")
    with pytest.raises(PeerError, match="bare failed and said: ModuleNotFoundError"):
        bare.scores(np.zeros((2, 1)), [True, False], np.zeros((1, 1)))


@pytest.mark.slow
def test_the_trees_find_what_parts_the_clips() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 3))
    wanted = rows[:, 1] > 0.3
    try:
        scores = TREES.scores(rows[:300], wanted[:300].tolist(), rows[300:])
    except PeerError as missing:
        pytest.skip(str(missing))
    assert ((scores > 0) == wanted[300:]).mean() > 0.9
