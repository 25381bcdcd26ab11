from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.beats import corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    songs = tmp_path / "songs"
    songs.mkdir()
    clicks = np.zeros(3 * 22_050, np.float32)
    clicks[:: 22_050 // 2] = 0.5
    soundfile.write(songs / "click.wav", clicks, 22_050)
    (songs / "click.beats").write_text("0.5 2\n0.0 1\n1.0 1\n")
    (songs / "manifest.csv").write_text(
        "path,beats,split,dataset,kind\nclick.wav,click.beats,dev,made,rendered\n"
    )
    return songs


def test_a_song_is_read_with_its_beats_at_every_speed(folder: Path, tmp_path: Path) -> None:
    plain, fast = corpus.load(folder, tmp_path / "cache", (1.0, 1.25))
    assert plain.beats.tolist() == [0.0, 0.5, 1.0]
    assert plain.numbers.tolist() == [1, 2, 1]
    assert fast.beats.tolist() == [0.0, 0.4, 0.8]
    assert plain.logs.shape == (150, 64)
    assert fast.logs.shape == (120, 64)
    onset = np.exp(fast.logs.astype(float)).sum(axis=1)
    assert onset[20] > 10 * onset[10]


def test_features_are_kept(folder: Path, tmp_path: Path) -> None:
    first = corpus.load(folder, tmp_path / "cache")
    (folder / "click.wav").unlink()
    again = corpus.load(folder, tmp_path / "cache")
    np.testing.assert_array_equal(first[0].logs, again[0].logs)
