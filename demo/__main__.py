"""`make run`: every function there is, on the demo clip."""

import subprocess
import sys
from pathlib import Path

from functions.kit import manifest


def main() -> int:
    """Invoke each function as a person would. Returns the worst exit code."""
    song = Path(__file__).with_name("clip.ogg")
    worst = 0
    for name in manifest.discover():
        print(f"$ halfgig invoke {name} {shown(song)}", flush=True)
        done = subprocess.run([sys.executable, "-m", "emulator", "invoke", name, str(song)])
        worst = max(worst, done.returncode)
        print(flush=True)
    return worst


def shown(path: Path) -> str:
    """`path` as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    sys.exit(main())
