"""Templates, in a pool with real processes: what is forked from them, and what becomes of them."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from deploy.service.state import Exited
from tests.pooled import Box, is_there, run
from tests.tree import Tree


def test_templates_share_what_functions_require_and_carry_no_more(tree: Tree) -> None:
    def maps(pid: int) -> str:
        return Path(f"/proc/{pid}/maps").read_text()

    async def test(box: Box) -> None:
        for name in ("echo", "emotion", "beats"):
            await box.pool.warm_template(name)
            await box.started(name)
        pids = box.pool.pids()
        assert pids.keys() == {
            *("echo", "emotion", "beats", "template:base"),
            *("template:numpy+soundfile+soxr", "template:onnxruntime"),
        }
        assert "_multiarray_umath" not in maps(pids["echo"])
        assert "_multiarray_umath" in maps(pids["beats"])
        assert "onnxruntime" not in maps(pids["beats"])
        assert "onnxruntime" in maps(pids["emotion"])

    run(tree, test)


def test_idle_templates_are_stopped_and_started_again(tree: Tree) -> None:
    async def test(box: Box) -> None:
        await box.started()
        await box.started("emotion")
        box.pool.stop_templates()
        assert box.pool.templates_mb == 0
        assert len(box.pool.pids()) == 5
        box.pool.stop("emotion")
        await box.exited("emotion")
        assert box.pool.templates_mb > 5
        box.pool.stop_templates()
        assert box.pool.templates_mb == 0
        assert box.pool.pids().keys() == {"echo", "template:base"}
        await box.started("emotion")
        for name in ("emotion", "echo"):
            box.pool.stop(name)
            await box.exited(name)
        box.pool.stop_templates()
        assert box.pool.pids() == {}
        await box.started()

    run(tree, test)


@pytest.mark.parametrize("label", ["template:base", "template:onnxruntime"])
def test_a_template_that_dies_takes_what_it_forked_with_it(tree: Tree, label: str) -> None:
    async def test(box: Box) -> None:
        await box.started("echo")
        await box.started("emotion")
        before = box.pool.pids()
        os.kill(before[label], signal.SIGKILL)
        lost = {"emotion"} if label == "template:onnxruntime" else {"emotion", "echo"}
        events = [await box.next() for _ in lost]
        assert {event.function for event in events} == lost
        for event in events:
            assert isinstance(event, Exited)
            assert (event.ready, event.why) == (True, "died")
            assert event.detail.endswith("as the process that it was forked from had died.")
            assert event.peak_mb > 5
            while is_there(before[event.function]):
                await asyncio.sleep(0.01)
        for name in lost:
            await box.started(name)
        assert (await box.ask("hello"))[0] == 200

    run(tree, test)


def test_a_template_that_dies_before_it_forks(tree: Tree) -> None:
    async def test(box: Box) -> None:
        box.pool.start("echo")
        os.kill(box.pool.pids()["template:base"], signal.SIGKILL)
        exited = await box.exited()
        assert (exited.ready, exited.why) == (False, "died")
        await box.started()

    run(tree, test)


def test_a_package_that_starts_threads_is_told_of(tree: Tree, tmp_path: Path) -> None:
    other = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    (other.root / "threads.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    for path in (other.root / "functions").glob("*/function.toml"):
        text = path.read_text().replace("requires = [", 'requires = ["threads", ')
        path.write_text(text)

    async def test(box: Box) -> None:
        box.pool.start("echo")
        exited = await box.exited()
        assert (exited.ready, exited.why) == (False, "died")
        assert "No process could be forked: the template has 2 threads." in exited.detail

    run(other, test)
