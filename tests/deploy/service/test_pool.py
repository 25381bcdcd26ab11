"""The pool, with real processes: what becomes of one is told, and nothing is left of any."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups
from tests.pooled import Box, is_made, is_there, run
from tests.service import until
from tests.tree import Tree


def with_main(folder: Path, tree: Tree, code: str) -> Tree:
    """Another tree, in which `code` comes first in echo's main.py."""
    other = Tree(folder / "tree", tree.root / "functions" / "echo")
    main = other.root / "functions" / "echo" / "main.py"
    main.write_text(code + main.read_text())
    return other


def test_a_function_is_started_asked_and_stopped(tree: Tree) -> None:
    async def test(box: Box) -> None:
        pid = await box.started()
        status, answer = await box.ask("hello", **{"X-Request-ID": "one"})
        assert (status, answer["words"], answer["pid"]) == (200, ["hello"], pid)
        report = await box.reported()
        assert (report["request_id"], report["status"]) == ("one", 200)
        assert box.pool.resident_mb("echo") > 5
        box.pool.stop("echo")
        exited = await box.exited()
        assert (exited.ready, exited.why) == (True, "stopped")
        assert exited.detail == "'echo' was stopped."
        assert exited.peak_mb > 5
        assert box.pool.resident_mb("echo") == 0
        assert "echo" not in box.pool.pids()
        assert not is_there(pid)

    run(tree, test)


def test_a_process_is_in_a_group_of_its_own_and_stands_back(tree: Tree) -> None:
    async def test(box: Box) -> None:
        pid = await box.started()
        assert os.getpgid(pid) == pid
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "500\n"
        base = box.pool.pids()["template:base"]
        assert os.getpgid(base) != os.getpgid(0)
        assert [os.getpriority(os.PRIO_PROCESS, each) for each in (pid, base)] == [
            min(19, os.nice(0) + 10),
            os.nice(0),
        ]

    run(tree, test)


