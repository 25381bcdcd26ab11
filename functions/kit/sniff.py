"""What a file is, told by its first bytes and never by its name."""

from enum import Enum, auto
from typing import NamedTuple

HEAD = 65_536
OGG_PAGE = 65_307  # bytes at most
DECODABLE = "WAV, FLAC, Ogg (Vorbis, Opus, FLAC), MP3, AIFF, AU, CAF, W64 or RF64"


class Kind(Enum):
    """What can be made of a file's content."""

    DECODABLE = auto()
    FOREIGN = auto()  # audio or video that no decoder here reads
    OTHER = auto()  # not sound at all


class Content(NamedTuple):
    """A recognised content: its name, as it stands in a sentence, and its kind."""

    name: str
    kind: Kind


# (offset, magic bytes, name): the first row that matches says what the file is.
_MAGIC: dict[Kind, list[tuple[int, bytes, str]]] = {
    Kind.FOREIGN: [
        (4, b"ftypM4A", "M4A (AAC or ALAC)"),
        (4, b"ftyp", "MP4 or QuickTime"),
        (4, b"moov", "QuickTime"),
        (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
        (0, b"MThd", "MIDI"),
        (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or WMV"),
        (0, b"#!AMR", "AMR"),
        (0, b"wvpk", "WavPack"),
        (0, b"MAC ", "Monkey's Audio"),
        (0, b"MPCK", "Musepack"),
        (0, b"MP+", "Musepack"),
        (0, b"TTA1", "True Audio"),
        (0, b"DSD ", "DSD"),
        (0, b"FRM8", "DSD"),
        (0, b".RMF", "RealAudio"),
        (0, b"FLV\x01", "Flash video"),
        (0, b"\x00\x00\x01\xba", "MPEG video"),
        (0, b"\x0b\x77", "AC-3"),
        (8, b"AVI ", "AVI video"),
        (28, b"Speex   ", "Ogg Speex"),
        (28, b"\x80theora", "Ogg Theora video"),
        (0, b"\xff\xf1", "AAC"),
        (0, b"\xff\xf9", "AAC"),
    ],
    Kind.OTHER: [
        (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (0, b"\xff\xd8\xff", "a JPEG image"),
        (0, b"GIF8", "a GIF image"),
        (8, b"WEBP", "a WebP image"),
        (0, b"%PDF", "a PDF"),
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"\x1f\x8b", "a gzip archive"),
        (0, b"\x7fELF", "a program"),
        (0, b"\xff\xfe", "text"),
        (0, b"\xfe\xff", "text"),
    ],
    Kind.DECODABLE: [
        (8, b"WAVE", "WAV"),
        (0, b"fLaC", "FLAC"),
        (0, b"OggS", "Ogg"),
        (0, b"ID3", "MP3"),
        (0, b"FORM", "AIFF"),
        (0, b".snd", "AU"),
        (0, b"caff", "CAF"),
        (0, b"riff\x2e\x91\xcf\x11", "W64"),
    ],
}


def content(head: bytes) -> Content | None:
    """What a file that begins with `head` is; None where it is nothing that is known here."""
    for kind, rows in _MAGIC.items():
        for offset, magic, name in rows:
            if head.startswith(magic, offset):
                return Content(name, kind)
    if mp3_offset(head) == 0:
        return Content("MP3", Kind.DECODABLE)
    if _is_text(head):
        return Content("text", Kind.OTHER)
    return None


def ogg_ends(tail: bytes) -> bool:
    """Whether the last Ogg page that begins in `tail` is marked as the last of its stream."""
    page = tail.rfind(b"OggS")
    return page != -1 and len(tail) > page + 5 and bool(tail[page + 5] & 4)


def id3_length(head: bytes) -> int:
    """The bytes that an ID3v2 tag at the start of `head` says it takes; 0 where there is none."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    a, b, c, d = (byte & 0x7F for byte in head[6:10])
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def mp3_offset(data: bytes) -> int | None:
    """Where in `data` the first MP3 frame begins; None where there is none.

    A frame counts only if two more like it follow, as two bytes in any data look like a header.
    """
    start = data.find(b"\xff")
    while start != -1:
        position = start
        for _ in range(3):
            length = _mp3_frame_length(data[position : position + 4])
            if length is None:
                break
            position += length
        else:
            return start
        start = data.find(b"\xff", start + 1)
    return None


_BITRATES_V1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_V1 = (44_100, 48_000, 32_000)


def _mp3_frame_length(header: bytes) -> int | None:
    """The bytes in the MPEG layer III frame with this 4-byte header; None if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version = header[1] >> 3 & 3  # 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    if version == 3:
        return 144_000 * _BITRATES_V1[bitrate] // _RATES_V1[rate] + padding
    hertz = _RATES_V1[rate] // (2 if version == 2 else 4)
    return 72_000 * _BITRATES_V2[bitrate] // hertz + padding


def _is_text(head: bytes) -> bool:
    sample = head[:1024]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    return bool(sample) and control == 0 and 0x7F not in sample and _is_utf8(sample)


def _is_utf8(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start > len(sample) - 4  # a character that the cut went through
    return True
