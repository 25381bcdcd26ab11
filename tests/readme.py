"""What the README shows of commands, made anew: `python -m tests.readme` (or `make readme`)."""

import os
import re
import shlex
import subprocess
import sys

from tests.tree import ROOT, halfgig

README = ROOT / "README.md"


def blocks(language: str, text: str) -> list[str]:
    """The fenced blocks of `language`."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def anew(text: str) -> str:
    """`text` with what follows each `$ halfgig …` in a console block as that command prints it."""

    def run(block: re.Match[str]) -> str:
        commands = re.findall(r"(?m)^\$ (.*)$", block[1])
        shown = [f"$ {command}\n{output(command).strip()}\n" for command in commands]
        return "```console\n" + "\n".join(shown) + "```"

    return re.sub(r"(?ms)^```console\n(.*?)^```$", run, text)


def output(command: str) -> str:
    """What a `halfgig` command prints on standard output, in 80 columns."""
    name, *args = shlex.split(command)
    assert name == "halfgig", f"The README's console blocks run halfgig, not '{command}'."
    done = subprocess.run(
        [sys.executable, halfgig(), *args],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


if __name__ == "__main__":
    README.write_text(anew(README.read_text()))
