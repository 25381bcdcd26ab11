"""A problem as the service answers it: its document, and when to ask again."""

from typing import Any

from functions.kit.problem import Problem

Headers = list[tuple[bytes, bytes]]


def document(problem: Problem, request_id: str) -> dict[str, Any]:
    """The problem+json document of `problem`, with `retry_after_s` if it is one that passes."""
    retry = retry_after_s(problem)
    passing = {} if retry is None else {"retry_after_s": retry}
    return problem.as_dict(request_id) | passing


def retry_after_s(problem: Problem) -> int | None:
    """After how many seconds it may be gone; None where asking again is of no use."""
    seconds: int | None = getattr(problem, "retry_after_s", None)
    return seconds


def retry_header(seconds: int | None) -> Headers:
    """The header that says when to ask again, if there is a time for it."""
    return [] if seconds is None else [(b"retry-after", str(seconds).encode())]
