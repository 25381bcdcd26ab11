"""Good audio decodes to what it is; bad audio is refused in words, or warned of."""

import io
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.kit import refusals
from functions.kit.audio import Audio
from functions.kit.manifest import Limits
from functions.kit.problem import Problem
from tests.functions.kit.conftest import Encode, Sound, decode

FORMATS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_U8"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("WAV", "ULAW"),
    ("WAV", "IMA_ADPCM"),
    ("WAV", "GSM610"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]
LOSSLESS = {"PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ALAC_16"}


@pytest.mark.parametrize(("format", "subtype"), FORMATS)
def test_every_format(
    format: str, subtype: str, sound: Sound, encode: Encode, limits: Limits
) -> None:
    samples = sound(3.0)
    mono, audio = decode(encode(samples, format=format, subtype=subtype), limits)
    assert audio.format == f"{format}/{subtype}"
    assert (audio.source_rate, audio.channels, audio.warnings) == (22_050, 1, [])
    assert audio.seconds == pytest.approx(3.0, abs=0.1)
    assert audio.expected_seconds == pytest.approx(audio.seconds)
    assert audio.fraction == pytest.approx(1.0, abs=0.02)
    if subtype in LOSSLESS:
        np.testing.assert_allclose(mono, samples[:, 0], atol=1 / 30_000)
    else:
        assert np.corrcoef(mono[:60_000], samples[:60_000, 0])[0, 1] > 0.9


def test_opus_is_resampled_from_its_own_rate(sound: Sound, encode: Encode, limits: Limits) -> None:
    file = encode(sound(3.0, 48_000), 48_000, "OGG", "OPUS")
    mono, audio = decode(file, limits)
    assert (audio.format, audio.source_rate) == ("OGG/OPUS", 48_000)
    assert len(mono) == pytest.approx(3 * 22_050, abs=22)


