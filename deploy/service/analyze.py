"""`/analyze`: one upload, several functions, their answers in one or as they come."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.service import answering, events, refusals
from deploy.service.exchange import Exchange, dumps
from deploy.service.origins import Origin, Question
from deploy.service.places import Moment
from deploy.service.stream import Stream
from functions.kit.problem import Problem


@dataclass(frozen=True)
class _Outcome:
    """What came of one function: the status that it would have alone, its JSON, when to retry."""

    status: int
    json: bytes
    retry: refusals.Headers


async def answered(exchange: Exchange, origins: Mapping[str, Origin], question: Question) -> None:
    """Answer `exchange` with `results` and `errors` of every function, each by its name.

    The status is 200 if there is a result, and else that of the worst error.
    """
    async with asyncio.TaskGroup() as group:
        tasks = {
            name: group.create_task(_outcome(origin, question)) for name, origin in origins.items()
        }
    outcomes = {name: task.result() for name, task in tasks.items()}
    results = {name: it.json for name, it in outcomes.items() if it.status < 400}
    errors = {name: it.json for name, it in outcomes.items() if it.status >= 400}
    body = b'{"results":%s,"errors":%s}' % (_object(results), _object(errors))
    worst = max(outcomes.values(), key=lambda it: it.status)
    status, retry = (200, []) if results else (worst.status, worst.retry)
    await exchange.answer(status, "application/json", body, retry)


async def streamed(exchange: Exchange, origins: Mapping[str, Origin], question: Question) -> None:
    """Answer `exchange` with the events of every function, as they come."""
    async with Stream(exchange) as stream, asyncio.TaskGroup() as group:
        for name, origin in origins.items():
            group.create_task(_stream(stream, name, origin, question))
    await exchange.end()


async def _outcome(origin: Origin, question: Question) -> _Outcome:
    async def told(_: Moment) -> None:
        pass

    try:
        async with origin.asked(question, told) as asked:
            answering.check(asked)
            body = await asked.answer.read(answering.MOST_JSON_BYTES)
            retry = [its for its in asked.answer.headers if its[0] == b"retry-after"]
            return _Outcome(asked.answer.status, body, retry)
    except Problem as problem:
        document = refusals.document(problem, question.request_id)
        retry = refusals.retry_header(refusals.retry_after_s(problem))
        return _Outcome(problem.status, dumps(document), retry)


async def _stream(stream: Stream, name: str, origin: Origin, question: Question) -> None:
    members: dict[str, object] = {"function": name}

    async def told(moment: Moment) -> None:
        await stream.send(answering.waiting(moment, members))

    try:
        async with origin.asked(question, told) as asked:
            await answering.pump(stream, asked, members)
    except Problem as problem:
        document = refusals.document(problem, question.request_id)
        await stream.send(events.event("error", members | document))


def _object(members: Mapping[str, bytes]) -> bytes:
    inside = b",".join(dumps(name) + b":" + value.strip() for name, value in members.items())
    return b"{" + inside + b"}"
