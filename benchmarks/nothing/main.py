"""A function that does nothing, so that what a request to it takes is what the service takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import functions_framework
from flask import Request, Response

from functions.kit import http, manifest
from functions.kit.steps import Steps


@dataclass(frozen=True)
class Length:
    """Of the body, in bytes."""

    bytes: int


def steps(source: BinaryIO) -> Steps[Length]:
    yield from ()
    return Length(len(source.read()))


_serve = http.handler(manifest.load(Path(__file__).parent), steps)


@functions_framework.http
def handle(request: Request) -> Response:
    return _serve(request)
