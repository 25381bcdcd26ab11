"""The whole service, as a process that is spoken to at its port and that writes its log."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator import wire

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, its headers' names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """One that runs: its `port`, its `process`, and all `lines` of its log so far."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder
        self.lines: list[dict[str, Any]] = []
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.port: int = self.wait_for(lambda line: line["event"] == "listening")["port"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            with self._more:
                self.lines.append(json.loads(text))
                self._more.notify_all()
        with self._more:
            self.lines.append({"event": "end of log"})
            self._more.notify_all()

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], since: int = 0) -> dict[str, Any]:
        """The first line of the log, from the `since`-th, that is `wanted`; waits for it."""
        deadline = time.monotonic() + PATIENCE_S
        with self._more:
            while True:
                for line in self.lines[since:]:
                    if wanted(line):
                        return line
                ended = any(line["event"] == "end of log" for line in self.lines)
                left = deadline - time.monotonic()
                if ended or left <= 0:
                    raise AssertionError(f"There is no such line in the log: {self.lines[since:]}")
                self._more.wait(left)

    def event(self, name: str, since: int = 0, **fields: Any) -> dict[str, Any]:
        """The first line that tells of the event `name` with these fields; waits for it."""

        def wanted(line: dict[str, Any]) -> bool:
            return line["event"] == name and all(line.get(key) == fields[key] for key in fields)

        return self.wait_for(wanted, since)

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str
    ) -> Answer:
        """The answer to a request; underscores in the names of `headers` are hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def say(self, words: str, path: str = "/echo", **headers: str) -> Answer:
        """What `echo` makes of words."""
        return self.ask("POST", path, words, Content_Type="text/plain", **headers)

    def events(self, words: str, path: str = "/echo") -> Generator[tuple[str, Any], None, None]:
        """The server-sent events as they come. Closed, the client has left."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            headers = {"Content-Type": "text/plain", "Accept": "text/event-stream"}
            connection.request("POST", path, words, headers)
            yield from wire.events(connection.getresponse())
        finally:
            connection.close()

    def health(self) -> Any:
        """What /health says."""
        return self.ask("GET", "/health").json

    def state(self, function: str = "echo") -> str:
        """The state that /health gives for a function."""
        return str(self.health()["functions"][function]["state"])

    def stop(self, patience_s: float = PATIENCE_S) -> int:
        """End it by SIGTERM; gives its exit code."""
        self.process.terminate()
        return self.process.wait(patience_s)


def in_background(work: Callable[[], Any]) -> Callable[[], Any]:
    """Do `work` beside the caller; what is returned waits for its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(PATIENCE_S)
        return results[0]

    return result


@contextmanager
def running(
    environ: Mapping[str, str],
    folder: Path,
    start: Callable[..., "subprocess.Popen[Any]"] = subprocess.Popen,
    command: Sequence[str] = (sys.executable, "-P", "-m", "deploy.service"),
    settings: Mapping[str, str] = {},
) -> Iterator[Service]:
    """Runs the service with `settings`, its files in `folder`, until it is left."""
    folder.mkdir(parents=True, exist_ok=True)
    own = {"PORT": "0", "HOST": "127.0.0.1", "TMPDIR": str(folder)}
    process = start(
        list(command), env={**environ, **own, **settings}, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Service(process, folder)
    finally:
        end(process)
        if process.stdout:
            process.stdout.close()


def end(process: "subprocess.Popen[Any]") -> None:
    """End it by SIGTERM; by force, where that takes long."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def processes_of(group_of: int) -> list[int]:
    """All processes that descend from process `group_of`, itself left out, by /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found: list[int] = []
    ahead = [group_of]
    while ahead:
        parent = ahead.pop()
        children = [pid for pid, its in parents.items() if its == parent]
        found += children
        ahead += children
    return found


def until(condition: Callable[[], Any]) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "It never came to that."
        time.sleep(0.01)


def held(pid: int, but: int) -> dict[int, int]:
    """How many descriptors a process has and all that descend from it, `but` that one."""
    found = {}
    for each in (pid, *processes_of(pid)):
        if each != but:
            with suppress(OSError):  # It has just ended.
                found[each] = descriptors(each)
    return found


def no_more(now: Mapping[Any, int], before: Mapping[Any, int]) -> bool:
    """Whether there is no more of anything than there was: a connection may have been closing."""
    return all(count <= before.get(key, 0) for key, count in now.items())


def descriptors(pid: int) -> int:
    """How many file descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
