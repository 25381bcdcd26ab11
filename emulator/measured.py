"""What was measured of a function's memory, written into its `function.toml`, and nothing else."""

import re
import tomllib
from collections.abc import Mapping

from functions.kit.manifest import ManifestError, Memory


def written(text: str, memory: Memory, tier: str | None) -> str:
    """`text`, a `function.toml`, with `memory` in `[memory]`, and its peak in `tier`'s table.

    Every other byte stays as it is. Raises `ManifestError` where the file is laid out in a way
    that this can't be done to.
    """
    wanted = tomllib.loads(text)
    wanted["memory"] |= vars(memory)
    for its in wanted["tiers"]:
        if its["name"] == tier:
            its["memory_mb"] = memory.peak_mb
    tables = re.split(r"(?m)^(?=\[)", text)
    for i, table in enumerate(tables):
        if re.match(r"\[memory\]", table):
            tables[i] = _with(table, vars(memory))
        elif re.match(r"\[\[tiers\]\]", table) and re.search(rf'(?m)^name = "{tier}"', table):
            tables[i] = _with(table, {"memory_mb": memory.peak_mb})
    new = "".join(tables)
    if tomllib.loads(new) != wanted:
        raise ManifestError(
            "The function.toml is laid out in a way that is not understood here. Write into it "
            f"yourself: idle_mb = {memory.idle_mb:g}, peak_mb = {memory.peak_mb:g}."
        )
    return new


def _with(table: str, values: Mapping[str, float]) -> str:
    for key, value in values.items():
        table = re.sub(rf"(?m)^({key}\s*=\s*)[^\s#]+", rf"\g<1>{value:g}", table, count=1)
    return table