@pytest.mark.parametrize("channels", [1, 2, 6, 32])
def test_channels_are_averaged(channels: int, sound: Sound, encode: Encode, limits: Limits) -> None:
    samples = sound(2.0, channels=channels) * np.linspace(1.0, 0.0, channels, dtype=np.float32)
    file = encode(samples, subtype="FLOAT")
    mono, audio = decode(file, replace(limits, bytes=20_000_000))
    assert audio.channels == channels
    np.testing.assert_allclose(mono, samples.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("rate", [4_000, 8_000, 44_100, 96_000, 384_000])
def test_resampled_in_blocks_as_in_one(rate: int, encode: Encode, limits: Limits) -> None:
    soxr = pytest.importorskip("soxr")
    time = np.arange(7 * rate) / rate
    samples = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    with Audio(
        io.BytesIO(encode(samples, rate, subtype="FLOAT")),
        rate=16_000,
        limits=replace(limits, bytes=20_000_000),
    ) as audio:
        blocks = list(audio.blocks())
    assert all(0 < len(block) <= 4 * 16_000 for block in blocks)
    assert all(block.dtype == np.float32 and block.ndim == 1 for block in blocks)
    np.testing.assert_allclose(
        np.concatenate(blocks), soxr.resample(samples, rate, 16_000), atol=1e-5
    )


def test_low_rate_mp3_in_blocks_as_in_one(sound: Sound, encode: Encode, limits: Limits) -> None:
    import soundfile

    file = encode(
        sound(20.0, 44_100, 2),
        44_100,
        "MP3",
        bitrate_mode="CONSTANT",
        compression_level=0.99,
    )
    whole = soundfile.read(io.BytesIO(file), dtype="float32")[0].mean(axis=1)
    mono, _ = decode(file, limits, 44_100)
    np.testing.assert_allclose(mono, whole, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["song.raw", "song.mp3", "song.au", "song.png", "song", "söng.gsm"]
)
@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3", "OGG"])
def test_the_name_says_nothing(
    name: str, format: str, tmp_path: Path, sound: Sound, encode: Encode, limits: Limits
) -> None:
    path = tmp_path / name
    path.write_bytes(encode(sound(2.0), format=format))
    _, audio = decode(path, limits)
    assert audio.format.split("/")[0] == format


def test_a_path_as_text_and_a_stream_that_cannot_seek(
    tmp_path: Path, sound: Sound, encode: Encode, limits: Limits
) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    file = encode(sound(2.0))
    (tmp_path / "a").write_bytes(file)
    with Audio(str(tmp_path / "a"), rate=22_050, limits=limits) as audio:
        by_path = np.concatenate(list(audio.blocks()))
    by_pipe, _ = decode(Pipe(file), limits)
    np.testing.assert_array_equal(by_path, by_pipe)
    with pytest.raises(refusals.TooLarge):
        decode(Pipe(file), replace(limits, bytes=50_000))


def test_a_stream_is_left_open_and_a_failing_one_is_not_a_short_one(
    sound: Sound, encode: Encode, limits: Limits
) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100_000:
                raise OSError("the disk is gone")
            return super().read(size)

    file = encode(sound(3.0, 44_100))
    stream = io.BytesIO(file)
    decode(stream, limits)
    assert not stream.closed
    with pytest.raises(OSError, match="the disk is gone"):
        decode(Failing(file), limits)


def test_a_missing_file_is_an_os_error(tmp_path: Path, limits: Limits) -> None:
    with pytest.raises(FileNotFoundError):
        Audio(tmp_path / "missing.wav", rate=22_050, limits=limits)
    with pytest.raises(IsADirectoryError):
        Audio(tmp_path, rate=22_050, limits=limits)


# What is not audio, by its content.

NOT_AUDIO = [
    (b"", refusals.EmptyAudio, "no bytes"),
    (b"Beats and bars\n" * 100, refusals.NotAudio, "text"),
    ("Größe, 音\n".encode() * 200, refusals.NotAudio, "text"),
    ("\ufeffnotes".encode("utf-16"), refusals.NotAudio, "text"),
    (b'{"audio_base64": "UklGRg=="}', refusals.NotAudio, "text"),
    (b"\x89PNG\r\n\x1a\n" + bytes(1000), refusals.NotAudio, "PNG"),
    (b"\xff\xd8\xff\xe0" + bytes(1000), refusals.NotAudio, "JPEG"),
    (b"%PDF-1.7\n%\xe2\xe3", refusals.NotAudio, "PDF"),
    (b"PK\x03\x04" + bytes(100), refusals.NotAudio, "ZIP"),
    (b"\x7fELF" + bytes(100), refusals.NotAudio, "program"),
    (bytes(100_000), refusals.NotAudio, "not known as audio"),
    (np.random.default_rng(1).bytes(100_000), refusals.NotAudio, "not known as audio"),
    (b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00" + bytes(1000), refusals.UnknownAudio, "M4A"),
    (b"\x00\x00\x00\x18ftypmp42" + bytes(1000), refusals.UnknownAudio, "MP4"),
    (b"\x1a\x45\xdf\xa3" + bytes(1000), refusals.UnknownAudio, "WebM"),
    (b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x01\xe0MTrk", refusals.UnknownAudio, "MIDI"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(1000), refusals.UnknownAudio, "WMA"),
    (b"\xff\xf1\x50\x80\x2e\x7f\xfc\x21" * 50, refusals.UnknownAudio, "AAC"),
    (b"#!AMR\n" + bytes(1000), refusals.UnknownAudio, "AMR"),
    (b"wvpk" + bytes(1000), refusals.UnknownAudio, "WavPack"),
    (b"RIFF\x24\x10\x00\x00AVI LIST" + bytes(1000), refusals.UnknownAudio, "AVI"),
    (
        b"OggS\x00\x02" + bytes(20) + b"\x01\x50Speex   1.2" + bytes(99),
        refusals.UnknownAudio,
        "Speex",
    ),
    (b"RIFF", refusals.NotAudio, "text"),
    (b"RIFF\x24\x00\x00\x00WAVE", refusals.DamagedAudio, "WAV"),
    (b"fLaC", refusals.DamagedAudio, "FLAC"),
    (b"OggS" + bytes(60), refusals.DamagedAudio, "Ogg"),
    (b"ID3\x04\x00\x00\x00\x00\x0f\x7f" + bytes(3000), refusals.DamagedAudio, "MP3"),
    (b"FORM\x00\x00\x00\x00AIFF", refusals.DamagedAudio, "AIFF"),
    (b".snd" + bytes(8), refusals.DamagedAudio, "AU"),
    (b"caff\x00\x01\x00\x00", refusals.DamagedAudio, "CAF"),
]


@pytest.mark.parametrize(("file", "error", "word"), NOT_AUDIO)
def test_what_is_not_audio(
    file: bytes, error: type[Problem], word: str, limits: Limits, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error, match=word) as caught:
        decode(file, limits)
    assert caught.value.detail.endswith(".")
    assert type(caught.value) is error
    assert capfd.readouterr() == ("", "")


# Headers that lie.


def riff(*, rate: int = 22_050, channels: int = 1, data: bytes, claim: int | None = None) -> bytes:
    """A 16-bit WAV whose header is as said, true or not."""
    frame = 2 * channels
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, 16)
    size = len(data) if claim is None else claim
    riff_size = min(size + 36, 0xFFFFFFFF)
    return b"".join(
        [
            b"RIFF" + struct.pack("<I", riff_size) + b"WAVE",
            b"fmt " + struct.pack("<I", 16) + head,
            b"data" + struct.pack("<I", size) + data,
        ]
    )


def patched(file: bytes, offset: int, value: bytes) -> bytes:
    return file[:offset] + value + file[offset + len(value) :]


@pytest.fixture(scope="session")
def pcm(sound: Sound) -> bytes:
    """3 s of 16-bit mono at 22,050 Hz."""
    return (sound(3.0)[:, 0] * 32_767).astype("<i2").tobytes()


@pytest.mark.parametrize("claim", [0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF, 0xFFFFFFFE])
def test_wav_of_a_recorder_that_did_not_know_its_length(
    claim: int, pcm: bytes, limits: Limits
) -> None:
    _, audio = decode(riff(data=pcm, claim=claim), limits)
    assert audio.seconds == pytest.approx(3.0, abs=0.01)
    assert audio.warnings == []


def test_caf_of_a_recorder_that_did_not_know_its_length(
    sound: Sound, encode: Encode, limits: Limits
) -> None:
    file = encode(sound(3.0), format="CAF")
    _, audio = decode(patched(file, file.index(b"data") + 4, b"\xff" * 8), limits)
    assert audio.seconds == pytest.approx(3.0, abs=0.01)
    assert audio.warnings == []


LIES: list[tuple[str, Callable[[bytes, Encode, Sound], bytes]]] = [
    ("WAV", lambda pcm, *_: riff(data=pcm, claim=1_000_000_000)),
    ("AU", lambda pcm, encode, sound: patched(encode(sound(), format="AU"), 8, b"\x3f" + bytes(3))),
    # 2^31 frames in the STREAMINFO of FLAC (36 bits, from the low half of byte 21 on).
    (
        "FLAC",
        lambda pcm, encode, sound: patched(
            encode(sound(), format="FLAC"), 21, b"\xf0\x80\x00\x00\x00"
        ),
    ),
    ("MP3", lambda pcm, encode, sound: xing(encode(sound(), format="MP3"), 0x7FFFFFFF)),
    ("AIFF", lambda pcm, encode, sound: aiff(encode(sound(), format="AIFF"), 0x7FFFFFFF)),
]


def xing(file: bytes, frames: int) -> bytes:
    """An MP3 whose header counts so many frames."""
    at = max(file.find(b"Xing"), file.find(b"Info"))
    return patched(file, at + 8, struct.pack(">I", frames))


def aiff(file: bytes, frames: int) -> bytes:
    file = patched(file, file.index(b"COMM") + 10, struct.pack(">I", frames))
    return patched(file, file.index(b"SSND") + 4, struct.pack(">I", frames))


@pytest.mark.parametrize(("format", "lie"), LIES)
def test_a_header_that_claims_hours(
    format: str,
    lie: Callable[[bytes, Encode, Sound], bytes],
    pcm: bytes,
    sound: Sound,
    encode: Encode,
    limits: Limits,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = lie(pcm, encode, sound)
    mono, audio = decode(file, limits)
    assert audio.format.startswith(format)
    assert audio.expected_seconds is not None
    assert audio.seconds == pytest.approx(3.0, abs=0.1)
    assert len(mono) == pytest.approx(3 * 22_050, abs=2_500)
    if audio.expected_seconds > 4:
        (warning,) = audio.warnings
        assert warning.startswith("The file ends early: 3.")
    assert capfd.readouterr() == ("", "")


def test_ogg_that_claims_hours(sound: Sound, encode: Encode, limits: Limits) -> None:
    file = encode(sound(), format="OGG", subtype="VORBIS")
    last = file.rindex(b"OggS")
    page = bytearray(file[last:])
    page[6:14] = struct.pack("<q", 1 << 40)
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", ogg_crc(bytes(page)))
    _, audio = decode(file[:last] + bytes(page), limits)
    assert audio.expected_seconds is not None
    assert audio.expected_seconds > 1e6
    assert audio.seconds == pytest.approx(3.0, abs=0.2)
    assert audio.warnings[0].startswith("The file ends early: ")


def ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


@pytest.mark.parametrize(
    ("file", "error", "words"),
    [
        (riff(rate=0, data=bytes(9000)), Problem, "."),
        (riff(rate=1, data=bytes(9000)), refusals.BadFormat, "sample rate is 1 Hz"),
        (riff(rate=0x7FFFFFFF, data=bytes(9000)), refusals.BadFormat, "2,147,483,647 Hz"),
        (riff(rate=0xFFFFFFFF, data=bytes(9000)), Problem, "."),
        (riff(channels=0, data=bytes(9000)), Problem, "."),
        (riff(channels=33, data=bytes(9000)), refusals.BadFormat, "33 channels"),
        (riff(channels=1024, data=bytes(9000)), refusals.BadFormat, "1024 channels"),
        (riff(channels=65535, data=bytes(9000)), Problem, "."),
        (riff(data=b""), refusals.TooShort, "0.00 s"),
    ],
)
def test_headers_out_of_range(
    file: bytes, error: type[Problem], words: str, limits: Limits
) -> None:
    with pytest.raises(error, match=words):
        decode(file, limits)


# Files that end early.

CUT = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("MP3", "MPEG_LAYER_III"),
    ("CAF", "PCM_16"),
    ("W64", "PCM_16"),
    ("RF64", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
]


@pytest.mark.parametrize(("format", "subtype"), CUT)
def test_a_file_cut_in_the_middle_gives_what_is_there_and_says_so(
    format: str,
    subtype: str,
    sound: Sound,
    encode: Encode,
    limits: Limits,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = encode(sound(20.0, 24_000), 24_000, format, subtype)
    mono, audio = decode(file[: len(file) * 2 // 5], limits)
    assert 5 < audio.seconds < 9
    assert len(mono) == pytest.approx(audio.seconds * 22_050, abs=50)
    (warning,) = audio.warnings
    early = re.fullmatch(r"The file ends early: ([\d.]+) of 20.0 s could be decoded.", warning)
    if format == "OGG":
        assert warning == "The file has no end mark: it may have been cut short."
    else:
        assert early
        assert float(early[1]) == pytest.approx(audio.seconds, abs=0.06)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("format", "subtype"), CUT)
def test_a_file_cut_in_its_header(
    format: str, subtype: str, sound: Sound, encode: Encode, limits: Limits
) -> None:
    file = encode(sound(3.0, 24_000), 24_000, format, subtype)
    for length in range(1, 200):
        with pytest.raises(Problem):
            decode(file[:length], limits)


# Samples that are no sound, and too much or too little of it.


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_not_sound(
    value: float, subtype: str, sound: Sound, encode: Encode, limits: Limits
) -> None:
    samples = sound(5.0, channels=2).astype(np.float64)
    samples[88_200, 1] = value
    with pytest.raises(refusals.BadSamples, match=r"at 4.000 s is -?(nan|inf|5e\+29)"):
        decode(encode(samples, subtype=subtype), limits)


def test_samples_as_large_as_integers_are_sound(
    sound: Sound, encode: Encode, limits: Limits
) -> None:
    decode(encode(sound() * 2**31, subtype="FLOAT"), limits)


@pytest.mark.parametrize("level", [0.0, 3e-5])
def test_silence(level: float, encode: Encode, limits: Limits) -> None:
    dither = level * np.random.default_rng(0).choice([-1.0, 1.0], 22_050 * 2)
    with pytest.raises(refusals.Silent, match="-80 dB"):
        decode(encode(dither), limits)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_too_long_is_refused_before_it_is_decoded(
    format: str, sound: Sound, encode: Encode, limits: Limits
) -> None:
    file = encode(sound(20.0), format=format)
    with pytest.raises(refusals.TooLong, match=r"20 s long. At most 10 s"):
        Audio(io.BytesIO(file), rate=22_050, limits=replace(limits, seconds=10.0))


def test_too_short_and_too_large(sound: Sound, encode: Encode, limits: Limits) -> None:
    file = encode(sound(0.5))
    with pytest.raises(refusals.TooShort, match=r"0.50 s of audio. At least 1 s"):
        decode(file, limits)
    with pytest.raises(refusals.TooLarge, match="20,000 bytes"):
        decode(file, replace(limits, bytes=20_000))


@pytest.mark.parametrize("format", ["MP3", "FLAC", "OGG"])
def test_damage_in_the_middle_is_an_answer(
    format: str, encode: Encode, sound: Sound, limits: Limits, capfd: pytest.CaptureFixture[str]
) -> None:
    file = encode(sound(20.0, 44_100), 44_100, format)
    middle = len(file) // 2
    _, audio = decode(patched(file, middle, bytes(range(256)) * 8), limits)
    assert audio.seconds > 9
    assert audio.seconds > 19 or audio.warnings
    assert capfd.readouterr() == ("", "")


def test_close_is_safe_at_any_time(sound: Sound, encode: Encode, limits: Limits) -> None:
    audio = Audio(io.BytesIO(encode(sound(10.0))), rate=16_000, limits=limits)
    blocks: Any = audio.blocks()
    next(blocks)
    audio.close()
    audio.close()
