"""What a server around a function may learn of an invocation beside the bytes of its answer."""

from typing import TypedDict

KEY = "halfgig.outcome"
"""Where in the WSGI environment the server puts an `Outcome` for the handler to fill in."""


class Outcome(TypedDict, total=False):
    """The true `status` of an answer that was streamed with status 200, and the `tier` used."""

    status: int
    tier: str | None
    request_id: str | None
