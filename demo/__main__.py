"""`make run`: every function there is, each on the clips that its manifest names."""

import subprocess
import sys
from pathlib import Path

from functions.kit import manifest
from functions.kit.manifest import Manifest


def main() -> int:
    """Invoke each function as a person would. Returns the worst exit code."""
    worst = 0
    for name, function in manifest.discover().items():
        files = clips(function)
        print(f"$ halfgig invoke {name} {' '.join(map(shown, files))}", flush=True)
        command = [sys.executable, "-m", "emulator", "invoke", name, *map(str, files)]
        done = subprocess.run(command)
        worst = max(worst, done.returncode)
        print(flush=True)
    return worst


def clips(function: Manifest) -> list[Path]:
    """The clips that show `function`."""
    return [Path(__file__).with_name(f"{name}.ogg") for name in function.demo]


def clip(function: Manifest) -> Path:
    """The first of them."""
    return clips(function)[0]


def shown(path: Path) -> str:
    """`path` as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    sys.exit(main())
