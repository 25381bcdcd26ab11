"""One function asked: its turn waited for, and its answer passed on as it comes."""

import json
import time
from contextlib import aclosing

from deploy.service import events, refusals
from deploy.service.exchange import Exchange
from deploy.service.origins import Asked, Origin, Question
from deploy.service.places import Moment, Queued
from deploy.service.stream import Stream
from functions.kit.problem import Problem

MOST_JSON_BYTES = 64 * 2**20
"""Of an answer that has to be held in memory."""

EVENTS = b"text/event-stream"
_JSON = (b"application/json", b"application/problem+json")

# Of the connection, or said by the router itself.
_NOT_PASSED_ON = frozenset(
    b"connection keep-alive proxy-authenticate proxy-connection te trailer transfer-encoding "
    b"upgrade date server server-timing x-request-id traceparent alt-svc via vary "
    b"access-control-allow-origin access-control-expose-headers access-control-allow-credentials "
    b"strict-transport-security set-cookie".split()
)


class BadAnswer(Problem):
    status, reason, title = 502, "bad_answer", "The function's answer can't be understood"


async def passed_on(exchange: Exchange, origin: Origin, question: Question) -> None:
    """Answer `exchange` with what `origin` answers, as it is."""

    async def told(_: Moment) -> None:
        pass

    async with origin.asked(question, told) as asked:
        await _pass_on(exchange, asked)


async def streamed(exchange: Exchange, origin: Origin, question: Question) -> None:
    """Answer `exchange` with the events that lead to what `origin` answers.

    What is wrong before the first event is raised, or passed on, and is no stream.
    """
    async with Stream(exchange) as stream:

        async def told(moment: Moment) -> None:
            await stream.send(waiting(moment, {}))

        try:
            async with origin.asked(question, told) as asked:
                if asked.answer.media_type != EVENTS and not stream.begun:
                    stream.give_up()
                    await _pass_on(exchange, asked)
                    return
                exchange.status = await pump(stream, asked, {})
        except Problem as problem:
            if not stream.begun:
                raise
            exchange.status = problem.status
            await stream.send(
                events.event("error", refusals.document(problem, question.request_id))
            )
    await exchange.end()


async def pump(stream: Stream, asked: Asked, members: dict[str, object]) -> int:
    """Send the events of an answer, all with `members`; the status that it would have alone."""
    forwarded = time.monotonic()
    answer = asked.answer
    check(asked)
    if answer.media_type != EVENTS:
        body = await answer.read(MOST_JSON_BYTES)
        name = "result" if answer.status < 400 else "error"
        line = b"event: %s\ndata: %s\n\n" % (name.encode(), body)
        await stream.send(events.extended(line, members))
        return answer.status
    status = 0
    async with aclosing(events.whole(answer.parts())) as every:
        async for one in every:
            added = members
            match events.name(one):
                case "result":
                    added = members | {"timings": _timings(asked, time.monotonic() - forwarded)}
                    status = 200
                case "error":
                    status = _status(one)
            await stream.send(events.extended(one, added))
    if not status:
        raise BadAnswer("The function ended its events without a result or an error. Try again.")
    return status


def waiting(moment: Moment, members: dict[str, object]) -> bytes:
    """The event that tells a client what it waits for."""
    if isinstance(moment, Queued):
        return events.event("queued", members | {"place": moment.place})
    return events.event("starting", members)


def check(asked: Asked) -> None:
    """Raise `BadAnswer` where an answer is not a function's, but of something on the way."""
    kind, status = asked.answer.media_type, asked.answer.status
    if kind not in _JSON and not (kind == EVENTS and status == 200):
        raise BadAnswer(
            f"What came for the function has status {status} and the type "
            f"'{kind.decode('latin-1')[:100]}'; a function answers with JSON or with events."
        )


async def _pass_on(exchange: Exchange, asked: Asked) -> None:
    check(asked)
    answer = asked.answer
    headers = [header for header in answer.headers if header[0] not in _NOT_PASSED_ON]
    timing = [f"queue;dur={asked.queue_s * 1000:.1f}", f"init;dur={asked.init_s * 1000:.1f}"]
    if its := answer.header(b"server-timing"):
        timing.append(its.decode("latin-1"))
    headers.append((b"server-timing", ", ".join(timing).encode("latin-1")))
    # The last part is held back: an answer in one part that breaks off was not begun, and so
    # what became of it can still be told.
    last = await answer.part() or b""
    while (part := await answer.part()) is not None:
        if not exchange.started:
            await exchange.start(answer.status, headers)
        await exchange.write(last)
        last = part
    if not exchange.started:
        await exchange.start(answer.status, headers)
    await exchange.end(last)


def _timings(asked: Asked, fn_s: float) -> dict[str, float]:
    return {
        "queue_s": round(asked.queue_s, 4),
        "init_s": round(asked.init_s, 4),
        "fn_s": round(fn_s, 4),
    }


def _status(one: bytes) -> int:
    """The status in an `error` event."""
    try:
        return int(json.loads(one.partition(b"data: ")[2])["status"])
    except (ValueError, KeyError, TypeError):
        return 500
