"""What is wrong with a function's files, and where."""

import re
from pathlib import Path

import pytest

from emulator import faults
from emulator.faults import Fault
from functions.kit import manifest
from functions.kit.manifest import ManifestError
from tests.tree import ROOT

GOOD = (ROOT / "functions" / "beats" / "function.toml").read_text()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "functions" / "beats"
    folder.mkdir(parents=True)
    (folder / "function.toml").write_text(GOOD)
    return tmp_path / "functions"


def told(root: Path, text: str) -> Fault:
    path = root / "beats" / "function.toml"
    path.write_text(text)
    with pytest.raises(ManifestError) as caught:
        manifest.load(path.parent)
    return faults.of_manifest(path, caught.value, root)


@pytest.mark.parametrize(
    ("old", "new", "at", "detail"),
    [
        (
            "timeout_s = 300",
            'timeout_s = "long"',
            'timeout_s = "long"',
            "'timeout_s' is 'long'. It",
        ),
        ("channels = 32", "channels = 0", "channels = 0", "'limits.channels' is 0. It must be a"),
        ("channels = 32\n", "", "[limits]", "'limits.channels' is missing."),
        ("seconds = 7_200", "seconds = = 7", "seconds = = 7", "function.toml is not valid TOML: "),
        ("[limits]", "[limits", "[limits", "function.toml is not valid TOML: "),
        ('name = "beats"', 'name = "drums"', 'name = "drums"', "'name' is 'drums', but"),
        ("[[tiers]]", '[[tiers]]\nname = "x"\nmemory_mb = 1\n[[tiers]]', "", ""),
    ],
)
def test_the_line_of_what_is_wrong_in_a_manifest(
    root: Path, old: str, new: str, at: str, detail: str
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if not at:  # Of two tables, the second is wrong.
        text = re.sub(r"memory_mb = \d\d+", "memory_mb = true", text)
        at, detail = "memory_mb = true", "'tiers.memory_mb' is True. It must be a number."
    fault = told(root, text)
    assert fault.text == at
    assert fault.line is not None
    assert text.splitlines()[fault.line - 1] == at
    assert fault.file == "functions/beats/function.toml"
    assert detail in fault.detail
    assert "(at line" not in fault.detail
    assert str(root) not in fault.detail


def test_what_has_no_line(root: Path) -> None:
    missing = told(root, GOOD.replace("timeout_s = 300\n", ""))
    assert (missing.line, missing.place) == (None, "functions/beats/function.toml")
    assert missing.detail == "'timeout_s' is missing."
    ended = told(root, 'name = "beats"\nsummary = ')
    assert (ended.line, ended.text) == (2, "summary =")
    path = root / "beats" / "function.toml"
    path.write_bytes(b"\xff")
    assert "not valid TOML" in faults.manifests(root)[1]["beats"].detail


def test_the_good_and_the_broken(root: Path) -> None:
    (root / "drums").mkdir()
    (root / "drums" / "function.toml").write_text("name = ")
    good, broken = faults.manifests(root)
    assert list(good) == ["beats"]
    assert list(broken) == ["drums"]
    assert broken["drums"].line == 1


def test_a_syntax_error_has_its_place(root: Path) -> None:
    path = root / "beats" / "core.py"
    path.write_text("import os\n\ndef f(:\n    return os\n")
    fault = faults.of_code(path, root)
    assert fault is not None
    assert fault.place == "functions/beats/core.py, line 3"
    assert (fault.column, fault.text) == (7, "def f(:")
    assert fault.detail == "Invalid syntax."


@pytest.mark.parametrize("code", ["x = '\0'\n", "x = 1\n\tif x:\n  y\n", "('" * 300, "x = '\xff'"])
def test_whatever_is_in_a_file_it_is_told(root: Path, code: str) -> None:
    path = root / "beats" / "core.py"
    path.write_bytes(code.encode("latin-1"))
    fault = faults.of_code(path, root)
    assert fault is not None
    assert fault.detail
    assert "\n" not in fault.text


def test_a_warning_is_no_error_and_is_not_shown(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = root / "beats" / "core.py"
    path.write_text('x = "\\d"\n')
    assert faults.of_code(path, root) is None
    assert capfd.readouterr() == ("", "")


def test_what_is_gone_is_not_wrong(root: Path) -> None:
    assert faults.of_code(root / "beats" / "core.py", root) is None
