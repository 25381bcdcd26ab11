"""What a folder of recordings says of each: the rows of its `manifest.csv`."""

import csv
from pathlib import Path


def rows(folder: Path) -> list[dict[str, str]]:
    """All of them, in order. Raises SystemExit with a sentence where there are none."""
    path = folder / "manifest.csv"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: name a folder that has one.")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
