import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import service
from benchmarks.service import FUNCTIONS, Answer
from benchmarks.service_load import (
    CLIENTS,
    FORMATS,
    SECONDS,
    Clients,
    Job,
    Outcome,
    jobs,
    markdown,
    summary,
)


class Fake:
    """Answers as it is told, job by job; the last is repeated."""

    def __init__(self, *statuses: int, retry_after: str = "0") -> None:
        self._statuses, self._retry_after = statuses, retry_after
        self.asked: Counter[str] = Counter()

    def ask(self, method: str, path: str, body: bytes, patience_s: float, **its: str) -> Answer:
        job, attempt = its["X_Request_ID"].rsplit("-", 1)
        self.asked[job] += 1
        status = self._statuses[min(int(attempt), len(self._statuses) - 1)]
        if status == 0:
            raise ConnectionResetError
        return Answer(status, {"retry-after": self._retry_after}, b"", 0.25)


@pytest.fixture(autouse=True)
def no_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "clip", lambda *its: Path("/dev/null"))


def test_the_same_seed_gives_the_same_jobs() -> None:
    its = jobs(400)
    assert its == jobs(400)
    assert its != jobs(400, seed=6)
    assert len({job.id for job in its}) == 400
    assert {(job.function, job.seconds, job.suffix) for job in its} >= {
        (FUNCTIONS[0], SECONDS[0], FORMATS[0]),
        (FUNCTIONS[-1], SECONDS[-1], FORMATS[-1]),
    }


def test_every_job_is_done_once() -> None:
    fake = Fake(200)
    outcomes = Clients(fake, jobs(50), 60).run()  # type: ignore[arg-type]
    assert fake.asked == {job.id: 1 for job in jobs(50)}
    result = summary(outcomes, 50)
    assert result["done"] == 50
    assert result["first_attempts_200"] == 1.0
    assert result["attempts"] == {"200": 50}


def test_clients_come_back_when_they_are_told_to() -> None:
    fake = Fake(503, 503, 200)
    outcomes = Clients(fake, jobs(10), 60).run()  # type: ignore[arg-type]
    assert all(its.statuses == [503, 503, 200] for its in outcomes)
    result = summary(outcomes, 10)
    assert result["done"] == 10
    assert result["first_attempts_200"] == 0.0
    assert result["most_attempts"] == 3
    assert result["refusals_without_retry_after"] == 0


def test_a_refusal_must_say_when_to_come_back() -> None:
    fake = Fake(503, retry_after="")
    outcomes = Clients(fake, jobs(1), 0.1).run()  # type: ignore[arg-type]
    assert summary(outcomes, 1)["refusals_without_retry_after"] == len(outcomes[0].statuses)


def test_what_is_no_refusal_is_not_tried_again() -> None:
    outcomes = Clients(Fake(500), jobs(3), 60).run()  # type: ignore[arg-type]
    assert [its.statuses for its in outcomes] == [[500]] * 3


def test_it_ends_when_the_time_is_over() -> None:
    start = time.monotonic()
    outcomes = Clients(Fake(0), jobs(100), 0.2).run()  # type: ignore[arg-type]
    assert time.monotonic() - start < 30
    assert len(outcomes) == CLIENTS
    result = summary(outcomes, 100)
    assert result["done"] == 0
    assert result["attempts"].keys() == {"0"}


def test_a_person_can_read_it() -> None:
    job = Job("job-0", "beats", 3, "wav")
    done = [Outcome(job, [200], seconds=0.5, done_s=0.5), Outcome(job, [503, 200], 0, 1.5, 4.0)]
    its = summary(done, 2)
    assert its["latency_s"] == {
        "beats": {"p50": 0.5, "p95": 1.5, "max": 1.5},
        "emotion": {},
        "voice_detect": {},
    }
    common: dict[str, Any] = {"oom_kills": 0, "anonymous_mb_max": 146.2, "cpu_s": 9, "wall_s": 12}
    ours = {"three_warm_anonymous_mb": 137, "anonymous_mb_after": 140, "starts": {}, "stops": {}}
    runs = {
        "ours": {**its, **common, **ours},
        "other": {**its, **common, "oom_kills": 3, "first_end_s": 17.84},
    }
    text = markdown({"jobs": 2, "runs": runs})
    assert "| ours | 2 | 50 % | 4.0 s | 0 | 146 | 9 | 12 |" in text
    assert "| other | 0.50, 1.50, 1.50 |  |  |" in text
    assert "killed for the first time after 17.8 s" in text
