"""The function over HTTP."""

import functions_framework
from flask import Request, Response

from functions.echo import core  # type: ignore[import-not-found]
from functions.kit import http

_serve = http.handler(core.MANIFEST, core.steps)


@functions_framework.http
def handle(request: Request) -> Response:
    return _serve(request)
