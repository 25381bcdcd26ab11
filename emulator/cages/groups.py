"""A cage of the kernel's control groups, of version 1 or 2."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from deploy import cgroups
from emulator.cages.cage import MB, CageUnavailable, Reading, share

PERIOD_US = 100_000
NAME = "halfgig"
PATIENCE_S = 5.0

# Joins the groups named before "--", then becomes the command after it.
JOIN = """
until [ "$1" = -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"
"""


class Groups:
    """A control group of `memory_mb` (swap counted) and `cpus` CPU seconds a second; see `Cage`.

    At its end the group is removed. What is started is inside before its first instruction.
    """

    kind = "control groups"
    not_enforced: tuple[str, ...] = ()

    def __init__(self, memory_mb: float, cpus: float) -> None:
        self._memory_mb, self._cpus = memory_mb, cpus
        self.enforces = f"{share(memory_mb, cpus)}, enforced by the kernel"

    def __enter__(self) -> Self:
        groups = {kind: _own(kind) for kind in ("memory", "cpu")}
        self._version = groups["memory"].version
        if groups["cpu"].version != self._version:
            raise CageUnavailable("Memory and CPU are in control groups of different versions.")
        self.kind = f"control groups (version {self._version})"
        name = f"{NAME}-{os.getpid()}-{os.urandom(3).hex()}"
        self._folders: list[Path] = []
        try:
            self._memory = self._make(groups["memory"], "memory", name)
            self._cpu = self._make(groups["cpu"], "cpu", name)
            self._count = self._cpu  # of CPU seconds
            if self._version == 1:
                self._count = self._make(_own("cpuacct"), "cpuacct", name)
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

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        folders = [str(folder) for folder in self._folders]
        return subprocess.Popen(["/bin/sh", "-c", JOIN, "sh", *folders, "--", *command], **options)

    def pids(self) -> list[int]:
        return pids(self._memory)

    def kill(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (inside := self.pids()) and time.monotonic() < deadline:
            _kill(inside)
            time.sleep(0.01)

    def read(self) -> Reading:
        return read(self._version, self._memory, self._cpu, self._count)

    def _make(self, around: cgroups.Group, kind: str, name: str) -> Path:
        """A new group for `kind` inside the one this process is in."""
        folder = around.folder / name
        if folder in self._folders:
            return folder
        if around.version == 2:
            # Fails where this process's own group holds processes and is not the topmost.
            with contextlib.suppress(OSError):
                (around.folder / "cgroup.subtree_control").write_text("+memory +cpu")
        _sweep(around.folder)
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
            deadline = time.monotonic() + PATIENCE_S
            while True:
                try:
                    folder.rmdir()
                    break
                except OSError:  # There are processes in it; the killed stay for a moment.
                    if time.monotonic() > deadline:
                        raise
                _kill(pids(folder))
                time.sleep(0.02)


def read(version: int, memory: Path, cpu: Path, count: Path) -> Reading:
    """What the kernel has counted in groups of `version`; `count` is the one of CPU seconds."""
    first = version == 1
    oom = _numbers(memory / ("memory.oom_control" if first else "memory.events"))
    its_cpu = _numbers(cpu / "cpu.stat")
    its_memory = _numbers(memory / "memory.stat")
    used = memory / ("memory.usage_in_bytes" if first else "memory.current")
    peak = memory / ("memory.max_usage_in_bytes" if first else "memory.peak")
    if first:
        cpu_s = int((count / "cpuacct.usage").read_text()) / 1e9
        throttled_s = its_cpu["throttled_time"] / 1e9
    else:
        cpu_s, throttled_s = its_cpu["usage_usec"] / 1e6, its_cpu["throttled_usec"] / 1e6
    return Reading(
        memory_mb=int(used.read_text()) / MB,
        peak_mb=int(peak.read_text()) / MB if peak.exists() else None,
        anon_mb=its_memory["total_rss" if first else "anon"] / MB,
        oom_kills=oom["oom_kill"],
        cpu_s=cpu_s,
        throttled_s=throttled_s,
        throttled_periods=its_cpu["nr_throttled"],
    )


def _own(kind: str) -> cgroups.Group:
    group = cgroups.own(kind)
    if group is None:
        raise CageUnavailable(f"This system has no control group for '{kind}'.")
    return group


def _sweep(around: Path) -> None:
    """Remove empty groups that an emulator left that was killed."""
    for folder in around.glob(f"{NAME}-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def pids(folder: Path) -> list[int]:
    """The processes in a group."""
    return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]


def _kill(inside: Sequence[int]) -> None:
    for pid in inside:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _numbers(path: Path) -> dict[str, int]:
    return {key: int(value) for key, value in map(str.split, path.read_text().splitlines())}
