"""A function by its name, or an error that guesses which was meant."""

import difflib

from functions.kit import manifest


class NoFunction(Exception):  # noqa: N818 (said of the name that was asked for)
    """There is no function of that name."""


def function(name: str) -> manifest.Manifest:
    """The manifest of the function called `name`. Raises `NoFunction`."""
    functions = manifest.discover()
    if name in functions:
        return functions[name]
    near = difflib.get_close_matches(name, functions, 1)
    guess = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(functions)}."
    raise NoFunction(f"There is no function '{name}'. {guess}")
