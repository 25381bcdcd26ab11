"""What went wrong, in words a stranger can act on, with the HTTP status and slug it goes by."""

from typing import Any, ClassVar

CLIENT_LEFT = 499
"""The status where nobody waits for an answer any more: nginx's number for it; no RFC has one."""


class Problem(Exception):  # noqa: N818 (it is what the HTTP answer is called)
    """An error that is an answer: it is shown to whoever asked, and is never a traceback.

    A subclass sets `status` (HTTP), `reason` (a slug that programs match on; it never changes)
    and `title` (the same few words for every occurrence). `detail` is a sentence about this
    occurrence: the thing, its value, and what would do.
    """

    status: ClassVar[int] = 500
    reason: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def as_dict(self, request_id: str | None = None) -> dict[str, Any]:
        """The members of an `application/problem+json` document (RFC 9457)."""
        document: dict[str, Any] = {
            "type": f"urn:halfgig:problem:{self.reason}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
        }
        if request_id is not None:
            document["request_id"] = request_id
        return document
