"""What `halfgig invoke` writes beside its answer: whole or not at all, and never over the song."""

from pathlib import Path

from tests.conftest import Say
from tests.tree import Tree


def test_help_has_the_functions_own_exports(tree: Tree) -> None:
    shown = tree.halfgig("invoke", "echo", "--help").stdout
    assert "--copy OUT.txt  Write the words." in shown
    assert "halfgig invoke echo song.mp3 --copy out.txt" in shown
    listed = " ".join(tree.halfgig("invoke", "--help").stdout.split())
    assert "echo Does what the words in a file say." in listed


def test_an_export_is_written(tree: Tree, say: Say, tmp_path: Path) -> None:
    out = tmp_path / "out" / "copy.txt"
    out.parent.mkdir()
    done = tree.halfgig("invoke", "echo", say("keep this"), "--copy", out)
    assert done.returncode == 0
    assert out.read_text() == "keep this"
    assert list(out.parent.iterdir()) == [out]


def test_an_export_of_standard_input(tree: Tree, tmp_path: Path) -> None:
    out = tmp_path / "copy.txt"
    assert tree.halfgig("invoke", "echo", "-", "--copy", out, stdin="piped").returncode == 0
    assert out.read_text() == "piped"


def test_an_export_is_never_half_written(tree: Tree, say: Say, tmp_path: Path) -> None:
    out = tmp_path / "out" / "half.txt"
    out.parent.mkdir()
    out.write_text("the old one")
    done = tree.halfgig("invoke", "echo", say("words"), "--half", out)
    assert done.returncode == 1
    assert done.stderr == f"halfgig: '{out}' cannot be written: No space left on device.\n"
    assert out.read_text() == "the old one"
    assert list(out.parent.iterdir()) == [out]


def test_an_export_never_overwrites_the_song(tree: Tree, say: Say) -> None:
    path = say("precious")
    assert tree.halfgig("invoke", "echo", path, "--copy", path).returncode == 2
    assert path.read_text() == "precious"


def test_nor_a_song_from_standard_input(tree: Tree, say: Say) -> None:
    path = say("precious")
    done = tree.shell(f"invoke echo - --copy '{path}' < '{path}'")
    assert done.returncode == 2
    assert path.read_text() == "precious"


def test_a_missing_song_leaves_an_older_export_be(tree: Tree, tmp_path: Path) -> None:
    out = tmp_path / "old.txt"
    out.write_text("the old one")
    done = tree.halfgig("invoke", "echo", "gone.wav", "--copy", out)
    assert done.stderr == "halfgig: gone.wav: There is no such file.\n"
    assert out.read_text() == "the old one"


def test_an_export_may_have_the_longest_name(tree: Tree, say: Say, tmp_path: Path) -> None:
    out = tmp_path / f"{'x' * 251}.txt"
    assert tree.halfgig("invoke", "echo", say("words"), "--copy", out).returncode == 0
    assert out.read_text() == "words"
    done = tree.halfgig("invoke", "echo", say("words"), "--copy", f"{'x' * 252}.txt")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("File name too long.")
