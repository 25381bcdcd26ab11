"""From saving a file of a function to its first answer by the new code, under `halfgig start`.

    python -m benchmarks.emulator_reload

In a copy of this tree, with a whole CPU: a request is made as soon as the one before is answered,
and a file of the function is saved while none runs. The first answer by a process that was started
after that is by the new code. `noticed` is when the service was told; `reloaded` when it was ready
to start the new code.
"""

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import service

ROOT = Path(__file__).parent.parent
ROOMS = ("functions", "deploy", "emulator")
PLAN = "cloudrun-512"
SECONDS = 3
PATIENCE_S = 60.0


class Emulator:
    """`halfgig start` of one function in a copy of the tree, and the lines of its log."""

    def __init__(self, root: Path, function: str) -> None:
        code = "import sys; from emulator.cli import main; sys.argv[0] = 'halfgig'; main()"
        words = ["start", function, "--plan", PLAN, "--port", "0", "--json"]
        environ = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(root)}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, *words],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._function = function
        self._lines: list[tuple[float, dict[str, Any]]] = []
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self._port = self.wait_for(0, event="listening")[1]["port"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            with self._more:
                self._lines.append((time.monotonic(), json.loads(text)))
                self._more.notify_all()

    @property
    def so_far(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def wait_for(self, since: int, **fields: object) -> tuple[float, dict[str, Any]]:
        """The first line with these fields, from the `since`-th, and when it came."""

        def found() -> tuple[float, dict[str, Any]] | None:
            for when, line in self._lines[since:]:
                if fields.items() <= line.items():
                    return when, line
            return None

        with self._more:
            line = self._more.wait_for(found, PATIENCE_S)
        if line is None:
            raise SystemExit(f"There was no line with {fields} in {PATIENCE_S:.0f} s.")
        return line

    def ask(self, body: bytes, request_id: str) -> None:
        """Have the function work, and read its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        headers = {"Content-Type": "audio/wav", "X-Request-ID": request_id}
        try:
            connection.request("POST", f"/{self._function}", body, headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise SystemExit(f"It answered {answer.status}: {answer.read().decode()}")
            answer.read()
        finally:
            connection.close()


@contextmanager
def emulator(function: str) -> Iterator[tuple[Emulator, Path]]:
    """One that runs, and the file of it that is to be saved."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        root = Path(folder)
        for room in ROOMS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / room, root / room, ignore=ignored)
        its = Emulator(root, function)
        try:
            yield its, root / "functions" / function / "core.py"
        finally:
            its.process.terminate()
            its.process.wait(PATIENCE_S)


def reload(its: Emulator, file: Path, body: bytes, number: int) -> dict[str, float]:
    """Save the file, and ask until the new code answers: seconds since it was saved."""
    its.ask(body, f"before-{number}")
    its.wait_for(0, event="report", request_id=f"before-{number}")
    since = its.so_far
    text = file.read_text()
    began = time.monotonic()
    file.write_text(f"{text}\n# Saved for the {number}. time.\n")
    for attempt in range(1_000):
        request_id = f"{number}-{attempt}"
        its.ask(body, request_id)
        answered = time.monotonic()
        report = its.wait_for(since, event="report", request_id=request_id)[1]
        if report["start"] == "cold":
            break
    return {
        "noticed_s": its.wait_for(since, event="saved")[0] - began,
        "reloaded_s": its.wait_for(since, event="reloaded")[0] - began,
        "answered_s": answered - began,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--function", default="beats")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    body = service.clip(options.function, SECONDS).read_bytes()
    with emulator(options.function) as (its, file):
        times = [reload(its, file, body, number) for number in range(options.rounds)]
    print(f"{options.function} with a whole CPU, {options.rounds} times: median (longest), seconds")
    for key in times[0]:
        values = [each[key] for each in times]
        print(f"  {key.removesuffix('_s'):<9} {median(values):.2f} ({max(values):.2f})")


if __name__ == "__main__":
    main()
