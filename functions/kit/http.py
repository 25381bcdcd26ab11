"""A function's steps as an HTTP handler for functions-framework.

One upload in (raw, multipart or base64), one answer out (JSON, or an event stream with progress),
and every error as `application/problem+json` (RFC 9457); on the routes of contracts, both as the
contract has them. With `API_KEYS` set every POST needs one of its keys. Nothing runs in a thread
of its own: the server that writes an event stream drives the work by asking for the next event,
and ends it by closing the stream when the client has left.
"""

import dataclasses
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from io import BytesIO
from typing import Any, BinaryIO

from flask import Request, Response
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from functions.kit import contract as contracts
from functions.kit import keys
from functions.kit import outcome as outcomes
from functions.kit import upload as uploads
from functions.kit.contract import Answer, BadBody
from functions.kit.manifest import Contract, Manifest
from functions.kit.outcome import Outcome
from functions.kit.problem import CLIENT_LEFT, Problem
from functions.kit.refusals import NotAllowed, NotFound, TooLarge
from functions.kit.steps import Steps, finish

_EVENT_SECONDS = 0.2  # between two progress events of one stage
_REQUEST_ID_LENGTH = 128

_log = logging.getLogger(__name__)


class Cancelled(Problem):
    status, reason, title = CLIENT_LEFT, "cancelled", "The work was stopped"


def handler(
    manifest: Manifest,
    steps: Callable[[BinaryIO], Steps[Any]],
    answers: Mapping[str, Answer] | None = None,
) -> Callable[[Request], Response]:
    """The handler that answers for the function in `manifest`, whose work is `steps`.

    `POST /` runs the steps on the upload and answers their result, a dataclass. `GET /` says what
    the function is and takes, and `GET /health` that it is there. `answers` has, for the route of
    each contract in `manifest`, how it answers a result; ValueError where they differ in routes.
    The handler raises nothing.
    """
    answers = answers or {}
    declared = {contract.route: contract for contract in manifest.contracts}
    if declared.keys() != answers.keys():
        raise ValueError(
            f"'{manifest.name}' declares contracts at {sorted(declared)}, and its code answers "
            f"at {sorted(answers)}."
        )

    def handle(request: Request) -> Response:
        request_id = _request_id(request)
        contract = declared.get(request.path)
        try:
            if contract:
                response = _answer_as(contract, answers[contract.route], steps, request)
            else:
                response = _answer(manifest, steps, request, request_id)
        except Exception as error:
            response = _refusal(_problem(error, manifest, request_id), request_id, contract)
            if isinstance(error, NotAllowed):
                response.headers["Allow"] = _allowed(request.path)
            if isinstance(error, keys.BadKey):
                response.headers["WWW-Authenticate"] = keys.HEADER
            uploads.drain(request)
        response.headers["X-Request-ID"] = request_id
        return response

    return handle


def _answer(
    manifest: Manifest,
    steps: Callable[[BinaryIO], Steps[Any]],
    request: Request,
    request_id: str,
) -> Response:
    pages = {"/": lambda: _about(manifest), "/health": lambda: _health(manifest)}
    if request.path not in pages:
        raise NotFound(f"There is nothing at {request.path!r}. Post audio to '/'.")
    if request.method in ("GET", "HEAD"):
        return _json(pages[request.path]())
    _check(request)
    started = time.perf_counter()
    with ExitStack() as resources:
        work = steps(uploads.audio(manifest, request, resources))
        resources.callback(work.close)
        if _wants_events(request):
            outcome: Outcome = request.environ.get(outcomes.KEY, {})
            response = Response(
                _events(work, manifest, request_id, outcome),
                mimetype="text/event-stream",
                headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            )
            # Not in `_events`: a generator that was never started has no `finally`.
            response.call_on_close(resources.pop_all().close)
            return response
        return _result(work, request, started)


def _answer_as(
    contract: Contract,
    answer: Answer,
    steps: Callable[[BinaryIO], Steps[Any]],
    request: Request,
) -> Response:
    _check(request)
    started = time.perf_counter()
    asked = contracts.read(uploads.document(request), contract)
    return _result(steps(BytesIO(asked.audio)), request, started, lambda it: answer(it, asked))


def _check(request: Request) -> None:
    """Raise what there is against `request`, a call to do the work, before its body is read."""
    if request.method != "POST" or "POST" not in _allowed(request.path):
        raise NotAllowed(
            f"{request.method} is not answered at '{request.path}', which takes "
            f"{_allowed(request.path)}."
        )
    keys.check(request.headers.get(keys.HEADER))


