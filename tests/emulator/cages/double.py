"""Stands in for `docker` and `systemd-run`: does what a cage needs of them, with control groups.

Run by either name, it notes its arguments in $DOUBLE, a folder. $DOUBLE_FAULT says what is wrong
with it: it "fails", or "hangs", or holds to "no CPU" or to "no memory".
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from deploy import cgroups

FAULT = os.environ.get("DOUBLE_FAULT", "")
FOLDER = Path(os.environ["DOUBLE"])


class Limited:
    """New control groups called `name`."""

    def __init__(self, name: str, memory: str, quota_us: int) -> None:
        self.name = name
        self.folders: list[Path] = []
        for kind in ("memory", "cpu", "cpuacct"):
            if around := cgroups.own(kind):
                folder = around.folder / name
                folder.mkdir(exist_ok=True)
                self.folders.append(folder)
        for file, value, fault in (
            ("memory.limit_in_bytes", memory, "no memory"),
            ("memory.max", memory, "no memory"),
            ("cpu.cfs_quota_us", str(quota_us), "no CPU"),
            ("cpu.max", f"{quota_us} 100000", "no CPU"),
        ):
            for folder in self.folders:
                if fault != FAULT and (folder / file).exists():
                    (folder / file).write_text(value)

    def join(self) -> None:
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        """Once nothing runs inside."""
        for folder in self.folders:
            while folder.exists():
                with suppress(OSError):
                    folder.rmdir()
                time.sleep(0.01)


def systemd_run(words: list[str]) -> None:
    """Become a command that is in a scope. A process of its own removes that at the end."""
    command = words[words.index("--") + 1 :]
    said = dict(word.split("=", 1) for word in words[: words.index("--")] if "=" in word)
    quota_us = round(float(said["CPUQuota"].removesuffix("%")) * 1000)
    scope = Limited(f"{said['--unit']}.scope", said["MemoryMax"], quota_us)
    joined, closed_by_exec = os.pipe()
    if os.fork() == 0:
        os.close(closed_by_exec)
        os.setsid()
        for number in range(3):
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        os.read(joined, 1)
        scope.remove()
        return
    scope.join()
    os.execvp(command[0], command)


def docker(words: list[str]) -> None:
    """The client and the daemon in one."""
    state = FOLDER / words[-1]
    match words[0]:
        case "version":
            print("1")
        case "import":
            assert sys.stdin.buffer.read()
            print("sha256:image")
        case "inspect" | "rm" if not state.exists():
            sys.exit(f"Error: no such container: {words[-1]}")
        case "inspect":
            print(state.read_text())
        case "rm":
            os.kill(int(state.read_text().split()[0]), signal.SIGKILL)
            while state.exists():
                time.sleep(0.01)
        case "run":
            run(words)


def run(words: list[str]) -> None:
    """Run a command in a container; the daemon's part is done by a process of its own."""
    name, memory, cpus = (words[words.index(f"--{it}") + 1] for it in ("name", "memory", "cpus"))
    command = words[words.index("sha256:image") + 1 :]
    ended, ends = os.pipe()
    daemon = os.fork()
    if daemon == 0:
        os.setsid()
        container = Limited(f"container-{name}", memory, round(float(cpus) * 100_000))
        process = subprocess.Popen(command, preexec_fn=container.join)
        state = FOLDER / name
        state.with_suffix(".part").write_text(f"{process.pid} {container.name}")
        state.with_suffix(".part").rename(state)
        signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
        code = process.wait()
        container.remove()
        state.unlink()
        os.write(ends, bytes([code % 256]))
        return
    os.close(ends)
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(daemon, number))
    sys.exit(os.read(ended, 1)[0])


def main() -> None:
    name = Path(sys.argv[0]).name
    with (FOLDER / "log").open("a") as log:
        log.write(json.dumps([name, *sys.argv[1:]]) + "\n")
    if FAULT == "fails":
        sys.exit("a first word\nIt is not there today.")
    if FAULT == "hangs":
        time.sleep(60)
    {"docker": docker, "systemd-run": systemd_run}[name](sys.argv[1:])
