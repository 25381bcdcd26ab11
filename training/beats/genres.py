"""The genres of genres.toml: what players play in each, and what its names of instruments mean."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRUMS = {  # names of drum lines -> General MIDI percussion keys
    "bd": 36, "ss": 37, "sd": 38, "cp": 39, "ft": 41, "hh": 42, "ph": 44, "lt": 45, "oh": 46,
    "mt": 47, "cr": 49, "ht": 50, "rd": 51, "rb": 53, "tb": 54, "cb": 56, "bh": 60, "bl": 61,
    "cm": 62, "co": 63, "cl": 64, "tm": 65, "tl": 66, "ag": 67, "al": 68, "sh": 70, "gs": 73,
    "gl": 74, "cv": 75, "wb": 76, "wl": 77, "tk": 80, "tr": 81, "ms": 86, "su": 87,
}  # fmt: skip

PROGRAMS = {  # groups of General MIDI programs
    "piano": (0, 1, 2, 3), "epiano": (4, 5), "keys": (0, 1, 4, 5, 6, 7), "harpsi": (6, 7),
    "bells": (8, 9, 10, 11, 12, 13, 14), "organ": (16, 17, 18, 19), "accordion": (21, 23),
    "harmonica": (22,), "nylon": (24,), "guitar": (24, 25), "clean": (26, 27, 28),
    "crunch": (29, 30), "upright": (32,), "bass": (33, 34, 35, 36, 37), "synbass": (38, 39, 87),
    "strings": (48, 49, 50, 51), "solo": (40, 41, 42), "pizz": (45,), "harp": (46,),
    "choir": (52, 53, 54), "brass": (56, 57, 58, 60, 61, 62), "horns": (61, 62, 63),
    "sax": (64, 65, 66, 67), "reeds": (68, 69, 70, 71), "flute": (72, 73, 74, 75, 77, 79),
    "whistle": (72, 73, 78), "square": (80, 81), "lead": (80, 81, 82, 83, 84, 85, 86, 87),
    "pad": (88, 89, 90, 91, 92, 93, 94, 95), "pluck": (15, 104, 105, 106, 107, 108),
    "banjo": (105,), "fiddle": (40, 110), "vocal": (52, 53, 54, 65, 66, 71, 73, 82, 85),
    "tuba": (58,),
}  # fmt: skip

PROGRESSIONS = {  # chords by scale degree, one group a bar, digits share the bar
    "pop": ("1 5 6 4", "1 6 4 5", "6 4 1 5", "1 4 5 4", "1 3 4 5", "4 5 3 6", "1 4 6 5",
            "1 1 4 4", "1 5 4 4", "15 64", "14 15", "2 5 1 6"),
    "minor": ("1 6 3 7", "1 7 6 7", "1 4 1 5", "1 6 4 5", "1 1 6 7", "1 3 7 4", "16 37", "1 4 7 3"),
    "jazz": ("2 5 1 1", "1 6 2 5", "16 25", "3 6 2 5", "2 5 1 6", "1 4 36 25", "1 1 2 5"),
    "blues": ("1 1 1 1 4 4 1 1 5 4 1 5", "1 4 1 1 4 4 1 1 5 4 1 1", "1 1 4 1"),
    "modal": ("1", "1 1 1 7", "1 2", "1 7", "1 1 4 1", "1 1 1 1 6 6 7 7"),
    "folk": ("1 1 4 1", "1 4 5 1", "1 1 5 5", "1 5 1 45", "1 4 1 5", "1 1 2 5", "1 6 4 5"),
    "classical": ("1 5 6 3 4 1 4 5", "1 4 5 1", "1 5 1 5", "1 6 2 5", "1 2 5 1", "14 51",
                  "1 7 3 6"),
}  # fmt: skip


@dataclass(frozen=True)
class Genre:
    """A genre as its players see it; patterns in the notation of notation.py.

    bpm : least, most likely and greatest tempo, labelled beats a minute.
    meter : beats a bar.
    drums : patterns of lines named as in `DRUMS`.
    bass : lines of digits (steps of the scale from the chord's root), `w` a walking note.
    comp : patterns of lines named as in `PROGRAMS`; x chord, digits chord notes from the lowest,
        b the root below, f the fifth below.
    lead : groups of programs that play the tune.
    swing, swing16 : ranges of `Grid.swing`, `Grid.swing16`.
    kits : programs of the drum channel.
    harmony : keys of `PROGRESSIONS`.
    character : how the tempo behaves, a key of `tempo.KINDS`.
    triple : the tune divides the beat in three.
    bare : the chance that a piece has no drums at all.
    weight : how often the genre is drawn.
    """

    name: str
    bpm: tuple[float, float, float]
    meter: int = 4
    drums: tuple[str, ...] = ()
    bass: tuple[str, ...] = ()
    comp: tuple[str, ...] = ()
    lead: tuple[str, ...] = ("vocal", "lead", "sax")
    basses: str = "bass"
    kits: tuple[int, ...] = (0, 8)
    swing: tuple[float, float] = (0.5, 0.5)
    swing16: tuple[float, float] = (0.5, 0.5)
    harmony: tuple[str, ...] = ("pop", "minor")
    character: str = "band"
    triple: bool = False
    bare: float = 0.06
    weight: float = 1.0


def load(path: Path) -> tuple[Genre, ...]:
    """Read a table of genres; one that is `like` another takes from it what it leaves out.

    Raises
    ------
    ValueError
        If a genre has a key that is no field of `Genre`, or is like one that is not before it.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, table in tomllib.loads(path.read_text()).items():
        model = table.pop("like", None)
        if model is not None and model not in found:
            raise ValueError(f"Genre {name!r} is like {model!r}, which is not a genre before it.")
        if unknown := set(table) - set(Genre.__dataclass_fields__):
            raise ValueError(f"Genre {name!r} has the unknown keys {sorted(unknown)}.")
        found[name] = {**found.get(model, {}), **table, "name": name}

    def fields(table: dict[str, Any]) -> dict[str, Any]:
        return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}

    return tuple(Genre(**fields(table)) for table in found.values())


GENRES = load(Path(__file__).with_name("genres.toml"))
