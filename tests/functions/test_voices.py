"""What the functions that hear voices have in common, whatever each says of one."""

import importlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from functions.kit import tiers
from functions.kit.listener import NoSpeech
from functions.kit.refusals import BadSamples, Silent, TooLong, TooShort
from functions.kit.steps import Progress
from tests.voice import CLIP, RATE, Samples, hiss, tone, voice, wav

SAID = {"emotion": "emotion", "voice_detect": "label"}
"""What each function says of a window, by the name of its field."""


@pytest.fixture(params=SAID)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def core(name: str) -> Any:
    return importlib.import_module(f"functions.{name}.core")


@pytest.fixture
def network(name: str) -> Any:
    return importlib.import_module(f"functions.{name}.network")


def says(name: str, segment: object) -> bool:
    """Whether something is said of that window."""
    return getattr(segment, SAID[name]) is not None


def test_a_path_and_a_stream_are_the_same(core: Any, tmp_path: Path) -> None:
    path = tmp_path / "voice.txt"
    path.write_bytes(wav(voice()).getvalue())
    assert core.analyse(path) == core.analyse(str(path)) == core.analyse(wav(voice()))


def test_progress_only_rises_and_ends_with_the_result(core: Any) -> None:
    seen: list[Progress] = []
    core.analyse(CLIP, progress=seen.append)
    fractions = [step.fraction for step in seen if step.fraction is not None]
    assert len(fractions) == len(seen) > 4
    assert fractions == sorted(fractions)
    assert [step.stage for step in seen][-1] == "judging"


def test_the_model_is_loaded_by_the_first_and_kept(
    name: str, core: Any, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path | None] = []

    def load(path: Path | None) -> Any:
        loads.append(path)
        return network.load(path)

    monkeypatch.setattr(core, "chosen", tiers.Once(core.MANIFEST, {"embedded": load}))
    with pytest.raises(TooShort):
        core.analyse(wav(voice(0.1)))
    for _ in range(3):
        core.analyse(wav(voice(1)))
    assert loads == [core.FOLDER / "model" / f"{name}.onnx"]


def test_without_a_model_that_works_the_answer_says_why(
    name: str, core: Any, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tier,) = core.MANIFEST.tiers
    other = replace(core.MANIFEST, tiers=(replace(tier, sha256="0" * 64),))
    monkeypatch.setattr(core, "chosen", tiers.Once(other, {"embedded": network.load}))
    with pytest.raises(
        tiers.NoModel, match=rf"embedded: 'model/{name}.onnx' is not what"
    ) as caught:
        core.analyse(wav(voice(1)))
    assert caught.value.status == 503


# What recordings are like that were not made with care.


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000])
def test_any_sample_rate(core: Any, rate: int) -> None:
    result = core.analyse(wav(soxr.resample(voice(), RATE, rate), rate))
    assert result.speech_ratio > 0.7
    assert len(result.segments) == 3


@pytest.mark.parametrize("side", [0, 1])
def test_speech_on_one_side_only_is_heard(name: str, core: Any, side: int) -> None:
    stereo = np.zeros((10 * RATE, 2))
    stereo[:, side] = voice()
    result = core.analyse(wav(stereo))
    whole = core.analyse(wav(voice()))
    assert result.speech_ratio == pytest.approx(whole.speech_ratio, abs=0.1)
    assert all(says(name, each) for each in result.segments)


CHANGES = {
    "clipped": lambda samples: np.clip(40 * samples, -1, 1),
    "offset": lambda samples: 0.5 * samples + 0.3,
    "quiet": lambda samples: 0.01 * samples,
    "upside down": lambda samples: -samples,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_voice_that_is(name: str, core: Any, change: str) -> None:
    changed: Samples = CHANGES[change](voice())
    result = core.analyse(wav(changed, subtype="FLOAT"))
    assert result.speech_ratio > 0.5
    assert all(says(name, each) for each in result.segments)
    json.dumps(asdict(result), allow_nan=False)


def test_a_damaged_tail_is_said_in_a_warning(core: Any) -> None:
    whole = wav(voice()).getvalue()
    result = core.analyse(io.BytesIO(whole[: len(whole) * 2 // 3]))
    assert result.duration_s == pytest.approx(6.7, abs=0.1)
    assert "ends early" in result.warnings[0]


# What has no voice in it.


@pytest.mark.parametrize(
    "samples",
    [
        hiss(6),
        100 * hiss(6),
        tone(6),
        tone(6, 150),
        np.full(6 * RATE, 0.3),
        np.concatenate([hiss(2), voice(0.15)[-800:], hiss(2)]),
    ],
    ids=["room", "noise", "tone", "hum", "offset", "50 ms of speech"],
)
def test_what_is_no_speech_is_refused_with_how_much_there_was(core: Any, samples: Samples) -> None:
    with pytest.raises(
        NoSpeech, match=r"^There are 0\.\d\d s of speech in \d\.\d s of audio\. At"
    ) as caught:
        core.analyse(wav(samples))
    assert (caught.value.status, caught.value.reason) == (422, "no_speech")


def test_music_is_refused(core: Any) -> None:
    with pytest.raises(NoSpeech):
        core.analyse(CLIP.with_name("clip.ogg"))


def test_what_the_kit_refuses(core: Any) -> None:
    with pytest.raises(TooShort, match=r"0.05 s of audio. At least 0.5 s"):
        core.analyse(wav(voice(0.05)))
    with pytest.raises(Silent):
        core.analyse(wav(np.zeros(3 * RATE)))
    with pytest.raises(BadSamples):
        core.analyse(wav(np.append(voice(1), np.nan), subtype="FLOAT"))
    with pytest.raises(TooLong, match="5 s"):
        list(core.steps(wav(voice()), replace(core.MANIFEST.limits, seconds=5.0)))
