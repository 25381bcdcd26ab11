import json
import threading
from typing import Any

import pytest

from benchmarks import service_health
from benchmarks.service import Answer
from benchmarks.service_health import busy, markdown, poll, until


class Fake:
    """Answers /health."""

    def __init__(self, status: int = 200, **states: str) -> None:
        self.status, self.states = status, states
        self.asked = 0
        self._lock = threading.Lock()

    def ask(self, method: str, path: str) -> Answer:
        with self._lock:
            self.asked += 1
        functions = {name: {"state": state} for name, state in self.states.items()}
        body = json.dumps({"functions": functions, "queue": {"length": 4}}).encode()
        return Answer(self.status, {}, body, 0.01)


def test_it_is_asked_so_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_health, "EVERY_S", 0.001)
    fake: Any = Fake()
    assert poll(fake, 20) == [0.01] * 20
    assert fake.asked == 20


def test_what_is_busy_is_counted() -> None:
    fake: Any = Fake(beats="busy", emotion="ready", voice_detect="busy")
    assert busy(fake) == (2, 4)
    until(fake, (2, 4))


def test_a_person_can_read_it() -> None:
    its = {"p50": 0.01, "p95": 0.02, "p99": 0.25, "max": 0.3}
    text = markdown({"polls": 5, "seconds": {"idle": its}})
    assert "| idle | 10 | 20 | 250 | 300 |" in text
