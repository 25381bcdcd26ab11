import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.environments import Environment, PeerError, named, one_thread, workers

SAY = [sys.executable, "-c", "import os; print(os.environ.get('OMP_NUM_THREADS'))"]


def said() -> str:
    return subprocess.run(SAY, capture_output=True, text=True, check=True).stdout.strip()


def test_what_is_started_meanwhile_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with one_thread():
        assert said() == "1"
    assert said() == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_workers_have_one_thread_each() -> None:
    with workers(1) as pool:
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"


def test_peers_are_asked_for_by_name() -> None:
    peers = {name: Environment(name=name, version="1") for name in ("a", "b")}
    assert [peer.name for peer in named("b,a", peers)] == ["b", "a"]
    assert named("", peers) == []
    with pytest.raises(PeerError, match=r"There is no peer 'c'\. There are: a, b\."):
        named("a,c", peers)


def test_no_fitting_python_is_told_with_what_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.clips.CACHE", tmp_path)
    monkeypatch.setattr("benchmarks.environments._candidates", lambda versions: iter(()))
    peer = Environment(name="no-such", version="1", pythons=("2.7",), package="no-such==1")
    with pytest.raises(PeerError, match=r"needs Python 2\.7, .* HALFGIG_PYTHONS"):
        peer.python()


def test_what_needs_nothing_runs_here() -> None:
    assert Environment(name="ours", version="1").python() == sys.executable