def _result(
    work: Steps[Any],
    request: Request,
    started: float,
    shape: Callable[[Any], object] = lambda result: result,
) -> Response:
    """The answer once `work` is done; its time counts from `started`."""
    outcome: Outcome = request.environ.get(outcomes.KEY, {})
    result = finish(work, lambda _: _check_wanted(outcome))
    response = _json(shape(result))
    outcome["tier"] = _tier(result)
    duration = (time.perf_counter() - started) * 1000
    response.headers["Server-Timing"] = f"fn;dur={duration:.1f}"
    return response


def _check_wanted(outcome: Outcome) -> None:
    """Raise `Cancelled` if nobody waits for the answer any more, as the server says."""
    if "cancelled" in outcome and outcome["cancelled"]():
        outcome["status"] = CLIENT_LEFT  # Whatever a contract makes of it.
        raise Cancelled("The work was stopped before it was done, as whoever asked has left.")


def _about(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "summary": manifest.summary,
        "media_types": manifest.media_types,
        "limits": manifest.limits,
        "contracts": manifest.contracts,
        "how": (
            "POST audio to '/': as the body, as the multipart field 'file', or as JSON "
            '{"audio_base64": "..."}. With \'Accept: text/event-stream\' progress comes first.'
        ),
    }


def _health(manifest: Manifest) -> dict[str, Any]:
    tiers = [tier.name for tier in manifest.tiers]
    return {"status": "ok", "function": manifest.name, "tiers": tiers}


def _events(
    work: Steps[Any], manifest: Manifest, request_id: str, outcome: Outcome
) -> Iterator[bytes]:
    """The event stream: `progress` events, then one `result` or `error`."""
    try:
        stage, due = "", 0.0
        while True:
            step = next(work)
            _check_wanted(outcome)
            if step.stage != stage or time.monotonic() >= due:
                stage, due = step.stage, time.monotonic() + _EVENT_SECONDS
                yield _event("progress", step)
    except StopIteration as end:
        outcome["tier"] = _tier(end.value)
        try:
            yield _event("result", end.value)
            return
        except (TypeError, ValueError) as unfit:
            problem = _problem(unfit, manifest, request_id)
    except GeneratorExit:
        outcome["status"] = CLIENT_LEFT
        raise
    except Cancelled:
        return
    except Exception as error:
        problem = _problem(error, manifest, request_id)
    outcome["status"] = problem.status
    yield _event("error", problem.as_dict(request_id))


def _tier(result: object) -> str | None:
    """The tier that a result says it came from."""
    return getattr(getattr(result, "model", None), "tier", None)


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _dumps(data))


def _problem(error: Exception, manifest: Manifest, request_id: str) -> Problem:
    """What to answer for `error`. One that is not expected is logged, and not shown."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge.over(manifest.limits.bytes)
    if isinstance(error, ClientDisconnected):
        return BadBody("The body ended early, or is not as its headers say. Send it again.")
    if isinstance(error, HTTPException):
        return BadBody(f"The request can't be read: {error.description}")
    _log.error("%s failed, request_id=%s", manifest.name, request_id, exc_info=error)
    return Problem(
        f"The function '{manifest.name}' failed; it is not the audio's fault. "
        f"Its log says why, at request_id={request_id}."
    )


def _refusal(problem: Problem, request_id: str, contract: Contract | None) -> Response:
    if contract:
        status, media_type, document = contracts.error(contract, problem, request_id)
    else:
        document = problem.as_dict(request_id)
        status, media_type = problem.status, "application/problem+json"
    response = _json(document, status)
    response.mimetype = media_type
    return response


def _json(data: object, status: int = 200) -> Response:
    # As an iterator: functions-framework reads the rest of the request into memory before it
    # lets any other response go.
    body = _dumps(data)
    return Response(
        iter([body]),
        status,
        mimetype="application/json",
        headers={"Content-Length": str(len(body))},
    )


def _dumps(data: object) -> bytes:
    return json.dumps(
        data, default=_members, allow_nan=False, ensure_ascii=False, separators=(",", ":")
    ).encode()


def _members(value: object) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no form in JSON.")
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _request_id(request: Request) -> str:
    given = request.headers.get("X-Request-ID", "")
    if given.isascii() and given.isprintable() and 0 < len(given) <= _REQUEST_ID_LENGTH:
        return given
    return uuid.uuid4().hex


def _wants_events(request: Request) -> bool:
    kinds = ["application/json", "text/event-stream"]
    return request.accept_mimetypes.best_match(kinds) == "text/event-stream"


def _allowed(path: str) -> str:
    return {"/": "GET, HEAD, POST", "/health": "GET, HEAD"}.get(path, "POST")
