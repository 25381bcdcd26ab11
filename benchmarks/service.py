"""Web services under measurement: started, in a cage or free, asked over HTTP, and ended."""

import argparse
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks import clips, evaluations, songs
from benchmarks.environments import ONE_THREAD
from deploy.service.template import FIRST_TO_GO
from emulator.cages.groups import Groups

FUNCTIONS = ("beats", "emotion", "voice_detect")
MEMORY_MB = 512
COMMAND = [sys.executable, "-m", "deploy.service"]
RESULTS = Path(__file__).with_name("results")
PATIENCE_S = 300.0
IDLE_CPU_S = 0.03
"""What a service that does nothing may take in a second: its clocks."""

Start = Callable[..., "subprocess.Popen[bytes]"]


class EndedError(RuntimeError):
    """It doesn't run any more, or never did; the text says so."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, its headers' names in small letters, and how long it took to come whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def timings(self) -> dict[str, float]:
        """What Server-Timing says, in seconds."""
        found = re.findall(r"(\w+);dur=([\d.]+)", self.headers.get("server-timing", ""))
        return {name: float(ms) / 1000 for name, ms in found}


class Web:
    """One that runs since `began`: its `process`, its `port`, and the file that it writes to."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, out: Path, began: float):
        self.process, self.port, self.out, self.began = process, port, out, began

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        patience_s: float = PATIENCE_S,
        **headers: str,
    ) -> Answer:
        """Ask on a connection of its own. Raises OSError or HTTPException where it breaks off.

        Underscores in the names of `headers` are hyphens.
        """
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience_s)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            # It may refuse to read all of it, and have said why.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, named)
            response = connection.getresponse()
            read = response.read()
        finally:
            connection.close()
        its = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, its, read, time.monotonic() - start)

    def post(self, function: str, audio: bytes) -> Answer:
        """Ask a function; the answer must be 200."""
        answer = self.ask("POST", f"/{function}", audio, Content_Type="application/octet-stream")
        if answer.status != 200:
            raise RuntimeError(f"{function} answered {answer.status}: {answer.body[:300]!r}")
        return answer

    def wait(self) -> None:
        """Wait until it listens. Raises EndedError where it ends, or takes too long."""
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise EndedError(f"It ended with {self.process.returncode}.") from None
                if time.monotonic() - self.began > PATIENCE_S:
                    raise EndedError(f"It didn't listen within {PATIENCE_S:g} s.") from None
                time.sleep(0.005)

    def log(self, event: str = "") -> list[dict[str, Any]]:
        """The lines of JSON that it has written, of one event or all."""
        lines = [json.loads(line) for line in self.out.read_bytes().splitlines()]
        return [line for line in lines if event in ("", line["event"])]

    def pids(self) -> list[int]:
        """Its process and all that descend from it."""
        return descendants(self.process.pid)

    def hosts(self) -> list[int]:
        """The processes of functions."""
        return [pid for pid in self.pids() if _read(pid, "oom_score_adj") == FIRST_TO_GO]

    def templates(self) -> list[int]:
        """The processes that those are forked from."""
        return [pid for pid in self.pids()[1:] if pid not in self.hosts()]

    def end(self, pids: Callable[[], Sequence[int]], number: int = signal.SIGTERM) -> None:
        """Signal the processes that `pids` gives, until it gives none."""
        deadline = time.monotonic() + PATIENCE_S
        signalled: set[int] = set()
        while these := pids():
            for pid in set(these) - signalled:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            signalled.update(these)
            if time.monotonic() > deadline:
                raise RuntimeError(f"Processes {these} did not end within {PATIENCE_S:g} s.")
            time.sleep(0.01)

    def settle(self) -> None:
        """Wait until its processes have done nothing much for a second."""
        before = -1.0
        while True:
            now = sum(map(cpu_s, self.pids()))
            if now - before < IDLE_CPU_S and before >= 0:
                return
            before = now
            time.sleep(1.0)


@contextmanager
def running(
    command: Sequence[str] = COMMAND, start: Start = subprocess.Popen, **environ: str
) -> Iterator[Web]:
    """Run a web service that listens at PORT, with these variables, until it is left.

    start : as `subprocess.Popen`; a cage's, to run it there
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="halfgig-") as folder:
        out = Path(folder, "out")
        own = {"PORT": str(port), "HOST": "127.0.0.1", "TMPDIR": folder}
        with out.open("wb") as file:
            began = time.monotonic()
            process = start(
                list(command),
                cwd=clips.ROOT,
                env=_environ() | own | environ,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
        web = Web(process, port, out, began)
        try:
            yield web
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Highest:
    """The highest `value` that is seen by looking every so often, until it is left."""

    def __init__(self, value: Callable[[], float], every_s: float = 0.01) -> None:
        self._value, self._every_s = value, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.highest = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with suppress(OSError):  # It has ended.
            while True:
                self.highest = max(self.highest, self._value())
                if self._over.wait(self._every_s):
                    return


def anonymous_mb(cage: Groups) -> float:
    """What no file stands behind, of all processes in a cage: only ending them gives it back."""
    return cage.read().anon_mb or 0.0


def descendants(pid: int) -> list[int]:
    """Process `pid`, and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _read(int(entry.name), "stat")):
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for ancestor in found:  # It grows as it is gone through.
        found += [child for child, its in parents.items() if its == ancestor]
    return found


def cpu_s(pid: int) -> float:
    """The CPU seconds that all threads of a process have taken, to the nanosecond."""
    total = 0
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def smaps_mb(pid: int, key: str = "Pss") -> float:
    """A line of a process's smaps_rollup, by default its proportional set size."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split(f"\n{key}:", 1)[1].split(None, 1)[0]) / 1024


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def clip(function: str, seconds: float, suffix: str = "wav") -> Path:
    """Audio for a function: music for beats, speech for the others."""
    if function == "beats":
        return songs.song(seconds / 60, suffix)
    return songs.speech(seconds, suffix)


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest of `values` that at least that part of them doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {
        "median": round(quantile(values, 0.5), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


def parser(name: str, about: str | None) -> argparse.ArgumentParser:
    """The command line of the benchmark `name`, which keeps its figures where `--json` says."""
    its = argparse.ArgumentParser(prog=f"benchmarks.{name}", description=about)
    its.add_argument("--json", type=Path, metavar="OUT", default=RESULTS / f"{name}.json")
    return its


def keep(path: Path, result: Mapping[str, Any]) -> None:
    """Write a benchmark's figures, with how busy the machine was."""
    path.parent.mkdir(exist_ok=True)
    load = [round(value, 1) for value in os.getloadavg()]
    path.write_text(evaluations.written({**result, "load_average": load}))


def _environ() -> dict[str, str]:
    """As on a machine that has been set up: what was compiled is kept, as a build does it."""
    environ = os.environ | ONE_THREAD
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ


def _read(pid: int, name: str) -> str:
    """A file of a process, or "" where that has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text().strip()
    except OSError:
        return ""
