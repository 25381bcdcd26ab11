"""Which saved file has which effect, with a service that only notes what it is told."""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.mirror import Mirror
from emulator.process import NotStarted
from emulator.watch import Watch
from tests.tree import ROOT

PATIENCE_S = 30.0


class Noting:
    """A service that can be reloaded, as `Watch` knows it."""

    def __init__(self, root: Path) -> None:
        self.mirror = Mirror(root.parent / "code", root)
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.fails = False
        self._more = threading.Condition()

    def tell(self, **message: Any) -> None:
        self._add("tell", message)

    def restart(self) -> None:
        self._add("restart", {})
        if self.fails:
            raise NotStarted("It didn't.")

    def note(self, event: str, **fields: Any) -> None:
        self._add(event, fields)

    def _add(self, what: str, fields: dict[str, Any]) -> None:
        with self._more:
            self.done.append((what, fields))
            self._more.notify_all()

    def wait_for(self, what: str, times: int = 1) -> dict[str, Any]:
        """The fields of the `times`-th of these, once it has been."""
        with self._more:
            found = self._more.wait_for(
                lambda: [its for name, its in self.done if name == what][times - 1 :], PATIENCE_S
            )
            assert found, f"No {what} in {self.done}"
            return found[0]

    def all(self, what: str) -> list[dict[str, Any]]:
        return [its for name, its in self.done if name == what]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two functions, `echo` and `parrot`, beside a kit."""
    root = tmp_path / "functions"
    for name in ("echo", "parrot"):
        shutil.copytree(ROOT / "tests" / "fourth" / "echo", root / name)
    manifest = root / "parrot" / "function.toml"
    manifest.write_text(manifest.read_text().replace('name = "echo"', 'name = "parrot"'))
    (root / "kit").mkdir()
    (root / "kit" / "__init__.py").touch()
    (tmp_path / "deploy" / "service").mkdir(parents=True)
    (tmp_path / "deploy" / "service" / "router.py").touch()
    return root


@pytest.fixture
def service(root: Path) -> Iterator[Noting]:
    its = Noting(root)
    with Watch(its, root, root.parent / "deploy"):
        yield its


@pytest.mark.parametrize("file", ["core.py", "function.toml", "new.py", "model/weights.npz"])
def test_what_is_saved_in_a_function_replaces_it(service: Noting, root: Path, file: str) -> None:
    path = root / "echo" / file
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n")
    assert service.wait_for("tell") == {"reload": "echo"}
    assert service.wait_for("saved") == {"function": "echo", "files": [f"functions/echo/{file}"]}
    path.unlink()
    if file != "function.toml":
        assert service.wait_for("tell", 2) == {"reload": "echo"}
    else:
        service.wait_for("restart")


def test_what_it_runs_is_what_was_good(service: Noting, root: Path) -> None:
    copy = root.parent / "code" / "functions"
    core = root / "echo" / "core.py"
    core.write_text("x = 1\n")
    service.wait_for("tell")
    assert (copy / "echo" / "core.py").read_text() == "x = 1\n"
    core.write_text("x = = 1\n")
    service.wait_for("broken")
    (root / "kit" / "__init__.py").write_text("y = 1\n")
    service.wait_for("restart")
    assert (copy / "kit" / "__init__.py").read_text() == "y = 1\n"
    assert (copy / "echo" / "core.py").read_text() == "x = 1\n"


def test_two_functions_at_once(service: Noting, root: Path) -> None:
    for name in ("echo", "parrot"):
        (root / name / "core.py").write_text("x = 1\n")
    service.wait_for("tell", 2)
    assert sorted(each["reload"] for each in service.all("tell")) == ["echo", "parrot"]


@pytest.mark.parametrize(
    "file",
    [
        ".core.py.swp",
        "core.py~",
        "4913",
        "#core.py#",
        "__pycache__/core.cpython-311.pyc",
        "README.md",
        ".git/HEAD",
    ],
)
def test_what_editors_leave_is_nothing(service: Noting, root: Path, file: str) -> None:
    path = root / "echo" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    (root / "parrot" / "core.py").write_text("x = 1\n")
    assert service.wait_for("tell") == {"reload": "parrot"}
    assert service.all("saved") == [{"function": "parrot", "files": ["functions/parrot/core.py"]}]


@pytest.mark.parametrize(
    "file", ["functions/kit/new.py", "functions/__init__.py", "deploy/service/router.py"]
)
def test_what_all_share_restarts_the_service(service: Noting, root: Path, file: str) -> None:
    (root.parent / file).write_text("x = 1\n")
    service.wait_for("restart")
    assert service.all("saved") == [{"function": None, "files": [file]}]
    assert service.all("tell") == []


def test_a_syntax_error_is_told_and_changes_nothing(service: Noting, root: Path) -> None:
    core = root / "echo" / "core.py"
    core.write_text("x = 1\ny = = 2\n")
    assert service.wait_for("broken") == {
        "function": "echo",
        "file": "functions/echo/core.py",
        "line": 2,
        "column": 5,
        "text": "y = = 2",
        "detail": "Invalid syntax.",
    }
    # It is still wrong when another file is saved.
    (root / "echo" / "main.py").write_text("x = 1\n")
    service.wait_for("broken", 2)
    assert service.all("tell") == []
    core.write_text("x = 1\n")
    assert service.wait_for("tell") == {"reload": "echo"}


def test_a_broken_file_that_is_removed_is_wrong_no_more(service: Noting, root: Path) -> None:
    (root / "echo" / "new.py").write_text("x = = 1\n")
    service.wait_for("broken")
    (root / "echo" / "new.py").unlink()
    assert service.wait_for("tell") == {"reload": "echo"}


def test_a_broken_kit_restarts_nothing(service: Noting, root: Path) -> None:
    (root / "kit" / "__init__.py").write_text("def\n")
    broken = service.wait_for("broken")
    assert (broken["function"], broken["file"]) == (None, "functions/kit/__init__.py")
    (root.parent / "deploy" / "service" / "router.py").write_text("def\n")
    assert service.wait_for("broken", 3)["file"].startswith(("deploy/service/", "functions/kit"))
    assert service.all("restart") == []


def test_a_manifest_that_can_not_be_used(service: Noting, root: Path) -> None:
    path = root / "echo" / "function.toml"
    before = path.read_text()
    path.write_text(before.replace("timeout_s = ", "timeout_s = -"))
    broken = service.wait_for("broken")
    assert broken["text"].startswith("timeout_s = -")
    assert before.splitlines()[broken["line"] - 1].startswith("timeout_s")
    path.write_text(before)
    assert service.wait_for("tell") == {"reload": "echo"}


def test_other_requirements_restart_the_service(service: Noting, root: Path) -> None:
    path = root / "echo" / "function.toml"
    path.write_text(path.read_text().replace("requires = [", 'requires = ["numpy", '))
    service.wait_for("restart")


def test_a_function_that_is_new(service: Noting, root: Path) -> None:
    shutil.copytree(root / "echo", root / "copy")
    broken = service.wait_for("broken")  # Its name is not its folder's.
    assert broken["function"] == "copy"
    manifest = root / "copy" / "function.toml"
    manifest.write_text(manifest.read_text().replace('name = "echo"', 'name = "copy"'))
    service.wait_for("restart")
    (root / "copy" / "core.py").write_text("x = 1\n")
    assert service.wait_for("tell") == {"reload": "copy"}
    shutil.rmtree(root / "copy")
    service.wait_for("restart", 2)


def test_what_is_wrong_from_the_start(root: Path) -> None:
    (root / "echo" / "core.py").write_text("def\n")
    manifest = root / "parrot" / "function.toml"
    before = manifest.read_text()
    manifest.write_text("name = \n")
    service = Noting(root)
    with Watch(service, root, root.parent / "deploy"):
        assert service.wait_for("broken")["file"] == "functions/echo/core.py"
        manifest.write_text(before)
        service.wait_for("restart")
        assert len(service.all("broken")) == 1  # Of the manifest the service itself has told.


def test_what_cannot_be_taken_is_a_line_and_the_watch_goes_on(
    service: Noting, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = service.mirror.take

    def full(part: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "core.py")

    os.mkfifo(root / "echo" / "pipe.py")
    monkeypatch.setattr(service.mirror, "take", full)
    (root / "echo" / "core.py").write_text("x = 1\n")
    detail = "'core.py': No space left on device."
    assert service.wait_for("reload_failed") == {"function": "echo", "detail": detail}
    (root / "kit" / "__init__.py").write_text("x = 1\n")
    assert service.wait_for("restart_failed") == {"detail": detail}
    monkeypatch.setattr(service.mirror, "take", take)
    (root / "echo" / "core.py").write_text("x = 2\n")
    service.wait_for("restart")
    assert service.all("saved")[-1]["files"] == ["functions/echo/core.py"]


def test_a_restart_that_fails_is_tried_again(service: Noting, root: Path) -> None:
    service.fails = True
    (root / "kit" / "__init__.py").write_text("x = 1\n")
    assert service.wait_for("restart_failed") == {"detail": "It didn't."}
    service.fails = False
    (root / "echo" / "core.py").write_text("x = 1\n")
    service.wait_for("restart", 2)


def test_a_file_that_is_written_in_steps_is_taken_once(
    service: Noting, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it changes from one look to the next, it is not finished."""
    looked: list[int] = []
    watch_now: Callable[[Watch], dict[str, tuple[int, int, int]]] = Watch._now

    def growing(its: Watch) -> dict[str, tuple[int, int, int]]:
        files = watch_now(its)
        if looked or files[str(root / "echo" / "core.py")][1] == 0:
            looked.append(1)
            if len(looked) < 6:
                with (root / "echo" / "core.py").open("a") as file:
                    file.write(f"x = {len(looked)}\n")
        return files

    monkeypatch.setattr(Watch, "_now", growing)
    (root / "echo" / "core.py").write_text("")
    service.wait_for("tell")
    assert len(looked) >= 6
    assert len(service.all("tell")) == 1
