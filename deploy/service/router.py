"""The router: an ASGI app that knows every route of the service, and what is wrong with a request.

It never imports a function, nor what functions need: it has to stay small.
"""

import difflib
import logging
import reprlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.service import catalogue, connections, log, refusals
from deploy.service.calls import Answerer, Calls
from deploy.service.documents import Document, Documents
from deploy.service.exchange import Exchange, Left, Receive, Send, dumps
from deploy.service.gate import Cors
from deploy.service.metrics import Metrics
from deploy.service.places import Places, Refused
from deploy.service.request import Request, Scope
from deploy.service.settings import Settings
from deploy.service.spool import Spool
from functions.kit import contract as contracts
from functions.kit import keys
from functions.kit.manifest import Contract, Manifest
from functions.kit.problem import CLIENT_LEFT, Problem
from functions.kit.refusals import NotAllowed, NotFound

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Route:
    """A path: its name in the metrics, what answers each method, and whose errors it has."""

    name: str
    methods: Mapping[str, Answerer]
    contract: Contract | None = None

    @property
    def allow(self) -> str:
        """The methods that are answered."""
        return ", ".join(sorted({*self.methods, "OPTIONS"}))


class App:
    """The service's ASGI app, which answers for `functions`, those switched off too.

    Raises ValueError where two of them, or one and the service, would answer at one path.
    """

    def __init__(
        self,
        settings: Settings,
        functions: Mapping[str, Manifest],
        places: Places,
        metrics: Metrics,
        spool: Spool,
    ) -> None:
        self._metrics = metrics
        self._cors = Cors(settings.cors_origins)
        self._functions = functions
        self._calls = Calls(settings, functions, places, spool)
        self._documents = Documents(settings, functions, places, metrics)
        self._routes = self._routes_of(functions)
        self._places = places
        self._posts, self._most_posts = 0, connections.most_requests()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        exchange = Exchange(scope, receive, send)
        request = exchange.request
        exchange.extra += self._cors.headers(request.header(b"origin"))
        route = self._routes.get(request.path)
        name = route.name if route else "other"
        try:
            try:
                await self._answer(exchange, route)
            except Problem as problem:
                problem.__traceback__ = None  # Its frames hold it, and parts of the body.
                await self._refuse(exchange, problem, route)
            except Left:
                raise
            except Exception as error:
                _log.error("The router failed, request_id=%s", request.id, exc_info=error)
                await self._refuse(
                    exchange,
                    Problem(f"The service failed. Its log says why, at request_id={request.id}."),
                    route,
                )
        except Left:
            exchange.status = CLIENT_LEFT
        self._metrics.request(name, exchange.status, time.monotonic() - began)

    def replace(self, function: Manifest) -> None:
        """Answer for one of the functions as its manifest is now. Raises ValueError as above."""
        functions = {**self._functions, function.name: function}
        self._routes = self._routes_of(functions)
        self._functions = functions
        self._calls.replace(function)
        self._documents.replace(function)

    def close(self) -> None:
        """Nothing is asked any more: close what connections are kept."""
        self._calls.close()

    async def _answer(self, exchange: Exchange, route: Route | None) -> None:
        request = exchange.request
        if route is None:
            raise NotFound(self._nothing_at(request.path))
        if request.method == "OPTIONS":
            headers = [(b"allow", route.allow.encode())]
            headers += self._cors.preflight(request.header(b"origin"))
            await exchange.answer(204, None, b"", headers)
            return
        if request.method not in route.methods:
            raise NotAllowed(
                f"{request.method[:20]} is not answered at '{request.path}', which takes "
                f"{route.allow}."
            )
        if request.method != "POST":
            await route.methods[request.method](exchange)
            return
        if self._posts >= self._most_posts:
            raise Refused(
                f"{self._posts} requests are here already, as many as there may be.",
                "queue_full",
                self._places.snapshot().retry_after_s,
            )
        self._posts += 1
        try:
            await route.methods["POST"](exchange)
        finally:
            self._posts -= 1

    async def _refuse(self, exchange: Exchange, problem: Problem, route: Route | None) -> None:
        """Answer `problem`, in the style of the route; if an answer has begun, break it off."""
        request = exchange.request
        name = route.name if route else "other"
        if not isinstance(problem, NotFound | NotAllowed):
            self._metrics.refused(name, problem.reason)
            log.emit(
                "refused",
                request_id=request.id,
                route=name,
                status=problem.status,
                reason=problem.reason,
                detail=problem.detail,
            )
        if exchange.started:
            exchange.status = problem.status
            return
        headers = refusals.retry_header(refusals.retry_after_s(problem))
        if isinstance(problem, keys.BadKey):
            headers.append((b"www-authenticate", keys.HEADER.encode()))
        if isinstance(problem, NotAllowed) and route:
            headers.append((b"allow", route.allow.encode()))
        if route and route.contract:
            status, kind, document = contracts.error(route.contract, problem, request.id)
        else:
            status, kind = problem.status, "application/problem+json"
            document = refusals.document(problem, request.id)
        await exchange.answer(status, kind, dumps(document), headers)

    def _routes_of(self, functions: Mapping[str, Manifest]) -> dict[str, Route]:
        """The service's own routes and those of `functions`, by their paths."""
        routes = {
            "/analyze": Route("analyze", {"POST": self._calls.analyze}),
            "/warmup": Route("warmup", {"GET": self._calls.warmup}),
        }
        for path, make in self._documents.by_path.items():
            answer = _showing(make)
            routes[path] = Route(path.strip("/") or "page", {"GET": answer, "HEAD": answer})
        for function in functions.values():
            by_route = {contract.route: contract for contract in function.contracts}
            for path in catalogue.routes(function):
                if path in routes:
                    raise ValueError(
                        f"'{function.name}' would answer at '{path}', where "
                        f"'{routes[path].name}' does. Give it another name, or its contract "
                        "another route."
                    )
                contract = by_route.get(path)
                methods = {"POST": self._calls.invoking(function, contract)}
                routes[path] = Route(function.name, methods, contract)
        return routes

    def _nothing_at(self, path: str) -> str:
        near = difflib.get_close_matches(path.lower().rstrip("/"), self._routes, 1)
        guess = f"Did you mean '{near[0]}'?" if near else "GET / says what there is."
        return f"There is nothing at {reprlib.repr(path)}. {guess}"


def _showing(make: Callable[[Request], Document]) -> Answerer:
    async def answer(exchange: Exchange) -> None:
        document = make(exchange.request)
        headers = refusals.retry_header(document.retry_after_s)
        await exchange.answer(document.status, document.kind, document.body, headers)

    return answer
