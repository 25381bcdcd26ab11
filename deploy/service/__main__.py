"""The one service: `python -m deploy.service` answers for all functions on `$PORT`.

Its settings are environment variables, which the README lists. SIGTERM lets what runs end.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import uvicorn

from deploy.service import budget, log, protocol, settings
from deploy.service.dispatcher import Dispatcher
from deploy.service.metrics import Metrics
from deploy.service.router import App
from deploy.service.settings import Settings, SettingsError
from deploy.service.spool import Spool
from deploy.service.state import Limits
from functions.kit import manifest
from functions.kit.manifest import Manifest, ManifestError


class Server(uvicorn.Server):
    """uvicorn's server, of which a signal also tells the dispatcher to drain."""

    def __init__(self, config: uvicorn.Config, dispatcher: Dispatcher, drain_s: float) -> None:
        super().__init__(config)
        self._dispatcher, self._drain_s = dispatcher, drain_s
        self._loop = asyncio.get_running_loop()
        self.draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        if self.draining is None:
            log.emit("draining", seconds=self._drain_s)
            self.draining = self._loop.create_task(self._dispatcher.drain(self._drain_s))

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            ports = [each.getsockname()[1] for it in self.servers for each in it.sockets]
            log.emit("listening", host=self.config.host, port=ports[0])
            # Only now: whoever checks whether the service is there should not wait for them.
            self._dispatcher.warm_templates()


async def serve(functions: Mapping[str, Manifest], its: Settings) -> None:
    """Answer for `functions` until a signal says to stop."""
    limit_mb = budget.limit_mb(its.plan)
    ours = {
        name: function
        for name, function in functions.items()
        if name not in its.disabled and name not in its.urls
    }
    with tempfile.TemporaryDirectory(prefix="halfgig-", dir=its.tmpdir) as name:
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
            server = Server(protocol.config(app, its), dispatcher, its.drain_seconds)
            await server.serve()
        log.emit("ended")


def main() -> None:
    """The command line."""
    log.install()
    # uvicorn has its own while it serves, and repeats a signal to these afterwards.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        functions = manifest.discover()
        asyncio.run(serve(functions, settings.load(os.environ, functions)))
    except (SettingsError, ManifestError) as error:
        sys.exit(f"halfgig: {error}")


if __name__ == "__main__":
    main()
