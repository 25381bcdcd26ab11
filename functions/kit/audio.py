"""Audio in: any file that libsndfile decodes, as a stream of mono blocks at one sample rate.

Memory does not grow with the length of the audio, and a header is not believed: what counts is
what decodes.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from functions.kit.decoder import Decoder
from functions.kit.manifest import Limits
from functions.kit.refusals import (
    BadFormat,
    BadSamples,
    DamagedAudio,
    EmptyAudio,
    Silent,
    TooLarge,
    TooLong,
    TooShort,
)
from functions.kit.stream import spool

_BLOCK_SECONDS = 3.0
_BLOCK_SAMPLES = 1 << 19  # of all channels together: 2 MB
_SILENCE = 1e-4  # -80 dB of full scale; the dither of a silent 16-bit recording is at -90
_LOUDEST = 2.0**31  # the largest sample of integers that were not scaled to +-1
_SLACK_SECONDS = 0.1  # by how much a header may be wrong about the length, unremarked


class Audio:
    """The audio in `source`, decoded as it is asked for. A context manager.

    source : a path, or a binary stream (copied to a temporary file where it can't seek).
    rate : the sample rate of the blocks, in Hz.
    limits : what is accepted; see the errors.

    `format` ("WAV/PCM_16"), `source_rate` (Hz), `channels` and `expected_seconds` (the header's
    claim; None where it makes none) hold at once; `seconds` (decoded so far), `fraction` and
    `warnings` (sentences) as the blocks are read.

    Raises OSError where the source can't be read, and at once `TooLarge`, `EmptyAudio`,
    `NotAudio`, `UnknownAudio`, `DamagedAudio`, `BadFormat`, and `TooLong` where the header says
    so and is right.
    """

    def __init__(self, source: str | Path | BinaryIO, *, rate: int, limits: Limits) -> None:
        self.rate = rate
        self.warnings: list[str] = []
        self._limits = limits
        self._frames = 0
        self._peak = 0.0
        self._resources = ExitStack()
        with self._resources:
            self._stream = self._seekable(source)
            self._size = self._measured()
            self._decoder = self._decoding()
            self.format = self._decoder.format
            self.source_rate = self._decoder.rate
            self.channels = self._decoder.channels
            self._check_format()
            frames = self._decoder.frames
            self.expected_seconds = None if frames is None else frames / self.source_rate
            if frames is not None and frames > limits.seconds * self.source_rate:
                self._check_claim(frames)
            self._resources = self._resources.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End decoding. A stream that was handed in is left open."""
        self._resources.close()

    @property
    def seconds(self) -> float:
        """The length of what has been decoded."""
        return self._frames / self.source_rate

    @property
    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1, whatever its header says."""
        return min(1.0, self._decoder.position / self._size)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The audio in mono at `rate` Hz, in blocks of up to about 3 s. To be read once.

        Yields arrays [shape=(n,)], n > 0, that the caller may keep.

        Raises `TooLong` and `BadSamples` where they are met, and after the last block
        `DamagedAudio` (nothing decodes), `TooShort` and `Silent`. A file that ends early gives
        what decodes, and a warning.
        """
        if self.source_rate == self.rate:
            yield from self._mono()
        else:
            # HQ keeps the band up to 0.9 of the new limit; LQ keeps 0.75, and saves 1 ms of
            # CPU a minute of audio.
            stream = soxr.ResampleStream(self.source_rate, self.rate, 1, "float32", quality="HQ")
            for block in self._mono():
                if len(resampled := stream.resample_chunk(block)):
                    yield resampled
            if len(rest := stream.resample_chunk(np.empty(0, np.float32), last=True)):
                yield rest
        self._judge()

    def _seekable(self, source: str | Path | BinaryIO) -> BinaryIO:
        if isinstance(source, str | Path):
            source = Path(source).open("rb")  # noqa: SIM115 (closed with the other resources)
            self._resources.enter_context(source)
        if not source.seekable():
            source = self._resources.enter_context(spool(source, self._limits.bytes))
        return source

    def _measured(self) -> int:
        size = self._stream.seek(0, 2)
        if size > self._limits.bytes:
            raise TooLarge.over(self._limits.bytes)
        if size == 0:
            raise EmptyAudio("There are no bytes in it. Send an audio file.")
        return size

    def _decoding(self) -> Decoder:
        decoder = Decoder(self._stream)
        self._resources.callback(decoder.close)
        return decoder

    def _check_format(self) -> None:
        limits, rate = self._limits, self.source_rate
        if not limits.sample_rate_min <= rate <= limits.sample_rate_max:
            raise BadFormat(
                f"The sample rate is {rate:,} Hz. It must be {limits.sample_rate_min:,} to "
                f"{limits.sample_rate_max:,} Hz: resample the audio, or mend the file's header."
            )
        if not 1 <= self.channels <= limits.channels:
            raise BadFormat(
                f"There are {self.channels} channels. There may be 1 to {limits.channels}: "
                "mix the audio down, or mend the file's header."
            )

    def _check_claim(self, frames: int) -> None:
        """Refuse at once what is too long; start again on what only says that it is."""
        if self._decoder.reaches(int(self._limits.seconds * self.source_rate)):
            raise self._too_long(f"{frames / self.source_rate:,.0f} s")
        self._decoder.close()
        self._decoder = self._decoding()

    def _mono(self) -> Iterator[NDArray[np.float32]]:
        frames = min(int(_BLOCK_SECONDS * self.source_rate), _BLOCK_SAMPLES // self.channels)
        buffer = np.empty((frames, self.channels), np.float32)
        weights = np.full(self.channels, 1 / self.channels, np.float32)
        while got := self._decoder.read(buffer):
            with np.errstate(over="ignore", invalid="ignore"):
                block = buffer[:got] @ weights  # 40 times as fast as mean(axis=1)
                peak = max(float(block.max()), -float(block.min()))
            if not peak <= _LOUDEST:
                raise self._bad_samples(block)
            self._peak = max(self._peak, peak)
            self._frames += got
            if self._frames > self._limits.seconds * self.source_rate:
                raise self._too_long(f"more than {self._limits.seconds:,.0f} s")
            yield block

    def _judge(self) -> None:
        """What can be said only at the end: of a file that ended early, was short or silent."""
        damage, expected = self._decoder.damage, self.expected_seconds
        if self._frames == 0 and (damage or expected):
            raise DamagedAudio(
                f"The content is {self.format}, but nothing of it can be decoded"
                f"{f' ({damage})' if damage else ''}. Send the file again, from its source."
            )
        if expected is not None and self.seconds < expected - _SLACK_SECONDS:
            self.warnings.append(
                f"The file ends early: {self.seconds:.1f} of {expected:.1f} s could be decoded."
            )
        elif damage:
            self.warnings.append(
                f"The file is damaged after {self.seconds:.1f} s, where decoding ended ({damage})."
            )
        elif remark := self._decoder.remark():
            self.warnings.append(remark)
        self._check_length()
        if self._peak < _SILENCE:
            raise Silent(
                f"In {self.seconds:.1f} s there is nothing louder than -80 dB of full scale, with "
                "all channels mixed. Send a recording with sound in it."
            )

    def _check_length(self) -> None:
        least = self._limits.min_seconds
        if self.seconds < least:
            early = f" {self.warnings[-1]}" if self.warnings else ""
            raise TooShort(
                f"There are {self.seconds:.2f} s of audio. At least {least:g} s are needed.{early}"
            )

    def _too_long(self, length: str) -> TooLong:
        return TooLong(
            f"The audio is {length} long. At most {self._limits.seconds:,.0f} s are accepted: "
            "send a part of it."
        )

    def _bad_samples(self, block: NDArray[np.float32]) -> BadSamples:
        with np.errstate(invalid="ignore"):
            first = int(np.argmin(np.abs(block) <= _LOUDEST))
        at = (self._frames + first) / self.source_rate
        return BadSamples(
            f"The sample at {at:.3f} s is {block[first]:g}, which is not sound. Samples must be "
            "finite; export the audio again, as integers or as numbers from -1 to 1."
        )
