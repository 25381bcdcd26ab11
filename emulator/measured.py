"""What was measured of a function, written into its `function.toml`, and nothing else."""

import re
import tomllib
from collections.abc import Mapping

from functions.kit.manifest import ManifestError, Memory

_CPU = ("[cpu]  # measured: CPU seconds that a second of audio costs", "per_s = 0", "", "")


def written(text: str, memory: Memory, cpu_per_s: float | None, tier: str | None) -> str:
    """`text`, a `function.toml`, with `memory` in `[memory]`, and its peak in `tier`'s table.

    `cpu_per_s`, if it is known, goes into `[cpu]`, which is put after `[memory]` where it is
    missing. Every other byte stays as it is. Raises `ManifestError` where the file is laid out in a
    way that this can't be done to.
    """
    wanted = tomllib.loads(text)
    wanted["memory"] |= vars(memory)
    cpu = {} if cpu_per_s is None else {"per_s": cpu_per_s}
    if cpu:
        wanted["cpu"] = wanted.get("cpu", {}) | cpu
    for its in wanted["tiers"]:
        if its["name"] == tier:
            its["memory_mb"] = memory.peak_mb
    tables = re.split(r"(?m)^(?=\[)", text)
    if cpu and not any(re.match(r"\[cpu\]", table) for table in tables):
        tables = _with_cpu(tables)
    for i, table in enumerate(tables):
        if re.match(r"\[memory\]", table):
            tables[i] = _with(table, vars(memory))
        elif re.match(r"\[cpu\]", table):
            tables[i] = _with(table, cpu)
        elif re.match(r"\[\[tiers\]\]", table) and re.search(rf'(?m)^name = "{tier}"', table):
            tables[i] = _with(table, {"memory_mb": memory.peak_mb})
    new = "".join(tables)
    try:
        same = tomllib.loads(new) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        figures = vars(memory) | cpu
        raise ManifestError(
            "The function.toml is laid out in a way that is not understood here. Write into it "
            f"yourself: {', '.join(f'{key} = {value:g}' for key, value in figures.items())}."
        )
    return new


def _with(table: str, values: Mapping[str, float]) -> str:
    for key, value in values.items():
        table = re.sub(rf"(?m)^({key}\s*=\s*)[^\s#]+", rf"\g<1>{value:g}", table, count=1)
    return table


def _with_cpu(tables: list[str]) -> list[str]:
    """`tables` with an empty `[cpu]` after `[memory]`."""
    table = ("\r\n" if "\r\n" in tables[0] else "\n").join(_CPU)
    after = [i for i, each in enumerate(tables, 1) if re.match(r"\[memory\]", each)]
    return [*tables[: after[0]], table, *tables[after[0] :]] if after else tables
