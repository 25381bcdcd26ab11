"""MP3 as it is found in the wild: behind tags and junk, without a length, joined."""

from dataclasses import replace

import numpy as np
import pytest

from functions.kit import refusals
from functions.kit.manifest import Limits
from tests.functions.kit.conftest import Encode, Sound, decode


def without_xing(file: bytes) -> bytes:
    """The MP3 from its second frame on: the first one holds only the header."""
    return file[file.index(b"\xff", max(file.find(b"Xing"), file.find(b"Info"))) :]


@pytest.fixture(scope="session")
def rising_mp3(encode: Encode, sound: Sound) -> bytes:
    """20 s of variable bit rate, loud at first: the first frames say little about the others."""
    samples = sound(20.0, 44_100)
    samples[44_100 * 4 :] *= 0.001
    return encode(samples, 44_100, "MP3", bitrate_mode="VARIABLE")


def test_mp3_without_a_length_is_read_to_its_end(rising_mp3: bytes, limits: Limits) -> None:
    file = without_xing(rising_mp3)
    _, audio = decode(file, limits)
    assert audio.expected_seconds is None
    assert audio.seconds == pytest.approx(20.0, abs=0.1)
    assert audio.fraction == pytest.approx(1.0)
    assert audio.warnings == []


ID3 = b"ID3\x03\x00\x00\x00\x00\x07\x68TIT2\x00\x00\x00\x05\x00\x00\x00Song" + bytes(985)


@pytest.mark.parametrize(
    "prefix",
    [
        ID3,
        ID3 + ID3,
        ID3 + bytes(3_000),
        bytes(2_000),
        b"half a frame" * 40,
        np.random.default_rng(3).bytes(700),
    ],
)
def test_mp3_behind_tags_and_junk(
    prefix: bytes, rising_mp3: bytes, limits: Limits, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in (rising_mp3, without_xing(rising_mp3)):
        _, audio = decode(prefix + file, limits)
        assert audio.format == "MP3/MPEG_LAYER_III"
        assert audio.seconds == pytest.approx(20.0, abs=0.1)
        assert audio.warnings == []
    assert capfd.readouterr() == ("", "")


def test_mp3_with_tags_behind_it(rising_mp3: bytes, limits: Limits) -> None:
    tag = b"TAG" + bytes(125)
    for file in (rising_mp3, without_xing(rising_mp3)):
        _, audio = decode(file + tag, limits)
        assert audio.seconds == pytest.approx(20.0, abs=0.1)
        assert audio.warnings == []


def test_joined_mp3s_say_that_more_follows(rising_mp3: bytes, limits: Limits) -> None:
    _, audio = decode(rising_mp3 * 2, limits)
    (warning,) = audio.warnings
    assert "more audio follows" in warning


def test_too_long_without_a_header_that_says_so(
    sound: Sound, encode: Encode, limits: Limits
) -> None:
    file = without_xing(encode(sound(20.0), format="MP3"))
    with pytest.raises(refusals.TooLong, match="more than 10 s"):
        decode(file, replace(limits, seconds=10.0))
