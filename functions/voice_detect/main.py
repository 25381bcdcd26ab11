"""The function over HTTP: what functions-framework serves."""

import functions_framework
from flask import Request, Response

from functions.kit import http
from functions.voice_detect import contracts, core

_serve = http.handler(core.MANIFEST, core.steps, contracts.ANSWERS)


@functions_framework.http
def handle(request: Request) -> Response:
    """Answer one request: audio in, whether its voice is human out."""
    return _serve(request)
