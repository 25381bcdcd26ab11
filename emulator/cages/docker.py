"""A cage that docker makes: this machine's own folders and Python, in a container of the plan's."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator.cages.cage import MB, CageUnavailable
from emulator.cages.ordered import KILL_S, PATIENCE_S, Ordered

EMPTY = bytes(10_240)
"""An archive of no files, of which an image is made: none is fetched."""
RETRY_S = 0.5
NOT_OURS = ("proc", "sys", "dev")
"""Folders that a container has of its own."""


class Docker(Ordered):
    """See `Ordered`. Neither the image nor a container is left at the end."""

    kind = "docker"
    _image = ""

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._image:
            with suppress(CageUnavailable):
                _docker("rmi", "--force", self._image)

    def kill(self) -> None:
        deadline = time.monotonic() + KILL_S
        for name, process in list(self._started.items()):
            while process.poll() is None and time.monotonic() < deadline:
                _remove(name)  # Nothing, where docker is only about to make it.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(RETRY_S)
            process.kill()
            _remove(name)
            self._started.pop(name, None)

    def _prepare(self) -> None:
        super()._prepare()
        if sys.platform != "linux":
            raise CageUnavailable("docker runs Linux, and this Python does not.")
        _docker("version", "--format", "{{.Server.Version}}")
        self._image = _docker("import", "-", archive=EMPTY)

    def _order(self, name: str, options: Mapping[str, Any]) -> list[str]:
        memory = str(round(self._memory_mb * MB))
        environ = options.get("env") or os.environ
        folders = [path for path in sorted(Path("/").iterdir()) if path.is_dir()]
        return [
            *("docker", "run", "--rm", "--interactive", "--name", name),
            *("--memory", memory, "--memory-swap", memory, "--cpus", f"{self._cpus:g}"),
            *("--network", "host", "--pid", "host", "--user", f"{os.getuid()}:{os.getgid()}"),
            *("--workdir", str(options.get("cwd") or Path.cwd())),
            *(f"--volume={path}:{path}" for path in folders if path.name not in NOT_OURS),
            *(f"--env={variable}" for variable in environ),
            self._image,
        ]

    def _find(self, name: str, process: "subprocess.Popen[Any]") -> tuple[int, str]:
        with suppress(CageUnavailable, ValueError):
            pid, id = _docker("inspect", "--format", "{{.State.Pid}} {{.Id}}", name).split()
            return int(pid), id
        return 0, name


def _remove(name: str) -> None:
    with suppress(CageUnavailable):
        _docker("rm", "--force", name)


def _docker(*arguments: str, archive: bytes = b"") -> str:
    """What docker prints. Raises `CageUnavailable` where it fails."""
    try:
        done = subprocess.run(
            ["docker", *arguments], input=archive, capture_output=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise CageUnavailable(f"docker had not answered after {PATIENCE_S:g} s.") from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise CageUnavailable(f"docker: {words[-1] if words else 'it failed.'}")
    return done.stdout.decode().strip()
