"""The service as the emulator runs it: `python -m emulator.served`.

It is the real one, of the functions whose manifests can be read. Standard input is its control
channel, a JSON object a line: `{"reload": NAME}` has the function NAME replaced by what is on the
disk now. At the end of standard input the service ends, so that it does not outlive who started it.

Its log has these lines besides:

    state          how many wait and what each function is at, whenever that has changed
    reloaded       the next process of a function will have what is on the disk now
    reload_failed  what is there can't be used; the function stays as it was
    broken         a function is not served, as its manifest can't be used
"""

import argparse
import asyncio
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from deploy.plans import Plan
from deploy.service import log, memory, settings
from deploy.service.dispatcher import Dispatcher
from deploy.service.router import App
from deploy.service.serving import Asgi, serve
from deploy.service.settings import Settings
from emulator import faults
from functions.kit import manifest
from functions.kit.manifest import Manifest

STATE_S = 0.1
"""How long what changes at once may take to be told of at once."""
_CHUNK = 65_536
_STDIN = 0


class Control:
    """The control channel of a service of `functions`."""

    def __init__(self, functions: Mapping[str, Manifest], dispatcher: Dispatcher, app: App) -> None:
        self._functions, self._dispatcher, self._app = dict(functions), dispatcher, app
        self._loop = asyncio.get_running_loop()
        self._line = b""
        with suppress(PermissionError):  # It is a file: nobody is at the other end.
            self._loop.add_reader(_STDIN, self._read)
        self._telling = self._loop.create_task(self._tell())

    def reload(self, name: str) -> None:
        """Have the function run what is on the disk now."""
        try:
            if name not in self._functions:
                raise ValueError(f"There is no function '{name}' here.")
            function = manifest.load(self._functions[name].folder)
            self._app.replace(function)
        except ValueError as error:  # ManifestError is one.
            log.emit("reload_failed", function=name, detail=str(error))
            return
        self._functions[name] = function
        if name in self._dispatcher.snapshot().functions:  # Else it is disabled, or elsewhere.
            self._dispatcher.replace(function)
        log.emit("reloaded", function=name)

    def _read(self) -> None:
        data = os.read(_STDIN, _CHUNK)
        if not data:
            self._loop.remove_reader(_STDIN)
            os.kill(os.getpid(), signal.SIGTERM)
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self.reload(json.loads(line)["reload"])

    async def _tell(self) -> None:
        told: dict[str, Any] = {}
        while True:
            now = _state(self._dispatcher)
            if now != told:
                told = now
                log.emit("state", **now)
            await self._dispatcher.changed()
            await asyncio.sleep(STATE_S)


def _state(dispatcher: Dispatcher) -> dict[str, Any]:
    now = dispatcher.snapshot()
    return {
        "queue": now.queue,
        "queue_max": now.queue_max,
        "functions": {
            name: {"state": its.state, "tier": its.tier} for name, its in now.functions.items()
        },
        "budget_mb": round(now.budget_mb),
        "used_mb": round(now.used_mb),
        "limit_mb": round(now.limit_mb),
    }


def _settings(functions: Mapping[str, Manifest], no_plan: bool) -> Settings:
    if not no_plan:
        return settings.load(os.environ, functions)
    cpus = os.cpu_count() or 1
    its = settings.load({"CONCURRENCY": f"{cpus}", **os.environ, "PLAN": ""}, functions)
    return dataclasses.replace(its, plan=Plan("none", memory.limit_mb(), float(cpus)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m emulator.served", description=__doc__)
    parser.add_argument("--record", metavar="DIR", type=Path, help="keep each request there")
    parser.add_argument("--no-plan", action="store_true", help="have all the machine, not PLAN")
    options = parser.parse_args()
    log.install()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # No traceback, until `serve` has its own.
    functions, broken = faults.manifests()
    for name, fault in broken.items():
        log.emit("broken", function=name, **dataclasses.asdict(fault))
    controls: list[Control] = []

    def joined(dispatcher: Dispatcher, app: App) -> None:
        controls.append(Control(functions, dispatcher, app))

    def wrap(app: App) -> Asgi:
        if options.record is None:
            return app
        from emulator import record

        return record.wrap(options.record)(app)

    try:
        its = _settings(functions, options.no_plan)
        uvloop.run(serve(functions, its, wrap=wrap, joined=joined))
    except ValueError as error:  # A setting, a folder to record in, two functions at one route.
        sys.exit(f"halfgig: {error}")


if __name__ == "__main__":
    main()
