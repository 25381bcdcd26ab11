"""A cage that systemd makes: a scope of this user's, or of the system where this is root."""

import os
from collections.abc import Mapping
from typing import Any

from emulator.cages.cage import MB
from emulator.cages.ordered import Ordered


class SystemdRun(Ordered):
    """See `Ordered`. Many a systemd hands a user memory, but no CPU: then that is not enforced."""

    kind = "systemd-run"

    def _order(self, name: str, options: Mapping[str, Any]) -> list[str]:
        return [
            "systemd-run",
            *([] if os.geteuid() == 0 else ["--user"]),
            *("--scope", "--quiet", "--collect", f"--unit={name}"),
            *("-p", f"MemoryMax={round(self._memory_mb * MB)}", "-p", "MemorySwapMax=0"),
            *("-p", f"CPUQuota={round(self._cpus * 100, 2):g}%"),
            "--",
        ]