def test_its_environment(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", "secret")
    other = with_main(
        tmp_path,
        tree,
        "import os, tempfile\n"
        "assert 'API_KEYS' not in os.environ\n"
        "assert os.environ['OMP_NUM_THREADS'] == os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
        "assert tempfile.gettempdir() == os.environ['TMPDIR'] != '/tmp'\n",
    )

    async def test(box: Box) -> None:
        await box.started()
        assert (await box.ask("hello"))[0] == 200

    run(other, test)


def test_what_it_prints_goes_to_standard_error(
    tree: Tree, capfd: pytest.CaptureFixture[str]
) -> None:
    async def test(box: Box) -> None:
        await box.started()
        await box.ask("print")
        box.pool.stop("echo")

    run(tree, test)
    out, err = capfd.readouterr()
    assert (out, "a word from the function\n" in err) == ("", True)


def test_a_body_may_be_a_file(tree: Tree) -> None:
    async def test(box: Box) -> None:
        await box.started()
        body = box.folder / "body"
        body.write_text("from a file")
        _, answer = await box.ask("", **{"X-Halfgig-Body": str(body)})
        assert answer["words"] == ["from", "a", "file"]
        body.unlink()

    run(tree, test)


@pytest.mark.parametrize(
    ("word", "how"), [("die", "was ended by SIGKILL"), ("leave", "ended with exit code 3")]
)
def test_one_that_dies_in_a_request(tree: Tree, word: str, how: str) -> None:
    async def test(box: Box) -> None:
        await box.started("beats")
        await box.started()
        assert await box.ask(word) == (0, None)
        exited = await box.exited()
        assert (exited.ready, exited.why) == (True, "died")
        assert exited.detail == f"The process of 'echo' {how} before it had answered."
        await box.started()
        assert (await box.ask("hello"))[0] == 200
        assert (await box.ask("not audio", "beats"))[0] == 415

    run(tree, test)


def test_what_it_has_started_goes_with_it(
    tree: Tree, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid)\n"

    async def test(box: Box) -> None:
        await box.started()
        await box.ask("leave")
        await box.exited()

    run(with_main(tmp_path, tree, code), test)
    pid = int(capfd.readouterr().err.split()[0])
    until(lambda: not is_there(pid))


def test_one_that_cannot_start_says_why_and_starts_once_it_is_mended(
    tree: Tree, tmp_path: Path
) -> None:
    other = with_main(tmp_path, tree, "from functions.kit import nothing\n")

    async def test(box: Box) -> None:
        for _ in range(3):
            box.pool.start("echo")
            exited = await box.exited()
            assert (exited.ready, exited.why) == (False, "died")
            assert exited.detail.startswith(
                "The process of 'echo' ended with exit code 1 before it was ready: ImportError: "
                "cannot import name 'nothing' from 'functions.kit'"
            )
            assert str(tmp_path) not in exited.detail
        main = other.root / "functions" / "echo" / "main.py"
        main.write_text(main.read_text().split("\n", 1)[1])
        await box.started()

    run(other, test)


def test_one_that_hangs_at_its_start(tree: Tree, tmp_path: Path) -> None:
    async def test(box: Box) -> None:
        box.pool.start("echo")
        while "echo" not in box.pool.pids():
            await asyncio.sleep(0.01)
        box.pool.kill("echo", "timeout")
        exited = await box.exited()
        assert (exited.ready, exited.why) == (False, "timeout")
        assert exited.detail.startswith("'echo' had not started within ")

    run(with_main(tmp_path, tree, "import time\ntime.sleep(60)\n"), test)


def test_one_that_is_ended_before_it_was_forked(tree: Tree) -> None:
    async def test(box: Box) -> None:
        box.pool.start("echo")
        box.pool.stop("echo")
        exited = await box.exited()
        assert (exited.ready, exited.why) == (False, "stopped")
        await box.started()

    run(tree, test)


def test_one_that_hangs_in_a_request(tree: Tree, tmp_path: Path) -> None:
    async def test(box: Box) -> None:
        await box.started()
        answer = await box.hanging(tmp_path / "mark")
        box.pool.kill("echo", "timeout")
        assert await answer == (0, None)
        exited = await box.exited()
        assert (exited.ready, exited.why) == (True, "timeout")
        assert exited.detail == (
            "'echo' had not answered after 60 s, the timeout in function.toml, and was ended."
        )
        await box.started()

    run(tree, test)


def test_one_that_does_not_stop_when_it_is_told_to(tree: Tree, tmp_path: Path) -> None:
    async def test(box: Box) -> None:
        await box.started()
        answer = await box.hanging(tmp_path / "mark")
        box.pool.stop("echo")
        assert (await box.exited()).why == "stopped"
        assert await answer == (0, None)

    run(tree, test)


def test_one_that_passes_its_ceiling(tree: Tree) -> None:
    async def test(box: Box) -> None:
        await box.started()
        idle = box.pool.resident_mb("echo")
        box.pool.limit("echo", idle + 100)
        assert await box.ask("gorge") == (0, None)
        exited = await box.exited()
        assert (exited.ready, exited.why) == (True, "memory")
        assert exited.peak_mb > idle + 100
        assert f"over its ceiling of {idle + 100:.0f} MB" in exited.detail

    run(tree, test)


def test_a_ceiling_that_was_lifted(tree: Tree) -> None:
    async def test(box: Box) -> None:
        await box.started()
        box.pool.limit("echo", 5)
        box.pool.limit("echo", None)
        assert (await box.ask("slow"))[0] == 200

    run(tree, test)


ALONE = """
import asyncio, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from deploy.service.pool import Pool
from functions.kit import manifest
from tests.pooled import ask

async def main(folder, words):
    events = asyncio.Queue()
    functions = manifest.discover(Path({root!r}) / "functions")
    async with Pool(functions, folder, events.put_nowait, watch=False) as pool:
        pool.start("echo")
        await events.get()
        pool.limit("echo", 1)
        print(*pool.pids().values(), flush=True)
        await asyncio.to_thread(ask, pool.socket("echo"), words, {{}})
        print((await events.get()).why, flush=True)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


def test_one_that_the_kernel_ends_for_want_of_memory(tree: Tree, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ALONE.format(root=str(tree.root)), str(tmp_path), "gorge"]
    try:
        with Groups(200, 2.0) as cage:
            process = cage.start(
                command, env=tree.environ | paths(tree), stdout=subprocess.PIPE, text=True
            )
            out, _ = process.communicate(timeout=60)
            assert cage.read().oom_kills == 1
    except CageUnavailable as error:
        pytest.skip(f"No control group here: {error}")
    assert out.splitlines()[-1] == "memory"


def paths(tree: Tree) -> dict[str, str]:
    """Where to find the tree, and these tests."""
    return {"PYTHONPATH": f"{tree.root}{os.pathsep}{Path(__file__).parents[3]}"}


def test_nothing_outlives_the_parent(tree: Tree) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        command = [sys.executable, "-c", ALONE.format(root=str(tree.root)), folder, "hang"]
        with subprocess.Popen(
            command, env=tree.environ | paths(tree), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            pids = list(map(int, process.stdout.readline().split()))
            assert len(pids) == 2
            assert all(map(is_there, pids))
            process.kill()
            process.wait()
            until(lambda: not any(map(is_there, pids)))


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_request_is_cancelled_and_the_process_lives(
    tree: Tree, accept: str, tmp_path: Path
) -> None:
    async def test(box: Box) -> None:
        pid = await box.started()
        mark = tmp_path / "mark"
        answer = asyncio.create_task(box.ask(f"mark={mark} slow slow", Accept=accept))
        await is_made(mark)
        box.pool.cancel("echo")
        status, document = await answer
        if accept == "application/json":
            assert (status, document["reason"]) == (499, "cancelled")
        else:
            assert document.split(b"\n\n")[-2].startswith(b"event: progress\n")
        assert (await box.reported())["status"] == 499
        assert (await box.ask("hello"))[1]["pid"] == pid
        assert (await box.reported())["status"] == 200

    run(tree, test)


def test_a_request_that_does_not_stop_when_cancelled(tree: Tree, tmp_path: Path) -> None:
    async def test(box: Box) -> None:
        await box.started()
        answer = await box.hanging(tmp_path / "mark")
        box.pool.cancel("echo")
        assert await answer == (0, None)
        exited = await box.exited()
        assert (exited.ready, exited.why) == (True, "cancelled")
        await box.started()

    run(tree, test)


def test_no_process_can_be_made(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    async def test(box: Box) -> None:
        for call in ("posix_spawn", "pipe"):
            with monkeypatch.context() as patch:
                patch.setattr(os, call, refuse)
                box.pool.start("echo")
                assert box.events.empty()
                exited = await box.exited()
                assert (exited.ready, exited.why) == (False, "died")
                assert exited.detail == (
                    f"'echo' could not be started: {os.strerror(errno.EAGAIN)}."
                )
        await box.started()

    run(tree, test)


def test_what_is_not_there_cannot_be_ended(tree: Tree) -> None:
    async def test(box: Box) -> None:
        box.pool.stop("echo")
        box.pool.kill("echo", "timeout")
        box.pool.cancel("echo")
        box.pool.limit("echo", 5)
        assert box.pool.resident_mb("echo") == 0
        await box.started()
        with pytest.raises(RuntimeError, match="'echo' has a process already"):
            box.pool.start("echo")
        assert box.events.empty()

    run(tree, test)


def test_a_folder_that_is_too_long(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too long for the path of a Unix socket"):
        Box(tree, tmp_path / ("x" * 100))


def cycles(tree: Tree, count: int) -> None:
    """Start and end it, in every way, `count` times; nothing more is there afterwards."""

    def held(box: Box) -> tuple[int, int, list[Path]]:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        base = box.pool.pids()["template:base"]
        others = len(list(Path(f"/proc/{base}/fd").iterdir()))
        return descriptors, others, list(box.folder.iterdir())

    def children() -> set[str]:
        return {
            pid
            for task in Path("/proc/self/task").iterdir()
            for pid in (task / "children").read_text().split()
        }

    async def test(box: Box) -> None:
        before = None
        for i in range(count + 4):
            await box.started()
            way = 3 if i % 40 == 3 else i % 3
            match way:
                case 0:
                    box.pool.stop("echo")
                case 1:
                    box.pool.kill("echo", "memory")
                case 2:
                    await box.ask("die")
                case 3:
                    box.pool.start("emotion")
                    os.kill(box.pool.pids()["template:base"], signal.SIGKILL)
                    await box.next()
            await box.exited() if way < 3 else await box.next()
            await box.pool.warm_template("echo")
            if i == 3:
                before = held(box)
        await asyncio.sleep(2.5)  # The last of what watches what has ended.
        assert held(box) == before

    before = children()
    run(tree, test)
    assert children() == before


def test_nothing_leaks(tree: Tree) -> None:
    cycles(tree, 12)


@pytest.mark.slow
def test_nothing_leaks_in_a_thousand_starts(tree: Tree) -> None:
    cycles(tree, 1000)
