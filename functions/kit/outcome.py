"""What a server around a function and its handler tell each other beside the request's bytes."""

from collections.abc import Callable
from typing import TypedDict

KEY = "halfgig.outcome"
"""Where in the WSGI environment the server puts an `Outcome` for the handler to fill in."""


class Outcome(TypedDict, total=False):
    """The true `status` of an answer that was streamed with status 200, and the `tier` used.

    `cancelled` is the server's: it says whether the work is to stop.
    """

    status: int
    tier: str | None
    request_id: str | None
    cancelled: Callable[[], bool]
