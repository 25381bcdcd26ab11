"""Every pin, out of one lock: `python -m deploy.lock` (or `make lock`) writes them all.

`requirements.lock` has what development needs, `requirements-run.lock` the part of it that the
functions, deploy and emulator run on; both with hashes. The pins go from there into
`pyproject.toml` and into each function's `requirements.txt`. `tests/test_locks.py` holds them
equal. Needs the package registry; `--upgrade` takes the newest releases.
"""

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from functions.kit import manifest

OWN = ("click", "httptools", "uvicorn", "uvloop", "waitress")
"""What deploy and emulator import themselves."""

BUILD = ("setuptools",)
"""What installs this tree into an environment made from a lock."""

MADE_BY = "# Written by `make lock`.\n"


def main() -> None:
    """The command line; run at the root of the repository."""
    parser = argparse.ArgumentParser(prog="python -m deploy.lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest releases")
    upgrade = parser.parse_args().upgrade

    root = Path.cwd()
    functions = manifest.discover(root / "functions")
    project = root / "pyproject.toml"
    settings = tomllib.loads(project.read_text())
    run = sorted({*OWN, *(name for each in functions.values() for name in each.requires)})
    everything = [*run, *BUILD, *settings["dependency-groups"]["dev"]]

    lock = root / "requirements.lock"
    old = [] if upgrade or not lock.exists() else pins(lock.read_text()).items()
    lock.write_text(_compile(everything, [f"{name}=={version}" for name, version in old], True))
    held = [f"{name}=={version}" for name, version in pins(lock.read_text()).items()]
    (root / "requirements-run.lock").write_text(_compile([*run, *BUILD], held, True))
    for function in functions.values():
        text = _compile(function.requires, held, False)
        (function.folder / "requirements.txt").write_text(text)

    versions = pins(lock.read_text())
    lines = "".join(f'    "{name}=={versions[name]}",\n' for name in run)
    project.write_text(
        re.sub(
            r"(?m)^dependencies = \[\n(?:    .*\n)*\]",
            f"dependencies = [\n{lines}]",
            project.read_text(),
        )
    )


def pins(text: str) -> dict[str, str]:
    """The version that a lock or a `requirements.txt` pins each name to."""
    return dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)", text))


def _compile(names: Iterable[str], hold: Iterable[str], hashes: bool) -> str:
    """The closure of `names` for every Python and system we support, at the versions in `hold`."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--no-config", "--quiet"]
    command += ["--universal", "--python-version", "3.11", "--fork-strategy", "fewest"]
    command += ["--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--generate-hashes"] if hashes else []
    read, write = os.pipe()
    os.write(write, "\n".join(hold).encode())
    os.close(write)
    done = subprocess.run(
        [*command, "--constraints", f"/dev/fd/{read}", "-"],
        input="\n".join(names),
        pass_fds=[read],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return MADE_BY + re.sub(r"(?m)^ +# via.*\n(^ +#   .*\n)*", "", done.stdout)


if __name__ == "__main__":
    main()
