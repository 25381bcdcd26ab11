"""One function as a folder that runs alone: `python -m deploy.bundle NAME DIR`.

DIR gets `main.py`, `requirements.txt` and the `functions` that it imports: the kit and itself.
`functions-framework --target TARGET` runs there, with an environment of that file alone.
"""

import argparse
import shutil
from pathlib import Path

from deploy import find
from functions.kit.manifest import Manifest, ManifestError

TOP = ("main.py", "requirements.txt")
HERE_ONLY = ("show.py", "__pycache__")
"""What of a function's folder is for the command line, or for this machine."""


def bundle(function: Manifest, folder: Path) -> None:
    """Write `function`'s bundle to `folder`, which must be new or empty, and not among functions.

    Raises FileExistsError where it isn't.
    """
    if folder.resolve().is_relative_to(function.folder.parent.resolve()):
        raise FileExistsError(f"'{folder}' is among the functions themselves. Name one elsewhere.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"'{folder}' is not an empty folder. Name a new one.")
    folder.mkdir(parents=True, exist_ok=True)
    packages = folder / "functions"
    for name in TOP:
        shutil.copyfile(function.folder / name, folder / name)
    shutil.copytree(
        function.folder,
        packages / function.name,
        ignore=shutil.ignore_patterns(*TOP, *HERE_ONLY),
    )
    shutil.copytree(
        function.folder.parent / "kit",
        packages / "kit",
        ignore=shutil.ignore_patterns(*HERE_ONLY),
    )
    shutil.copyfile(function.folder.parent / "__init__.py", packages / "__init__.py")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bundle", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="the function, as `halfgig list` names it")
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")
    options = parser.parse_args()
    try:
        function = find.function(options.name)
        bundle(function, options.folder)
    except (ManifestError, find.NoFunction, OSError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(f"{options.folder}: run it with functions-framework --target {function.target}")


if __name__ == "__main__":
    main()
