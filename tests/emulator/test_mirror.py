"""The copy of the functions that a service runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.mirror import LINKED, Mirror
from tests.tree import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "functions"
    (root / "echo" / "model").mkdir(parents=True)
    (root / "echo" / "__pycache__").mkdir()
    (root / "__init__.py").touch()
    (root / "echo" / "core.py").write_text("x = 1\n")
    (root / "echo" / "model" / "weights.npz").write_bytes(b"w" * (LINKED + 1))
    return root


@pytest.fixture
def mirror(root: Path, tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "code", root)


def x(mirror: Mirror) -> str:
    """What a process that finds the copy imports."""
    code = (
        "import sys; sys.dont_write_bytecode = True\nfrom functions.echo import core\nprint(core.x)"
    )
    environ = {**os.environ, "PYTHONPATH": str(mirror.folder)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environ, capture_output=True, text=True
    )
    return done.stdout.strip() or done.stderr


def test_it_is_what_it_was_until_it_is_taken(mirror: Mirror, root: Path) -> None:
    assert mirror.parts() == {"__init__.py", "echo"}
    (root / "echo" / "core.py").write_text("x = 2\n")
    assert x(mirror) == "1"
    mirror.take("echo")
    assert x(mirror) == "2"


def test_what_was_saved_within_the_same_second_is_what_runs(mirror: Mirror, root: Path) -> None:
    for number in range(5):
        (root / "echo" / "core.py").write_text(f"x = {number}\n")
        mirror.take("echo")
        assert x(mirror) == f"{number}"


def test_what_is_gone_is_gone(mirror: Mirror, root: Path) -> None:
    copy = mirror.folder / "functions" / "echo"
    (root / "echo" / "core.py").unlink()
    (root / "echo" / "model" / "weights.npz").unlink()
    (root / "echo" / "model").rmdir()
    (root / "echo" / "model").touch()
    mirror.take("echo")
    assert [path.name for path in copy.iterdir() if path.name != "__pycache__"] == ["model"]
    assert (copy / "model").is_file()
    (root / "echo" / "model").unlink()
    (root / "echo" / "__pycache__").rmdir()
    (root / "echo").rmdir()
    mirror.take("echo")
    assert not copy.exists()
    assert mirror.parts() == {"__init__.py"}
    (root / "echo").mkdir()
    (root / "echo" / "core.py").write_text("x = 3\n")
    mirror.take("echo")
    assert x(mirror) == "3"


def test_a_model_is_not_copied(mirror: Mirror, root: Path) -> None:
    copy = mirror.folder / "functions" / "echo" / "model" / "weights.npz"
    assert copy.is_symlink()
    assert copy.read_bytes() == (root / "echo" / "model" / "weights.npz").read_bytes()
    (root / "echo" / "model" / "weights.npz").write_bytes(b"small")
    mirror.take("echo")
    assert not copy.is_symlink()
    assert copy.read_bytes() == b"small"


def test_what_is_no_file_is_passed_over(mirror: Mirror, root: Path) -> None:
    os.mkfifo(root / "echo" / "a_pipe")
    (root / "echo" / "core.py").write_text("x = 2\n")
    mirror.take("echo")
    assert x(mirror) == "2"
    assert not (mirror.folder / "functions" / "echo" / "a_pipe").exists()


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_one_that_cannot_be_copied_is_in_no_others_way(
    mirror: Mirror, root: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    """It vanishes just then, or may not be read: whoever needs it is told so by its own error."""
    copy2, tried = shutil.copy2, []

    def copied(source: Path, copy: Path) -> None:
        tried.append(source.name)
        if source.suffix == ".part":
            raise error(source)
        copy2(source, copy)

    monkeypatch.setattr(shutil, "copy2", copied)
    for number in range(4):
        (root / "echo" / f"{number}.part").write_text("half")
        (root / "echo" / f"{number}.json").write_text("{}")
    mirror.take("echo")
    assert len(tried) == 8
    copy = mirror.folder / "functions" / "echo"
    assert len(list(copy.glob("*.json"))) == 4
    assert all(path.is_symlink() for path in copy.glob("*.part"))


def test_nothing_is_left_in_the_folders_that_people_work_in(mirror: Mirror, root: Path) -> None:
    assert x(mirror) == "1"
    assert list((root / "echo" / "__pycache__").iterdir()) == []
    assert not (root / "__pycache__").exists()


def test_what_does_not_compile_says_so_to_who_imports_it(mirror: Mirror, root: Path) -> None:
    (root / "echo" / "core.py").write_text("x = = 1\n")
    mirror.take("echo")
    said = x(mirror)
    assert "SyntaxError" in said
    assert str(mirror.folder) in said
    assert f'File "{root / "echo" / "core.py"}", line 1' in mirror.true(said)


def test_the_installed_functions(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "code")
    assert {"beats", "emotion", "kit", "voice_detect"} <= mirror.parts()
    core = Path("functions") / "beats" / "core.py"
    assert (mirror.folder / core).read_bytes() == (ROOT / core).read_bytes()
