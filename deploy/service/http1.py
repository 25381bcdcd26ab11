"""HTTP/1.1 as both sides of a connection have it: read, kept within bounds, and heads written."""

import asyncio

import httptools

Headers = list[tuple[bytes, bytes]]

HEAD_BYTES = 32_768
"""What a head may have, and what else comes to nothing: trailers, a chunk's extensions."""
READ_BYTES = 32_768
"""The most that is read at a time: an event loop's own 256 kB, of many uploads, are 100 MB."""

_read = memoryview(bytearray(READ_BYTES))


class NotHttp(Exception):  # noqa: N818 (said of what came)
    """What came is not HTTP, or not as it is understood here."""


class Reading(asyncio.BufferedProtocol):
    """Has `data_received` called with what comes, by way of one buffer, as there is one loop."""

    def get_buffer(self, sizehint: int) -> memoryview:
        return _read

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(_read[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """So much has come."""
        raise NotImplementedError


class Reader:
    """Feeds what comes to a parser, whose callbacks say by `got` when it has come to something."""

    def __init__(self, parser: httptools.HttpRequestParser | httptools.HttpResponseParser) -> None:
        self._parser = parser
        self._vain = 0
        self._got = False

    def got(self) -> None:
        """A head is whole, or a part of a body has come, or its end."""
        self._got = True

    def feed(self, data: bytes) -> None:
        """Parse `data`. Raises `NotHttp`, and `httptools.HttpParserUpgrade`."""
        self._got = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, NotHttp):
                raise error.__context__ from None
            raise
        except httptools.HttpParserUpgrade:
            self._vain = 0
            raise
        except httptools.HttpParserError as error:
            raise NotHttp(str(error)) from error
        # llhttp has no such limit: it would take headers, and hold them, for as long as they come.
        self._vain = 0 if self._got else self._vain + len(data)
        if self._vain > HEAD_BYTES:
            raise NotHttp("It is too long.")


def head(first: bytes, headers: Headers) -> bytes:
    """A message's head. Raises ValueError where a line would be two."""
    text = b"\r\n".join((first, *map(b": ".join, headers), b"", b""))
    ends = len(headers) + 2
    if text.count(b"\n") != ends or text.count(b"\r") != ends:
        raise ValueError("A header has the end of a line in it.")
    return text
