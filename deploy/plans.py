"""`plans.toml`, read: how much memory and CPU each plan gives."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("plans.toml")


@dataclass(frozen=True)
class Plan:
    """Memory in MB (2^20 bytes), and CPU seconds a second."""

    name: str
    memory_mb: float
    cpus: float


def load(path: Path = FILE) -> dict[str, Plan]:
    """Every plan by its name."""
    with path.open("rb") as file:
        return {name: Plan(name=name, **plan) for name, plan in tomllib.load(file).items()}
