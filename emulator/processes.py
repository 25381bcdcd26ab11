"""What processes there are on this machine, by /proc, or else by `ps`."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KB = 1024
MB = 2**20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One that runs, or a zombie: it has ended, and was not collected.

    resident_mb : what it has resident, what it shares included
    cpu_s : what it used, and those of its children that it has collected
    """

    pid: int
    parent: int
    session: int
    resident_mb: float
    cpu_s: float
    zombie: bool


def every() -> Iterator[Process]:
    """All of them."""
    return _by_proc() if (PROC / "self/stat").exists() else _by_ps()


def of_session(leader: int, has_ended: bool) -> list[Process]:
    """Those whose POSIX session `leader` began (setsid), and all that descend from them.

    has_ended : the leader, so that another process can have its number by now
    """
    there = list(every())
    if has_ended:
        there = [each for each in there if each.pid != leader]
    found = {each.pid: each for each in there if leader in (each.pid, each.session)}
    more = True
    while more:
        more = False
        for each in there:
            if each.pid not in found and each.parent in found:
                found[each.pid] = each
                more = True
    return list(found.values())


def own_mb(process: Process) -> float:
    """What is resident of it, each page divided by how many share it; 0 where it has ended.

    All that is resident, where the system does not say, or not to this user.
    """
    try:
        text = (PROC / f"{process.pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return process.resident_mb if not (PROC / "self/smaps_rollup").exists() else 0.0
    except PermissionError:
        return process.resident_mb
    _, found, rest = text.partition("\nPss:")
    return int(rest.split(None, 1)[0]) * KB / MB if found else 0.0


def command(pid: int) -> str:
    """Its command line, or "" where that cannot be seen."""
    with suppress(OSError):
        line = (PROC / f"{pid}/cmdline").read_bytes()
        return line.replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def began(pid: int) -> str:
    """When it began, as the system says: another process of the same number began at another time.

    "" where there is none, or that is not known.
    """
    with suppress(OSError):
        return _fields((PROC / f"{pid}/stat").read_text())[19]
    if not (PROC / "self/stat").exists():
        return _ps("-o", "lstart=", "-p", str(pid)).strip()
    return ""


def _by_proc() -> Iterator[Process]:
    for name in os.listdir(PROC):  # noqa: PTH208 (it is read ten times a second)
        if not name.isdigit():
            continue
        with suppress(OSError), open(f"/proc/{name}/stat") as file:  # noqa: PTH123
            fields = _fields(file.read())
            yield Process(
                pid=int(name),
                parent=int(fields[1]),
                session=int(fields[3]),
                resident_mb=int(fields[21]) * _PAGE / MB,
                cpu_s=sum(map(int, fields[11:15])) / _TICK,
                zombie=fields[0] == "Z",
            )


def _by_ps() -> Iterator[Process]:
    for line in _ps("-axo", "pid=,ppid=,rss=,time=,state=").splitlines():
        pid, parent, resident, time, state = line.split()
        days, _, clock = time.rpartition("-")
        cpu_s = int(days or 0) * 86_400.0
        for place, part in enumerate(reversed(clock.split(":"))):
            cpu_s += float(part) * 60**place
        # What it says of sessions is not the same everywhere.
        yield Process(
            int(pid), int(parent), 0, int(resident) * KB / MB, cpu_s, zombie=state[0] == "Z"
        )


def _ps(*arguments: str) -> str:
    try:
        return subprocess.run(["ps", *arguments], capture_output=True, text=True).stdout
    except FileNotFoundError:
        return ""


def _fields(stat: str) -> list[str]:
    """The fields of a stat file after the process's name, which may hold anything."""
    return stat.rpartition(")")[2].split()
