"""The service put together: settings, budget, dispatcher and router, served until a signal."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import uvicorn

from deploy.service import budget, log, protocol
from deploy.service.dispatcher import Dispatcher
from deploy.service.folder import OwnFolder
from deploy.service.metrics import Metrics
from deploy.service.router import App
from deploy.service.settings import Settings
from deploy.service.spool import Spool
from deploy.service.state import Limits
from functions.kit.manifest import Manifest

_GARBAGE = 20_000  # objects, before it is looked for: by default 700, which takes 5 % of a request
Asgi: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


class Server(uvicorn.Server):
    """uvicorn's server, of which a signal also tells the dispatcher to drain."""

    def __init__(
        self,
        config: uvicorn.Config,
        dispatcher: Dispatcher,
        drain_s: float,
        signalled: Sequence[int],
    ) -> None:
        super().__init__(config)
        self._signalled = signalled
        self._dispatcher, self._drain_s = dispatcher, drain_s
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._drain)

    async def main_loop(self) -> None:
        """Once a second, and not ten times: a tenth of a CPU has better things to do."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._told.wait()

    def _drain(self) -> None:
        self._told.set()
        if self._draining is None:
            log.emit("draining", seconds=self._drain_s)
            self._draining = self._loop.create_task(self._dispatcher.drain(self._drain_s))

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        if self._signalled:  # Before uvicorn listened to signals.
            self.should_exit = True
            return
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            ports = [each.getsockname()[1] for it in self.servers for each in it.sockets]
            log.emit("listening", host=self.config.host, port=ports[0], pid=os.getpid())
            # Only now: whoever checks whether the service is there should not wait for them.
            self._dispatcher.warm_templates()
            # What is there by now stays, and a request leaves no cycles behind.
            gc.freeze()
            gc.set_threshold(_GARBAGE)


async def serve(
    functions: Mapping[str, Manifest],
    its: Settings,
    *,
    wrap: Callable[[App], Asgi] = lambda app: app,
    joined: Callable[[Dispatcher, App], None] = lambda dispatcher, app: None,
) -> None:
    """Answer for `functions` until a signal says to stop.

    wrap : what to serve in the place of the router: something around it
    joined : called in the event loop before anything is answered
    """
    # uvicorn has its own while it serves, and repeats a signal to these afterwards.
    signalled: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: signalled.append(number))
    limit_mb = budget.limit_mb(its.plan)
    ours = {
        name: function
        for name, function in functions.items()
        if name not in its.disabled and name not in its.urls
    }
    with OwnFolder("halfgig-", its.tmpdir) as name:
        folder = Path(name)
        bodies = folder / "bodies"
        bodies.mkdir()
        spool = Spool(bodies, its.spool_mb)
        available_mb = budget.Available(limit_mb, bodies, lambda: spool.used)
        metrics = Metrics()
        dispatcher = Dispatcher(
            ours,
            folder,
            Limits(its.concurrency, its.queue_length, its.queue_seconds),
            metrics,
            cpus=its.plan.cpus,
            limit_mb=limit_mb,
            budget_mb=available_mb,
            watch=its.memory_watch,
        )
        app = App(its, functions, dispatcher, metrics, spool)
        async with dispatcher:
            joined(dispatcher, app)
            server = Server(
                protocol.config(wrap(app), its), dispatcher, its.drain_seconds, signalled
            )
            try:
                await server.serve()
            finally:
                app.close()
        log.emit("ended")
