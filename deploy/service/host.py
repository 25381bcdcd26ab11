"""One function in a process of its own, on a Unix socket: `python -m deploy.service.host NAME`.

Standard output is a line of JSON for each event: `{"ready": NAME, "init_s": …}` once it listens,
then the REPORT of each invocation. Whatever the function prints goes to standard error.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
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


class Measured:
    """A WSGI app whose every invocation is reported once its answer's body is closed.

    GET and HEAD ask about a function (`/health`); they don't invoke it.
    """

    def __init__(self, app: App, meter: Meter, emit: Emit) -> None:
        self._app, self._meter, self._emit = app, meter, emit

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS"):
            return self._app(environ, start_response)
        outcome: Outcome = {}
        environ[outcomes.KEY] = outcome

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            outcome.setdefault("status", int(status.split()[0]))
            outcome["request_id"] = next(
                (value for name, value in headers if name.lower() == "x-request-id"),
                environ.get("HTTP_X_REQUEST_ID"),
            )
            return start_response(status, headers, *rest)

        self._meter.begin()
        try:
            chunks = self._app(environ, start)
        except BaseException:
            self._report(outcome)
            raise
        return _Body(chunks, lambda: self._report(outcome))

    def _report(self, outcome: Outcome) -> None:
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


def serve(function: Manifest, socket: str, emit: Emit) -> None:
    """Serve `function` on the Unix socket at path `socket` until SIGTERM."""
    import waitress

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # One at a time; others wait.
    meter = Meter(function.name)
    server = waitress.create_server(
        Measured(load(function), meter, emit),
        unix_socket=socket,
        threads=1,
        # The function itself refuses what is too large, in its own words; this is the last resort.
        max_request_body_size=2 * function.limits.bytes,
    )
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        meter.ready()
        emit({"ready": function.name, "init_s": round(meter.init_s, 4)})
        server.run()
    finally:
        server.close()
        Path(socket).unlink(missing_ok=True)


def main() -> None:
    """The command line."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m deploy.service.host", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="the function, as `halfgig list` names it")
    parser.add_argument("--socket", metavar="PATH", required=True, help="where to listen")
    parser.add_argument(
        "--until-eof", action="store_true", help="stop when standard input ends: its parent has"
    )
    options = parser.parse_args()
    try:
        function = find.function(options.name)
    except (find.NoFunction, ManifestError) as error:
        parser.error(str(error))
    if len(os.fsencode(options.socket)) > 100:
        parser.error(f"The path of --socket is too long for a Unix socket: {options.socket}")

    os.environ.update(ONE_THREAD)
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if options.until_eof:
        threading.Thread(target=_stop_at_eof, args=(options.socket,), daemon=True).start()

    def emit(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")

    serve(function, options.socket, emit)


def _stop_at_eof(socket: str) -> NoReturn:
    """End this process when the one that holds the other end of standard input has gone."""
    while os.read(0, 4096):
        pass
    Path(socket).unlink(missing_ok=True)
    os._exit(0)


if __name__ == "__main__":
    main()
