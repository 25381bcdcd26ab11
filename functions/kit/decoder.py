"""libsndfile on any content, without its traps.

The traps: a file's name decides over its content; MP3 without a length header ends where
libmpg123 guessed that it would; a seek after every read breaks low-rate MP3; a header's length
is silently cut to what is there; damaged MP3 and SDS write to stderr and stdout.
"""

import os
import re
from contextlib import nullcontext, suppress
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from functions.kit import sniff
from functions.kit.mend import mend
from functions.kit.problem import Problem
from functions.kit.refusals import DamagedAudio, NotAudio, UnknownAudio
from functions.kit.stream import Window, muted

_PIECE = 8_192  # frames a read; where a read fails, so many are lost at most
_NOISY = ("MP3", "SDS")
_STRETCH = 64  # more than the highest bit rate of MP3 over the lowest (40)
_UNKNOWN = 0x7FFF_0000  # the least of the byte counts that recorders write who can't know theirs
_UNSUPPORTED_ENCODING = 4  # libsndfile's SF_ERR_UNSUPPORTED_ENCODING
# libsndfile's log on a header that says more than there is: "data : 882000 (should be 308671)".
_SHORT = re.compile(r":\s*(\d+) \(should be (\d+)\)")


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A `SoundFile` that does not seek, after every read, to where it already is.

    That seek costs libmpg123 its bit reservoir: low-rate MP3 read in blocks has a fault at the
    start of every block (measured: up to 0.4 of full scale).
    """

    def seekable(self) -> bool:
        return False


class Decoder:
    """The samples in `stream`, in order. `stream` is left open.

    Holds `format` ("WAV/PCM_16"), `rate` (Hz), `channels`, `frames` (how many the header says
    there are; None where it doesn't say) and `damage` (why reading ended early, or "").

    Raises `NotAudio`, `UnknownAudio`, `DamagedAudio`; OSError where `stream` does.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.damage = ""
        self._stream = stream
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        self._mend = mend(stream.read(sniff.HEAD), size)
        self._file, self._window, self.frames = self._opened()
        self.format = f"{self._file.format}/{self._file.subtype}"
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels

    def close(self) -> None:
        with suppress(soundfile.LibsndfileError), muted():
            self._file.close()

    @property
    def position(self) -> int:
        """The byte of `stream` that is read next."""
        return self._window.start + self._window.position

    def read(self, buffer: NDArray[np.float32]) -> int:
        """Fill `buffer` [shape=(frames, channels)]; returns the frames there were, 0 at the end."""
        filled = 0
        with muted() if self._file.format in _NOISY else nullcontext():
            while filled < len(buffer) and not self.damage:
                try:
                    got = len(self._file.read(out=buffer[filled : filled + _PIECE]))
                except soundfile.LibsndfileError as error:
                    self.damage = error.error_string
                    break
                if got == 0:
                    break
                filled += got
        if self._window.error:
            raise self._window.error
        return filled

    def reaches(self, frame: int) -> bool:
        """Whether there really is a sample at `frame`. It leaves the decoder there."""
        try:
            with muted():
                self._file.seek(frame)
        except soundfile.LibsndfileError:
            return False
        return self.read(np.empty((1, self.channels), np.float32)) == 1

    def remark(self) -> str | None:
        """After the last sample: a sentence, if there is cause to doubt that it was the last."""
        if self._file.format == "MP3":
            self._stream.seek(self.position)
            if sniff.mp3_offset(self._stream.read(sniff.HEAD)) is not None:
                return (
                    "The file's header ends it here, but more audio follows, which was left out: "
                    "several files may have been joined."
                )
        if self._file.format == "OGG":
            size = self._stream.seek(0, os.SEEK_END)
            self._stream.seek(max(0, size - sniff.OGG_PAGE))
            if not sniff.ogg_ends(self._stream.read()):
                return "The file has no end mark: it may have been cut short."
        return None

    def _opened(self) -> tuple[soundfile.SoundFile, Window, int | None]:
        start = 0
        try:
            file, window = self._window_on(start)
        except soundfile.LibsndfileError as error:
            start = self._mp3_start()
            if start == 0:
                raise self._refusal(error) from None
            try:
                file, window = self._window_on(start)
            except soundfile.LibsndfileError:
                raise self._refusal(error) from None
        if file.format == "MP3":
            # A length that grows with the file's is libmpg123's guess from the first frames; it
            # would end there (measured: after 83 s of 180). Believing the file to be endless, it
            # reads to the end.
            stretched, window_stretched = self._window_on(start, _STRETCH)
            if stretched.frames != file.frames:
                file.close()
                return stretched, window_stretched, None
            stretched.close()
        return file, window, self._claimed_frames(file)

    def _window_on(self, start: int, stretch: int = 1) -> tuple[soundfile.SoundFile, Window]:
        patch = (self._mend.offset, self._mend.data) if self._mend else (0, b"")
        window = Window(self._stream, start, stretch, patch)
        try:
            with muted():
                return _Sequential(window, "r"), window
        finally:
            if window.error:
                raise window.error

    def _mp3_start(self) -> int:
        """Where MP3 begins behind what libsndfile can't get past (a tag, half a frame), or 0."""
        self._stream.seek(0)
        tag = sniff.id3_length(self._stream.read(10))
        self._stream.seek(tag)
        offset = sniff.mp3_offset(self._stream.read(sniff.HEAD))
        return 0 if offset is None else tag + offset

    def _refusal(self, error: soundfile.LibsndfileError) -> Problem:
        self._stream.seek(0)
        content = sniff.content(self._stream.read(sniff.HEAD))
        if content is None:
            return NotAudio(f"The content is not known as audio. Send {sniff.DECODABLE}.")
        name, kind = content
        if kind is sniff.Kind.OTHER:
            return NotAudio(f"The content is {name}, not audio. Send {sniff.DECODABLE}.")
        if kind is sniff.Kind.FOREIGN:
            return UnknownAudio(
                f"The content is {name}, which can't be decoded here. "
                f"Convert it to {sniff.DECODABLE}."
            )
        if error.code == _UNSUPPORTED_ENCODING:
            return UnknownAudio(
                f"The content is {name}, in an encoding that can't be decoded here. "
                "Convert it to FLAC or to WAV with PCM samples."
            )
        return DamagedAudio(
            f"The content begins like {name}, but nothing of it can be decoded "
            f"({error.error_string.strip().rstrip('.')}). Send the file again, from its source."
        )

    def _claimed_frames(self, file: soundfile.SoundFile) -> int | None:
        """The frames that the header claims, also where fewer are there and libsndfile says so."""
        frames: int = file.frames
        if frames >= 1 << 62:
            return None
        shorts = [(int(said), int(held)) for said, held in _SHORT.findall(file.extra_info)]
        said, held = shorts[-1] if shorts else (0, 0)
        if self._mend:
            said, held = self._mend.said, self._mend.held
        if held < said < _UNKNOWN:
            return frames * said // max(held, 1)
        return frames
