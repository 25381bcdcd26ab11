"""The audio in a request's body: as it is, in a form, or in JSON as base64; whatever is wrong."""

import io
import json
import os
import tempfile
from contextlib import ExitStack, suppress
from fnmatch import fnmatch
from typing import IO, BinaryIO, cast

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from functions.kit import contract
from functions.kit.contract import BadBody
from functions.kit.manifest import Manifest
from functions.kit.problem import Problem
from functions.kit.refusals import TooLarge
from functions.kit.stream import spool

_JSON_BYTES = 10_000_000  # a body that is held in memory, three times over
_JSON_COMMAS = 1_000  # in it, and so its values: millions of small ones would take 300 MB
_FORM_BYTES = 65_536  # what a form may have beside its file
_DRAIN_BYTES = 1_048_576  # of a refused body whose length is not told


class UnknownBody(Problem):
    status, reason, title = 415, "unsupported_type", "This type of body is not accepted"


def audio(manifest: Manifest, request: Request, resources: ExitStack) -> BinaryIO:
    """The audio in the body, as a seekable stream that `resources` closes."""
    kind = request.mimetype or "application/octet-stream"
    if kind == "application/json":
        return io.BytesIO(_base64_audio(request))
    source = _source(request)
    request.max_content_length = manifest.limits.bytes + _FORM_BYTES
    if kind == "multipart/form-data":
        return _form_file(request, resources)
    if not any(fnmatch(kind, accepted) for accepted in manifest.media_types):
        raise UnknownBody(
            f"The body's Content-Type is '{kind}'. Send audio with one of "
            f"{', '.join(manifest.media_types)}, or multipart/form-data with the field 'file', "
            "or application/json."
        )
    if _is_seekable(source):  # waitress has it in a file of its own already
        return source
    body = spool(cast(BinaryIO, request.stream), manifest.limits.bytes)
    resources.enter_context(body)
    if body.seek(0, os.SEEK_END) < (request.content_length or 0):  # gunicorn doesn't say so
        raise ClientDisconnected
    body.seek(0)
    return body


def _source(request: Request) -> BinaryIO:
    """The body as the server gives it; werkzeug gets it so that it knows its faults."""
    source = cast(BinaryIO, request.environ["wsgi.input"])
    if not _is_seekable(source):
        request.environ["wsgi.input"] = _Body(source)
    return source


class _Body:
    """A body as the server gives it, whose faults werkzeug knows for the client's.

    gunicorn raises errors of its own where a body's chunks are malformed.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:
            raise OSError(str(error)) from error


def _form_file(request: Request, resources: ExitStack) -> BinaryIO:
    def part(*_: object, **__: object) -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (`resources` closes it)
        return resources.enter_context(file)

    parser = FormDataParser(
        part,
        max_content_length=request.max_content_length,
        silent=False,
    )
    try:
        _, _, files = parser.parse_from_environ(request.environ)
    except ValueError:
        raise BadBody(
            "The form ends early, or lacks the boundary that its Content-Type names. Send it again."
        ) from None
    if "file" not in files:
        raise BadBody("The form has no file in a field named 'file'. Send the audio in that field.")
    return cast(BinaryIO, files["file"].stream)


def _base64_audio(request: Request) -> bytes:
    its = document(request)
    text = its.get("audio_base64") if isinstance(its, dict) else None
    if not isinstance(text, str):
        raise BadBody('The JSON body must be {"audio_base64": "..."}, with the audio as a text.')
    return contract.decoded(text, "audio_base64")


def document(request: Request) -> object:
    """The JSON in the body, parsed."""
    _source(request)
    request.max_content_length = _JSON_BYTES + 1
    try:
        text = request.stream.read()  # at most so much of it
    except RequestEntityTooLarge:
        text = bytes(_JSON_BYTES + 1)
    if len(text) > _JSON_BYTES:
        raise TooLarge(
            f"A JSON body may have at most {_JSON_BYTES:,} bytes. Send a shorter or a compressed "
            "file, or send the audio itself as the body, to the function's own route."
        )
    if text.count(b",") > _JSON_COMMAS:
        raise BadBody(
            f"The JSON body has more than {_JSON_COMMAS:,} commas. It must be one object, with the "
            "audio as a text in base64."
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadBody("The body is not valid JSON.") from None


def drain(request: Request) -> None:
    """Read what is left of a refused body, unless it is large.

    A client that is still sending when the connection is closed may miss the answer.
    """
    request.max_content_length = 2 * _JSON_BYTES
    left = _DRAIN_BYTES if request.content_length is None else 2 * _JSON_BYTES
    with suppress(Exception):
        while left > 0 and (data := request.stream.read(min(left, 65_536))):
            left -= len(data)


def _is_seekable(body: object) -> bool:
    seekable = getattr(body, "seekable", None)
    return bool(seekable and seekable())
