"""`make run`: every function there is, each on the clip that its manifest names."""

import subprocess
import sys
from pathlib import Path

from functions.kit import manifest
from functions.kit.manifest import Manifest


def main() -> int:
    """Invoke each function as a person would. Returns the worst exit code."""
    worst = 0
    for name, function in manifest.discover().items():
        print(f"$ halfgig invoke {name} {shown(clip(function))}", flush=True)
        command = [sys.executable, "-m", "emulator", "invoke", name, str(clip(function))]
        done = subprocess.run(command)
        worst = max(worst, done.returncode)
        print(flush=True)
    return worst


def clip(function: Manifest) -> Path:
    """The clip that shows `function`."""
    return Path(__file__).with_name(f"{function.demo}.ogg")


def shown(path: Path) -> str:
    """`path` as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    sys.exit(main())
