"""A cage: a control group with a plan's memory and CPU, enforced by the kernel."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from deploy import cgroups

MB = 2**20
PERIOD_US = 100_000

# Joins the groups named before "--", then becomes the command after it.
JOIN = """
until [ "$1" = -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"
"""


class CageUnavailable(Exception):  # noqa: N818 (it is a state of the system, not a mistake)
    """No control group can be made here; the message says why."""


@dataclass(frozen=True)
class Reading:
    """What the kernel counted in a cage: MB (2^20 bytes), kills for memory, and CPU denied.

    `peak_mb` is None where the kernel does not keep it.
    """

    peak_mb: float | None
    oom_kills: int
    throttled_periods: int
    throttled_s: float


class Cage:
    """A control group of `memory_mb` (swap counted) and `cpus` CPU seconds a second.

    A context manager: at its end whatever still runs inside is killed and the group removed.
    Entering raises `CageUnavailable` where this system or this user cannot make one.
    """

    def __init__(self, memory_mb: float, cpus: float) -> None:
        self._memory_mb, self._cpus = memory_mb, cpus

    def __enter__(self) -> Self:
        name = f"halfgig-{os.getpid()}-{os.urandom(3).hex()}"
        groups = {kind: _own(kind) for kind in ("memory", "cpu")}
        self._version = groups["memory"].version
        if groups["cpu"].version != self._version:
            raise CageUnavailable("Memory and CPU are in control groups of different versions.")
        self._folders: list[Path] = []
        try:
            self._memory = self._make(groups["memory"], "memory", name)
            self._cpu = self._make(groups["cpu"], "cpu", name)
            self._limit()
        except OSError as error:
            self._remove()
            raise CageUnavailable(
                f"'{error.filename}' cannot be written ({error.strerror}); that takes root, or a "
                "control group delegated to this user."
            ) from None
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start `command` inside; it is in the cage before its first instruction."""
        folders = [str(folder) for folder in self._folders]
        return subprocess.Popen(["/bin/sh", "-c", JOIN, "sh", *folders, "--", *command], **options)

    def read(self) -> Reading:
        """What the kernel has counted so far."""
        first = self._version == 1
        oom = _numbers(self._memory / ("memory.oom_control" if first else "memory.events"))
        cpu = _numbers(self._cpu / "cpu.stat")
        peak = self._memory / ("memory.max_usage_in_bytes" if first else "memory.peak")
        throttled_s = cpu["throttled_time"] / 1e9 if first else cpu["throttled_usec"] / 1e6
        return Reading(
            peak_mb=int(peak.read_text()) / MB if peak.exists() else None,
            oom_kills=oom["oom_kill"],
            throttled_periods=cpu["nr_throttled"],
            throttled_s=throttled_s,
        )

    def _make(self, around: cgroups.Group, kind: str, name: str) -> Path:
        """A new group for `kind` inside the one this process is in."""
        folder = around.folder / name
        if folder in self._folders:
            return folder
        if around.version == 2:
            # Fails where this process's own group holds processes and is not the topmost.
            with contextlib.suppress(OSError):
                (around.folder / "cgroup.subtree_control").write_text("+memory +cpu")
        folder.mkdir()
        self._folders.append(folder)
        if around.version == 2 and not (folder / "memory.max").exists():
            raise CageUnavailable(
                f"'{around.folder}' does not hand its memory and CPU on to groups inside it."
            )
        return folder

    def _limit(self) -> None:
        memory, quota = round(self._memory_mb * MB), round(self._cpus * PERIOD_US)
        if self._version == 1:
            (self._memory / "memory.limit_in_bytes").write_text(str(memory))
            swap = self._memory / "memory.memsw.limit_in_bytes"
            if swap.exists():  # Else the kernel counts no swap; there must be none to use.
                swap.write_text(str(memory))
            elif len(Path("/proc/swaps").read_text().splitlines()) > 1:
                raise CageUnavailable("This kernel cannot limit swap, and there is some.")
            (self._cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self._cpu / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (self._memory / "memory.max").write_text(str(memory))
            swap = self._memory / "memory.swap.max"
            if swap.exists():
                swap.write_text("0")
            (self._cpu / "cpu.max").write_text(f"{quota} {PERIOD_US}")

    def _remove(self) -> None:
        for folder in reversed(self._folders):
            deadline = time.monotonic() + 5
            while True:
                try:
                    folder.rmdir()
                    break
                except OSError:  # There are processes in it; the killed stay for a moment.
                    if time.monotonic() > deadline:
                        raise
                for pid in (folder / "cgroup.procs").read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                time.sleep(0.02)


def _own(kind: str) -> cgroups.Group:
    group = cgroups.own(kind)
    if group is None:
        raise CageUnavailable(f"This system has no control group for '{kind}'.")
    return group


def _numbers(path: Path) -> dict[str, int]:
    return {key: int(value) for key, value in map(str.split, path.read_text().splitlines())}
