"""What is wrong with the files of functions, and where: the file, its line, and what that says."""

import contextlib
import re
import tomllib
import warnings
from dataclasses import dataclass
from pathlib import Path

import functions
from functions.kit import manifest
from functions.kit.manifest import Manifest, ManifestError

ROOT = Path(functions.__file__).parent

_AT = re.compile(r" \(at line (\d+), column (\d+)\)")
_AT_END = " (at end of document)"
_KEY = re.compile(r"'([\w.-]+)' is (missing\.)?")
_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]+")
_ASSIGNMENT = re.compile(r"\s*([\w.-]+)\s*=")


@dataclass(frozen=True)
class Fault:
    """Why a file can't be used: `file` is named from the folder of `functions` on.

    `line` and `column`, from 1, are None where they can't be told; `text` is that line, or "".
    """

    file: str
    line: int | None
    column: int | None
    text: str
    detail: str

    @property
    def place(self) -> str:
        """The file and the line."""
        return self.file if self.line is None else f"{self.file}, line {self.line}"


def manifests(root: Path = ROOT) -> tuple[dict[str, Manifest], dict[str, Fault]]:
    """The functions in `root` whose manifests can be used; and what is wrong with the others."""
    good: dict[str, Manifest] = {}
    faults: dict[str, Fault] = {}
    for path in sorted(root.glob(f"*/{manifest.FILE}")):
        name = path.parent.name
        try:
            good[name] = manifest.load(path.parent)
        except ManifestError as error:
            faults[name] = of_manifest(path, error, root)
    return good, faults


def of_manifest(path: Path, error: ManifestError, root: Path = ROOT) -> Fault:
    """The fault of the manifest `path`, of which reading it told."""
    file, detail = str(path.relative_to(root.parent)), str(error)
    detail = detail.removeprefix(f"{path}: ").replace(str(path), file)
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return Fault(file, None, None, "", detail)
    if at := _AT.search(detail):
        line, column = int(at[1]), int(at[2])
        return _fault(file, line, column, lines, _AT.sub("", detail))
    if _AT_END in detail:
        return _fault(file, len(lines) or None, None, lines, detail.replace(_AT_END, ""))
    if key := _KEY.search(detail):
        table = key[1].rpartition(".")[0]
        line = _line_of(table if key[2] else key[1], lines, detail)
        return _fault(file, line or None, None, lines, detail)
    return Fault(file, None, None, "", detail)


def of_code(path: Path, root: Path = ROOT) -> Fault | None:
    """What keeps the module `path` from being compiled; None if nothing does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except FileNotFoundError:
        return None
    except SyntaxError as error:
        return _of_syntax(path, error, root)
    except Exception as error:  # A null byte, an expression that is too deep, a disk that fails.
        return Fault(str(path.relative_to(root.parent)), None, None, "", f"{error}")
    return None


def _of_syntax(path: Path, error: SyntaxError, root: Path) -> Fault:
    file = str(path.relative_to(root.parent))
    detail = f"{error.msg[:1].upper()}{error.msg[1:]}."
    text = (error.text or "").rstrip()
    if not text and error.lineno:
        with contextlib.suppress(OSError, IndexError):
            lines = path.read_text(errors="replace").splitlines()
            text = lines[error.lineno - 1].rstrip()
    return Fault(file, error.lineno, error.offset or None, text, detail)


def _fault(file: str, line: int | None, column: int | None, lines: list[str], detail: str) -> Fault:
    text = lines[line - 1].rstrip() if line is not None and line <= len(lines) else ""
    return Fault(file, line, column, text, detail)


def _line_of(key: str, lines: list[str], detail: str) -> int:
    """The line, from 1, of a dotted key or table; 0 where it can't be told.

    Where a key is there more than once, in tables of one name, it is the value that `detail` has.
    """
    found, table = 0, ""
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            table = header[1].strip()
            here = table
        elif assignment := _ASSIGNMENT.match(line):
            here = f"{table}.{assignment[1]}" if table else assignment[1]
        else:
            continue
        if here != key:
            continue
        if _says(line, detail):
            return number
        found = found or number
    return found


def _says(line: str, detail: str) -> bool:
    try:
        values = tomllib.loads(line).values()
    except tomllib.TOMLDecodeError:  # It goes on in the next line, or is a header.
        return False
    return any(repr(value) in detail for value in values)
