"""`halfgig completion`, asked as shells ask."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT, Tree, halfgig


def completed(tree: Tree, *words: str) -> list[str]:
    """What may come in the place of the last of `words`."""
    done = subprocess.run(
        [sys.executable, halfgig()],
        env={
            **tree.environ,
            "_HALFGIG_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["halfgig", *words]),
            "COMP_CWORD": str(len(words)),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_what_is_completed(tree: Tree) -> None:
    assert completed(tree, "inv") == ["invoke"]
    assert completed(tree, "invoke", "e") == ["echo", "emotion"]
    assert completed(tree, "invoke", "beats", "--c") == ["--click"]
    assert completed(tree, "profile", "b") == ["beats"]
    assert completed(tree, "logs", "v") == ["voice_detect"]
    assert completed(tree, "start", "echo", "b") == ["beats"]
    assert completed(tree, "start", "--plan", "f") == ["free"]
    assert completed(tree, "completion", "z") == ["zsh"]
    assert "beats" in completed(tree, "invoke", "nothing", "")


def test_a_function_that_is_broken_spoils_nothing(tree: Tree, tmp_path: Path) -> None:
    broken = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    (broken.root / "functions" / "echo" / "function.toml").write_text("name = 3\n")
    assert completed(broken, "invoke", "e") == ["emotion"]
    assert "echo" not in completed(broken, "invoke", "echo", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_its_script_is_one(tree: Tree, shell: str) -> None:
    script = tree.halfgig("completion", shell)
    assert script.returncode == 0
    assert script.stderr == ""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed.")
    subprocess.run([shell, "-n"], input=script.stdout, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed.")
def test_in_bash(tree: Tree) -> None:
    """Its own machinery, as Tab starts it."""
    folder = Path(sys.executable).parent
    code = (
        "source <(halfgig completion bash); COMP_WORDS=(halfgig invoke em); COMP_CWORD=2; "
        "_halfgig_completion halfgig; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(
        ["bash", "-c", code],
        env={**tree.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "emotion\n"


def test_a_shell_that_is_none(tree: Tree) -> None:
    done = tree.halfgig("completion", "tcsh")
    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr
