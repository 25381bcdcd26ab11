"""Who listens at a port of this machine, and which is free."""

import errno
import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from emulator import processes

MOST = 65_535
_LISTENS = "0A"  # as in /proc/net/tcp
_COMMAND = 60
"""Characters of a command line that are told."""


def why_not(host: str, port: int) -> str | None:
    """Why nobody can listen at `port` now; None where one can. A host that is none is no reason."""
    try:
        _try(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} is taken by {holder(port)}."
        if error.errno == errno.EACCES:
            return f"Port {port} is the system's: only root may listen there."
    return None


def next_free(host: str, port: int) -> int:
    """The first port after `port` that is free; 0 where none is."""
    for each in range(max(port + 1, 1024), MOST + 1):
        if why_not(host, each) is None:
            return each
    return 0


def holder(port: int) -> str:
    """Who listens at `port`, as far as this user is told."""
    for inode, uid in _listeners(port):
        for pid in _pids_of_socket(inode):
            line = processes.command(pid)
            shown = line if len(line) <= _COMMAND else f"{line[: _COMMAND - 1]}…"
            return f"process {pid} ({shown})"
        if uid != os.getuid():
            return f"a process of the user '{_user(uid)}'"
    return "another process"


def _try(host: str, port: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        with socket.socket(family, kind, protocol) as its:
            its.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                its.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            its.bind(address)
            its.listen(1)


def _listeners(port: int) -> Iterator[tuple[str, int]]:
    """The sockets that listen at it: their inodes, and whose they are."""
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (processes.PROC / "net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9], int(fields[7])


def _pids_of_socket(inode: str) -> Iterator[int]:
    wanted = f"socket:[{inode}]"
    for process in processes.every():
        with suppress(OSError):
            for entry in Path(f"/proc/{process.pid}/fd").iterdir():
                if os.readlink(entry) == wanted:  # noqa: PTH115 (it is no path)
                    yield process.pid
                    break


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
