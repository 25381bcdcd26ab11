"""One process of the service: started in a cage, listened to, and ended with all it started."""

import json
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from emulator.cages import Cage

Line = dict[str, Any]

WORDS = 20
"""Lines that are kept of what it last had to say of itself."""
READ_ON_S = 2.0
"""How long it is read on after its end, if something else still holds its streams open."""


class NotStarted(Exception):  # noqa: N818 (it is the service's state)
    """The service ended before it listened; the message says why, as far as it told."""


class Process:
    """`command` in the environment `environ`, in `cage`, with JSON lines in and out.

    told : called with each line of its log, and with its standard error's as "stderr" events, in
        threads of this object's
    ended : called when it, and all that it started, has ended

    pid, port : the router's, known once it listens
    code : its exit code, as in `subprocess`
    gone : set when it has ended
    names : of the functions' processes, by their numbers
    """

    def __init__(
        self,
        cage: Cage,
        command: Sequence[str],
        environ: Mapping[str, str],
        told: Callable[[Line], None],
        ended: Callable[[], None],
    ) -> None:
        self._cage, self._told, self._ended = cage, told, ended
        self.port, self.code = 0, 0
        self.names: dict[int, str] = {}
        self.gone = threading.Event()
        self._words: deque[str] = deque(maxlen=WORDS)
        self._known = threading.Event()
        self._ending = False
        self._control = threading.Lock()
        self._process = cage.start(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environ,
            process_group=0,  # A terminal's Ctrl-C is for us, and we end it.
        )
        self.pid = self._process.pid
        readers = [
            threading.Thread(target=_each_line, args=(stream, take), daemon=True)
            for stream, take in (
                (self._process.stdout, self._logged),
                (self._process.stderr, self._said),
            )
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._wait, args=(readers,), daemon=True).start()

    def wait_until_it_listens(self) -> None:
        """Raises `NotStarted` where it ended instead."""
        self._known.wait()
        if not self.port:
            self.gone.wait()
            raise NotStarted(self._why())

    def tell(self, message: Mapping[str, Any]) -> None:
        """Write a line to its standard input."""
        stdin = self._process.stdin
        assert stdin is not None
        with self._control, suppress(OSError, ValueError):  # It has ended.
            stdin.write(json.dumps(message) + "\n")
            stdin.flush()

    def end(self, at_once: bool = False) -> None:
        """Have it end what runs and then itself, or be killed. Returns before it has."""
        self._ending = True
        with suppress(OSError):
            self._process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)

    def _logged(self, text: str) -> None:
        try:
            line = json.loads(text)
            event = line["event"]
        except (ValueError, TypeError, KeyError):
            line = {"time": now(), "event": "stdout", "text": text}
            event = "stdout"
        if event == "listening":
            self.port, self.pid = line["port"], line.get("pid", self.pid)
            self._known.set()
            if self._ending:  # It may have been told before it could listen for it.
                self.end()
        elif event == "started":
            self.names[line["pid"]] = line["function"]
        elif event == "log" and line["level"] in ("error", "critical"):
            self._words.append(line["message"])  # uvicorn says here why it can't listen.
        elif event == "stopped":
            self.names = {pid: its for pid, its in self.names.items() if its != line["function"]}
        self._told(line)

    def _said(self, text: str) -> None:
        self._words.append(text)
        self._told({"time": now(), "event": "stderr", "text": text})

    def _wait(self, readers: Sequence[threading.Thread]) -> None:
        code = self._process.wait()
        try:
            self._cage.kill()  # What it may have left, as where it was killed itself.
            for reader in readers:
                reader.join(READ_ON_S)
            with suppress(OSError), self._control:
                assert self._process.stdin is not None
                self._process.stdin.close()
        finally:
            self.code = code
            self.gone.set()
            self._known.set()
            self._ended()

    def _why(self) -> str:
        last = next((line for line in reversed(self._words) if line.strip()), "")
        if last:
            return last.strip().removeprefix("halfgig: ")
        if self.code < 0:
            return f"The service was ended by {signal.Signals(-self.code).name} as it started."
        return f"The service ended with exit code {self.code} as it started."


def now() -> str:
    """The time, as in the service's log."""
    seconds = time.time()
    day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{day}.{int(seconds % 1 * 1000):03d}Z"


def _each_line(stream: IO[str] | None, take: Callable[[str], None]) -> None:
    assert stream is not None
    with stream:
        for text in stream:
            take(text.rstrip("\n"))
