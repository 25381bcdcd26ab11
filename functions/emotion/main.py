"""The function over HTTP: what functions-framework serves."""

import functions_framework
from flask import Request, Response

from functions.emotion import core
from functions.kit import http

_serve = http.handler(core.MANIFEST, core.steps)


@functions_framework.http
def handle(request: Request) -> Response:
    """Answer one request: audio in, the emotion in its voice out."""
    return _serve(request)
