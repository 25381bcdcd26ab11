"""How `halfgig` shows a result."""

from pathlib import Path
from typing import Any


def text(result: dict[str, Any], width: int) -> str:
    return f"It said: {' '.join(result['words'])}"[:width]


def copy(result: dict[str, Any], audio: Path, out: Path) -> None:
    out.write_text(audio.read_text())


def half(result: dict[str, Any], audio: Path, out: Path) -> None:
    out.write_text("half")
    raise OSError(28, "No space left on device")


def draw(result: dict[str, Any], audio: Path, out: Path) -> None:
    import no_such_plotter  # type: ignore[import-not-found]

    no_such_plotter.draw(out)
