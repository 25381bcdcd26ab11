"""A copy of this tree with a fourth function dropped in, and commands run in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("functions", "deploy", "emulator")
FILES = ("pyproject.toml", "requirements.lock", "README.md", "LICENSE")


class Tree:
    """The copy, at `root`."""

    def __init__(self, root: Path, function: Path) -> None:
        self.root = root
        for room in ROOMS:
            shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copyfile(ROOT / name, root / name)
        shutil.copytree(function, root / "functions" / function.name)

    @property
    def environ(self) -> dict[str, str]:
        """An environment in which Python finds this tree before the installed one."""
        return {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": ""}

    def python(
        self, *args: str | Path, stdin: str = "", cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with `args` and wait for it."""
        return subprocess.run(
            [sys.executable, *map(str, args)],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=cwd or self.root.parent,
            env=self.environ,
            timeout=60,
        )

    def halfgig(self, *args: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the installed command `halfgig` with `args` and wait for it."""
        return self.python(halfgig(), *args, stdin=stdin)

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run `halfgig` with a shell's redirections and wait for it."""
        return subprocess.run(
            f"exec '{sys.executable}' '{halfgig()}' {command}",
            shell=True,
            env=self.environ,
            capture_output=True,
            text=True,
        )


def halfgig() -> str:
    """The path of the installed command."""
    return str(Path(sys.executable).with_name("halfgig"))


def core(tree: Tree) -> Path:
    """The code of `echo` in a tree."""
    return tree.root / "functions" / "echo" / "core.py"


def edit(path: Path, old: str, new: str) -> None:
    """Put `new` for `old` in a file, which must have it."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def says(tree: Tree, answer: str) -> None:
    """Have `echo` answer this, whatever it is asked."""
    text = core(tree).read_text()
    begin = text.rindex("    return Echo(")
    core(tree).write_text(f'{text[:begin]}    return Echo(["{answer}"], os.getpid(), Model("w"))\n')
