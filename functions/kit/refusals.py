"""Every way that audio is refused, and a request that is for none."""

from typing import Self

from functions.kit.problem import Problem


class NotFound(Problem):
    status, reason, title = 404, "not_found", "There is nothing here"


class NotAllowed(Problem):
    status, reason, title = 405, "method_not_allowed", "This method is not answered here"


class EmptyAudio(Problem):
    status, reason, title = 400, "empty", "There is nothing in it"


class NotAudio(Problem):
    status, reason, title = 400, "not_audio", "This is not audio"


class DamagedAudio(Problem):
    status, reason, title = 400, "damaged", "The audio is damaged"


class TooLarge(Problem):
    status, reason, title = 413, "too_large", "There are too many bytes"

    @classmethod
    def over(cls, limit: int) -> Self:
        """Audio of more than `limit` bytes."""
        return cls(
            f"There are more than {limit:,} bytes of audio, the most that is accepted. "
            "Send a shorter or a compressed file."
        )


class TooLong(Problem):
    status, reason, title = 413, "too_long", "The audio is too long"


class UnknownAudio(Problem):
    status, reason, title = 415, "unsupported_type", "This type of audio can't be decoded"


class TooShort(Problem):
    status, reason, title = 422, "too_short", "The audio is too short"


class Silent(Problem):
    status, reason, title = 422, "silent", "The audio is silent"


class BadSamples(Problem):
    status, reason, title = 422, "bad_samples", "The audio holds numbers that are not sound"


class BadFormat(Problem):
    status, reason, title = 422, "bad_format", "The channels or the sample rate are out of range"
