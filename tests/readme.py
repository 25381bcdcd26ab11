"""What the README shows of commands and settings, made anew: `make readme`."""

import ast
import inspect
import math
import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from deploy.plans import Plan
from deploy.service import settings
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


def with_settings(text: str) -> str:
    """`text` with the table of settings as the service has them."""
    head = "| setting | default | what |\n|---|---|---|\n"
    return re.sub(rf"(?m){re.escape(head)}(\|.*\n)*", lambda _: head + _settings(), text)


def _settings() -> str:
    """A row for each field of `Settings`: its variable, its default and its docstring."""
    defaults = settings.load({}, {})
    (definition,) = ast.parse(inspect.getsource(settings.Settings)).body
    assert isinstance(definition, ast.ClassDef)
    rows = []
    for field, after in pairwise(definition.body):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(words))
            ):
                default = _default(getattr(defaults, name))
                what = " ".join(words.split()).removesuffix(".")
                rows.append(f"| `{settings.variable(name)}` | {default} | {what} |\n")
    return "".join(rows)


def _default(value: object) -> str:
    match value:
        case Plan(name=name):
            return f"`{name}`"
        case bool():
            return "`1`" if value else ""
        case float():
            return "" if math.isinf(value) else f"`{value:g}`"
        case int() | str() | Path():
            return f"`{value}`"
    assert not value, f"The README does not know how to show {value!r}."
    return ""


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
    README.write_text(with_settings(anew(README.read_text())))
