"""The gate: who may ask (keys), how often (rate), and from which pages (CORS)."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from functions.kit import keys
from functions.kit.problem import Problem

Headers = list[tuple[bytes, bytes]]

_CLIENTS = 4096  # whose rate is kept at a time
_METHODS = b"GET, HEAD, POST"
_REQUEST_HEADERS = b"accept, content-type, traceparent, tracestate, x-api-key, x-request-id"
_RESPONSE_HEADERS = b"retry-after, server-timing, traceparent, x-request-id"


class TooMany(Problem):
    """Asked too often; `retry_after_s` is when the next may come."""

    status, reason, title = 429, "rate", "There are too many requests"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


@dataclass
class _Bucket:
    tokens: float
    filled: float


class Rate:
    """So many requests a minute for each client, as many of them at once; 0 is any number.

    `clock` gives seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> None:
        """Count a request of `client`. Raises `TooMany`."""
        if not self._per_minute:
            return
        now = self._clock()
        size = max(1.0, self._per_minute)
        bucket = self._buckets.setdefault(client, _Bucket(size, now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        bucket.tokens = min(size, bucket.tokens + (now - bucket.filled) * self._per_minute / 60)
        bucket.filled = now
        if bucket.tokens < 1:
            wait = math.ceil((1 - bucket.tokens) * 60 / self._per_minute)
            raise TooMany(
                f"There may be {self._per_minute:g} requests a minute. The next may come in "
                f"{wait} s.",
                wait,
            )
        bucket.tokens -= 1


class Gate:
    """Lets a request that does work in, or says why not."""

    def __init__(self, keyed: bool, rate: Rate) -> None:
        self._keyed, self._rate = keyed, rate

    def enter(self, key: str | None, address: str) -> None:
        """Raise `BadKey` or `TooMany` if who sent `key` from `address` may not ask now."""
        keys.check(key)
        self._rate.take((key or "").strip(" \t") if self._keyed else address)


class Cors:
    """Which origins' pages may read the answers."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._all = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, origin: bytes | None) -> Headers:
        """What each answer has for a page of `origin`."""
        if not self._origins:
            return []
        vary = [] if self._all else [(b"vary", b"origin")]
        if origin is None or not (self._all or origin in self._origins):
            return vary
        return [
            (b"access-control-allow-origin", b"*" if self._all else origin),
            (b"access-control-expose-headers", _RESPONSE_HEADERS),
            *vary,
        ]

    def preflight(self, origin: bytes | None) -> Headers:
        """What is answered, besides, to a page that asks whether it may ask."""
        if origin is None or not (self._all or origin in self._origins):
            return []
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", b"600"),
        ]
