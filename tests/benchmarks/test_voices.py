import csv
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import clips, voice_tables, voices
from benchmarks.voices import Answer, Voice, families, load
from functions.voice_detect import core

COLUMNS = "path,split,label,system_or_corpus,repo,original_rate,original_codec"
ROWS = (
    "a.opus,val,synthetic,HiFi-GAN V1,me/page,22050,wav",
    "b.opus,val,human,LJSpeech,me/page,44100,flac",
    "c.opus,val,synthetic,Never Heard Of,me/other,24000,mp3",
    "d.opus,train,human,LJSpeech,you/page,16000,wav",
)
MADE = Voice(Path("a.opus"), True, "vocoder", "me/page", "wav", "22050")
HEARD = Voice(Path("b.opus"), False, None, "me/page", "flac", "44100")


def test_voices_are_the_manifest_s(tmp_path: Path) -> None:
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "manifest.csv").write_text("\n".join((COLUMNS, *ROWS)))
    made, heard, odd = load(tmp_path, "val")
    assert made == Voice(tmp_path / "voice" / "a.opus", True, "vocoder", "me/page", "wav", "22050")
    assert (heard.synthetic, heard.family, heard.rate) == (False, None, "44100")
    assert (odd.family, odd.page) == (voices.UNLISTED, "me/other")
    assert len(load(tmp_path, "train")) == 1


def test_each_system_is_in_one_family() -> None:
    listed = tomllib.loads(voices.FAMILIES.read_text())["families"]
    assert len(families()) == sum(map(len, listed.values()))
    assert set(listed) <= set(voice_tables.FAMILIES)


@pytest.mark.skipif(
    not (clips.folder() / "voice" / "manifest.csv").exists(),
    reason="There are no labelled clips here: set HALFGIG_DATA to the folder that has them.",
)
def test_the_systems_of_the_data_are_listed_and_no_others() -> None:
    with (clips.folder() / "voice" / "manifest.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    made = {row["system_or_corpus"] for row in rows if row["label"] == "synthetic"}
    assert made == set(families())


def test_a_refusal_is_as_wrong_as_can_be() -> None:
    for voice, worst in ((MADE, -np.inf), (HEARD, np.inf)):
        refused = Answer(voice, refusal="no_speech")
        assert refused.rank == refused.score_rank == worst
        assert not refused.right
        assert not refused.called
        assert refused.confidence == 0.0


def test_right_is_the_label_of_the_clip() -> None:
    for voice, label in ((MADE, "AI_GENERATED"), (HEARD, "HUMAN")):
        assert Answer(voice, 0.3, label).right
        assert not Answer(voice, 0.3, "HUMAN" if voice.synthetic else "AI_GENERATED").right
    assert Answer(HEARD, 0.3, "HUMAN").confidence == pytest.approx(0.7)
    assert Answer(HEARD, 0.3, "HUMAN", score=-1.5).score_rank == -1.5


@pytest.mark.skipif(
    not (core.FOLDER / "model" / "voice_detect.onnx").exists(), reason="There is no model."
)
def test_the_function_is_asked(tmp_path: Path) -> None:
    speech = Voice(clips.ROOT / "demo" / "speech.ogg", False, None, "demo", "wav", "16000")
    soundfile.write(tmp_path / "hiss.wav", np.random.default_rng(0).normal(0, 0.1, 32_000), 16_000)
    hiss = Voice(tmp_path / "hiss.wav", True, "vocoder", "demo", "wav", "16000")
    said, refused = voices.ask([speech, hiss])
    assert said == voices.answer(speech)
    assert said.outside
    assert said.values
    assert said.outside.keys() == said.values.keys()
    assert said.probability is not None
    assert said.label == ("AI_GENERATED" if said.probability >= 0.5 else "HUMAN")
    assert (refused.refusal, refused.probability) == ("no_speech", None)
    assert voices.answer(speech, "telephone").score != said.score
