"""What does work: one function called, all of them at once, or made ready for a call."""

import reprlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from deploy.service import analyze, answering, refusals
from deploy.service.exchange import Exchange
from deploy.service.gate import Gate, Rate
from deploy.service.origins import Elsewhere, Here, Origin, Question
from deploy.service.places import Places
from deploy.service.request import BadQuery, Request
from deploy.service.settings import Settings
from deploy.service.spool import Body, Spool
from functions.kit import keys
from functions.kit.manifest import Contract, Manifest
from functions.kit.problem import Problem
from functions.kit.refusals import TooLarge

_JSON_BYTES = 10_000_000  # as functions.kit has it: there it is held in memory
_FORM_BYTES = 65_536  # what a form may have beside its file
_MB = 2**20

Answerer = Callable[[Exchange], Awaitable[None]]


class Disabled(Problem):
    status, reason, title = 404, "disabled", "The function is switched off"


class Calls:
    """The calls of `functions`, for whoever the gate lets in."""

    def __init__(
        self,
        settings: Settings,
        functions: Mapping[str, Manifest],
        places: Places,
        spool: Spool,
    ) -> None:
        self._settings, self._functions, self._spool = settings, functions, spool
        self._gate = Gate(settings.api_keys, Rate(settings.rate_per_minute, time.monotonic))
        self._origins: dict[str, Origin] = {
            name: Elsewhere(function, settings.urls[name])
            if name in settings.urls
            else Here(function, places)
            for name, function in functions.items()
            if name not in settings.disabled
        }

    def invoking(self, function: Manifest, contract: Contract | None) -> Answerer:
        """What answers a call of `function`, as `contract` has it if there is one."""

        async def answer(exchange: Exchange) -> None:
            origin = self._origin(function.name)
            async with self._asked(exchange, [function], contract) as question:
                if question.events:
                    await answering.streamed(exchange, origin, question)
                else:
                    await answering.passed_on(exchange, origin, question)

        return answer

    async def analyze(self, exchange: Exchange) -> None:
        """Answer a call of several functions."""
        origins = self._chosen(exchange.request)
        functions = [self._functions[name] for name in origins]
        async with self._asked(exchange, functions, None) as question:
            if question.events:
                await analyze.streamed(exchange, origins, question)
            else:
                await analyze.answered(exchange, origins, question)

    async def warmup(self, exchange: Exchange) -> None:
        """Make functions ready, one after another, and answer how each of them is."""
        origins = self._chosen(exchange.request)
        self._enter(exchange.request)
        states: dict[str, object] = {}
        worst: Problem | None = None
        with exchange.watched():
            for name, origin in origins.items():
                try:
                    states[name] = await origin.warm(exchange.request.id)
                except Problem as problem:
                    states[name] = refusals.document(problem, exchange.request.id)
                    worst = problem if worst is None or problem.status > worst.status else worst
            retry = refusals.retry_after_s(worst) if worst else None
            await exchange.answer_json(
                worst.status if worst else 200,
                {"functions": states},
                refusals.retry_header(retry),
            )

    def replace(self, function: Manifest) -> None:
        """One of the functions has another manifest from now on."""
        name = function.name
        self._functions = {**self._functions, name: function}
        if name in self._origins and name in self._settings.urls:
            self._origins[name] = Elsewhere(function, self._settings.urls[name])

    def close(self) -> None:
        """Keep no connection to any function."""
        for origin in self._origins.values():
            origin.close()

    @asynccontextmanager
    async def _asked(
        self, exchange: Exchange, functions: list[Manifest], contract: Contract | None
    ) -> AsyncIterator[Question]:
        """What `exchange`, let in and its body read, asks of `functions`; while it is there."""
        request = exchange.request
        self._enter(request)
        cap, too_large = self._cap(request, functions, contract)
        async with self._spool.body(exchange.body(), request.length, cap, too_large) as body:
            with exchange.watched():
                yield _question(request, body, contract)

    def _enter(self, request: Request) -> None:
        self._gate.enter(request.text(keys.HEADER.encode()), request.address)

    def _cap(
        self, request: Request, functions: list[Manifest], contract: Contract | None
    ) -> tuple[int, Problem]:
        """The most bytes of a body, and what to say of more."""
        own = self._settings.max_body_mb * _MB
        if contract or request.media_type == "application/json":
            cap = int(min(_JSON_BYTES, own))
            return cap, TooLarge(
                f"A JSON body may have at most {cap:,} bytes. Send a shorter or a compressed "
                "file, or send the audio itself as the body, to the function's own route."
            )
        limit = int(min(max(function.limits.bytes for function in functions), own))
        form = _FORM_BYTES if request.media_type == "multipart/form-data" else 0
        return limit + form, TooLarge.over(limit)

    def _chosen(self, request: Request) -> dict[str, Origin]:
        """The functions that the query names; all that there are, if it names none."""
        names = request.list("functions")
        if names is None:
            if not self._origins:
                raise Disabled("Every function is switched off in this service.")
            return self._origins
        if not names:
            raise BadQuery(f"'functions' names none. There are: {', '.join(self._origins)}.")
        for name in names:
            if name not in self._functions:
                raise BadQuery(
                    f"There is no function {reprlib.repr(name)}. There are: "
                    f"{', '.join(self._origins)}."
                )
        return {name: self._origin(name) for name in names}

    def _origin(self, name: str) -> Origin:
        if name not in self._origins:
            raise Disabled(f"'{name}' is switched off in this service.")
        return self._origins[name]


def _question(request: Request, body: Body, contract: Contract | None) -> Question:
    headers = [
        (name, value)
        for name in (b"content-type", b"tracestate")
        if (value := request.header(name)) is not None
    ]
    if request.traceparent:
        headers.append((b"traceparent", request.traceparent))
    return Question(
        route=contract.route if contract else "/",
        events=request.wants_events and not contract,
        request_id=request.id,
        headers=headers,
        key=request.header(keys.HEADER.encode()),
        body=body,
    )
