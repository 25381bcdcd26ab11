"""What a command costs as a whole process: CPU seconds, peak resident MB, wall seconds.

A process inherits the peak of whoever starts it (Linux keeps `ru_maxrss` over `exec`), so a bare
Python of 10 MB stands between: less than any Python program that is measured needs itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STARTER = """
import os, sys, time
start = time.monotonic()
null = os.open(os.devnull, os.O_WRONLY)
child = os.posix_spawn(
    sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)]
)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - start
print(
    '{"cpu_s": %r, "peak_mb": %r, "wall_s": %r, "code": %r}'
    % (
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        wall,
        os.waitstatus_to_exitcode(status),
    )
)
"""


@dataclass(frozen=True)
class Cost:
    """One run: user and system seconds, peak resident MB (2^20 bytes), wall seconds, its end."""

    cpu_s: float
    peak_mb: float
    wall_s: float
    code: int
    complaint: str


def cost(command: Sequence[str], cwd: Path, env: dict[str, str] | None = None) -> Cost:
    """Run `command` (its first word an absolute path) in a fresh process and wait for its end."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", STARTER, *command],
        cwd=cwd,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.strip().splitlines()
    return Cost(**json.loads(done.stdout), complaint=lines[-1] if lines else "")
