"""A problem is a problem+json document, and each kind is told by a slug of its own."""

from functions.kit import http, refusals, upload
from functions.kit.problem import Problem


def test_the_document() -> None:
    problem = refusals.TooLong("The audio is 90 s long. At most 60 s are accepted.")
    assert str(problem) == problem.detail
    assert problem.as_dict("r-1") == {
        "type": "urn:halfgig:problem:too_long",
        "title": "The audio is too long",
        "status": 413,
        "detail": "The audio is 90 s long. At most 60 s are accepted.",
        "reason": "too_long",
        "request_id": "r-1",
    }
    assert "request_id" not in problem.as_dict()


def test_every_kind_has_a_reason_of_its_own() -> None:
    kinds = [
        value
        for module in (refusals, http, upload)
        for value in vars(module).values()
        if isinstance(value, type) and value in Problem.__subclasses__()
    ]
    kinds = list(dict.fromkeys(kinds))
    # Two kinds of content that can't be taken: of the body, and of the audio in it.
    reasons = {kind.reason for kind in kinds if kind is not upload.UnknownBody}
    assert len(reasons) == len(kinds) - 1
    assert all(400 <= kind.status < 500 for kind in kinds)
