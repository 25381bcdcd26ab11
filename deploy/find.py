"""A function by its name, or an error that guesses which was meant."""

import difflib
from collections.abc import Mapping

from functions.kit import manifest


class NoFunction(Exception):  # noqa: N818 (said of the name that was asked for)
    """There is no function of that name."""


def function(
    name: str, functions: Mapping[str, manifest.Manifest] | None = None
) -> manifest.Manifest:
    """The manifest of the function called `name`, of all or of these. Raises `NoFunction`.

    Of all, one that can't be used is no matter to another: only its own raises `ManifestError`.
    """
    if functions is None:
        folder = manifest.ROOT / name
        if name.isidentifier() and (folder / manifest.FILE).exists():
            return manifest.load(folder)
        functions = manifest.discover()
    if name in functions:
        return functions[name]
    near = difflib.get_close_matches(name, functions, 1)
    guess = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(functions)}."
    raise NoFunction(f"There is no function '{name}'. {guess}")
