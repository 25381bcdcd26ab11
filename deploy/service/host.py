"""One function in a process of its own, on a Unix socket: `python -m deploy.service.host NAME`.

Standard output is a line of JSON for each event: `{"ready": NAME, "init_s": …}` once it listens,
then the REPORT of each invocation. Whatever the function prints goes to standard error.

Where its parent holds the other end of standard input, a line `cancel N` there stops the
invocation before which N were reported, at its next step; and the end of it ends the process.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from deploy import find
from deploy.service.report import Meter
from functions.kit import outcome as outcomes
from functions.kit.manifest import Manifest, ManifestError
from functions.kit.outcome import Outcome

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Emit = Callable[[dict[str, Any]], None]

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}

SOCKET_LENGTH = 100
"""Bytes that the path of a Unix socket may have, wherever we run."""

BODY = "HTTP_X_HALFGIG_BODY"
"""Where in the WSGI environment the path of a request's body is, if it came in a file."""


@dataclass
class Asked:
    """What the parent has asked for: to stop the invocation before which `cancel` were reported."""

    cancel: int | None = None


class Measured:
    """A WSGI app whose every invocation is reported once its answer's body is closed.

    GET and HEAD ask about a function (`/health`); they don't invoke it. The body of a request may
    be a file somewhere in the folder `bodies`, which its header `X-Halfgig-Body` names.
    """

    def __init__(
        self,
        app: App,
        meter: Meter,
        emit: Emit,
        *,
        bodies: Path | None = None,
        asked: Asked | None = None,
    ) -> None:
        self._app, self._meter, self._emit = app, meter, emit
        self._bodies = bodies.resolve() if bodies else None
        self._asked = asked or Asked()
        self._reported = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ.pop(BODY, None)
        if environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS"):
            return self._app(environ, start_response)
        this = self._reported
        outcome: Outcome = {"cancelled": lambda: self._asked.cancel == this}
        environ[outcomes.KEY] = outcome

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            outcome.setdefault("status", int(status.split()[0]))
            outcome["request_id"] = next(
                (value for name, value in headers if name.lower() == "x-request-id"),
                environ.get("HTTP_X_REQUEST_ID"),
            )
            return start_response(status, headers, *rest)

        self._meter.begin()
        with ExitStack() as ended:
            ended.callback(self._report, outcome)
            if path is not None:
                self._take_body(environ, Path(path), ended)
            chunks = self._app(environ, start)
            return _Body(chunks, ended.pop_all().close)

    def _take_body(self, environ: dict[str, Any], path: Path, ended: ExitStack) -> None:
        """Make the file at `path` the body, if it is where bodies are."""
        if self._bodies is None or not path.resolve().is_relative_to(self._bodies):
            return
        file = ended.enter_context(path.open("rb"))
        environ["wsgi.input"] = file
        environ["CONTENT_LENGTH"] = str(os.fstat(file.fileno()).st_size)

    def _report(self, outcome: Outcome) -> None:
        self._reported += 1
        report = self._meter.end(
            outcome.get("status", 500), outcome.get("tier"), outcome.get("request_id")
        )
        self._emit(report.as_dict())


class _Body:
    """An answer's body that calls `closed` when it has been closed."""

    def __init__(self, chunks: Iterable[bytes], closed: Callable[[], None]) -> None:
        self._chunks, self._closed = chunks, closed

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        try:
            if hasattr(self._chunks, "close"):
                self._chunks.close()
        finally:
            self._closed()


def load(function: Manifest) -> App:
    """The function's app, as functions-framework makes it from `main.py`."""
    import functions_framework

    app: App = functions_framework.create_app(
        target=function.target, source=str(function.folder / "main.py")
    )
    return app


def serve(
    function: Manifest, socket: str, *, bodies: Path | None = None, until_eof: bool = False
) -> None:
    """Serve `function` on the Unix socket at path `socket` until SIGTERM.

    bodies : the folder of files that requests may name as their bodies; none, where None.
    until_eof : listen to standard input as well, and end when it does.

    Standard output is for events from now on: what is printed goes to standard error.
    """
    import waitress

    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def emit(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # One at a time; others wait.
    meter, asked = Meter(function.name), Asked()
    if until_eof:
        threading.Thread(target=_listen, args=(asked, socket), daemon=True).start()
    server = waitress.create_server(
        Measured(load(function), meter, emit, bodies=bodies, asked=asked),
        unix_socket=socket,
        threads=1,
        # The function itself refuses what is too large, in its own words; this is the last resort.
        max_request_body_size=max(2 * function.limits.bytes, 2**20),
    )
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        meter.ready()
        emit({"ready": function.name, "init_s": round(meter.init_s, 4)})
        server.run()
    finally:
        server.close()
        Path(socket).unlink(missing_ok=True)


def _listen(asked: Asked, socket: str) -> NoReturn:
    """Note what standard input asks for; end this process when who holds its other end has gone."""
    with os.fdopen(0, "rb", closefd=False) as lines:
        for line in lines:
            asked.cancel = int(line.removeprefix(b"cancel "))
    Path(socket).unlink(missing_ok=True)
    os._exit(0)


def main() -> None:
    """The command line."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m deploy.service.host", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="the function, as `halfgig list` names it")
    parser.add_argument("--socket", metavar="PATH", required=True, help="where to listen")
    parser.add_argument(
        "--until-eof", action="store_true", help="stop when standard input ends: its parent has"
    )
    parser.add_argument(
        "--bodies", metavar="FOLDER", type=Path, help="where X-Halfgig-Body may name files"
    )
    options = parser.parse_args()
    try:
        function = find.function(options.name)
    except (find.NoFunction, ManifestError) as error:
        parser.error(str(error))
    if len(os.fsencode(options.socket)) > SOCKET_LENGTH:
        parser.error(f"The path of --socket is too long for a Unix socket: {options.socket}")

    os.environ.update(ONE_THREAD)
    serve(function, options.socket, bodies=options.bodies, until_eof=options.until_eof)


if __name__ == "__main__":
    main()
