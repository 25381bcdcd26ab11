"""What is kept of an evaluation on `test`: a line in the log, and the figures beside the model."""

import json
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import clips

LOG = Path(__file__).with_name("test_log.jsonl")


def figures(function: str) -> Path:
    """The file in which a function's model ships what it reached."""
    return clips.ROOT / "functions" / function / "model" / "figures.json"


def keep(function: str, version: str, headline: Mapping[str, Any], shipped: Any) -> None:
    """Add the `headline` to the log of all that was ever evaluated on `test`; write `shipped`."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=clips.ROOT, capture_output=True, text=True
    ).stdout.strip()
    line = {
        "function": function,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "version": version,
        **headline,
    }
    with LOG.open("a") as file:
        print(json.dumps(line), file=file)
    figures(function).write_text(written(shipped))


def written(value: Any) -> str:
    """JSON with an innermost list or object to a line."""
    text = json.dumps(value, indent=1)
    inner = re.compile(r"[\[{][^\[\]{}]*[\]}]")
    return inner.sub(lambda found: re.sub(r"\n\s*", " ", found[0]), text) + "\n"
