from pathlib import Path

import numpy as np
import soundfile

from functions.kit.mel import RATE
from training.speech import corpus


def test_a_manifest_gives_the_clips_with_the_values_that_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        "path,split,repo\na.wav,train,one\nb.wav,test,one\nc.wav,train,two\n"
    )
    found = corpus.rows(tmp_path, "repo", split="train")
    assert [(row.path.name, row.group) for row in found] == [("a.wav", "one"), ("c.wav", "two")]


def test_groups_are_drawn_by_the_root_of_their_size_and_features_are_kept(tmp_path: Path) -> None:
    voice = np.random.default_rng(0).uniform(-0.5, 0.5, RATE)
    rows = []
    for i in range(5):
        soundfile.write(tmp_path / f"{i}.wav", voice, RATE)
        rows.append(corpus.Row(tmp_path / f"{i}.wav", "large" if i else "small"))
    first = corpus.spoken(rows, tmp_path / "kept" / "voice.npz")
    (tmp_path / "0.wav").unlink()
    again = corpus.spoken(rows, tmp_path / "kept" / "voice.npz")
    np.testing.assert_array_equal(first.clips, again.clips)
    assert first.clips[0].shape == (63, 64)
    assert first.share[1:].sum() / first.share[0] == 2.0


def test_harm_leaves_the_length() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 4_001)
    for seed in range(20):
        harmed = corpus.harmed(np.random.default_rng(seed), sound)
        assert harmed.shape == sound.shape
        assert np.isfinite(harmed).all()
