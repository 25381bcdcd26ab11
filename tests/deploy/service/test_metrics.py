"""The metrics, read by Prometheus's own parser."""

from prometheus_client.parser import text_string_to_metric_families

from deploy.service.metrics import Metrics
from deploy.service.snapshot import Snapshot
from tests import snapshots

MB = 2**20


def samples(
    metrics: Metrics, snapshot: Snapshot = snapshots.EMPTY
) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, by its name and labels."""
    text = metrics.text(snapshot).decode()
    return {
        (sample.name.removeprefix("halfgig_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_every_family_is_typed_and_helped_once() -> None:
    families = list(text_string_to_metric_families(Metrics().text(snapshots.EMPTY).decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)) > 10
    assert all(family.type in ("counter", "gauge", "histogram") for family in families)
    assert all(family.documentation for family in families)


def test_requests_and_how_long_they_took() -> None:
    metrics = Metrics()
    metrics.request("beats", 200, 0.2)
    metrics.request("beats", 200, 400.0)
    metrics.request("beats", 503, 0.01)
    seen = samples(metrics)
    assert seen[key("requests_total", function="beats", status="200")] == 2
    assert seen[key("requests_total", function="beats", status="503")] == 1
    assert seen[key("request_seconds_count", function="beats")] == 3
    assert seen[key("request_seconds_sum", function="beats")] == 400.21
    assert seen[key("request_seconds_bucket", function="beats", le="0.05")] == 1
    assert seen[key("request_seconds_bucket", function="beats", le="0.25")] == 2
    assert seen[key("request_seconds_bucket", function="beats", le="300.0")] == 2
    assert seen[key("request_seconds_bucket", function="beats", le="+Inf")] == 3


def test_an_end_of_a_bucket_is_in_it() -> None:
    metrics = Metrics()
    metrics.started("beats", 0.5)
    assert samples(metrics)[key("start_seconds_bucket", function="beats", le="0.5")] == 1


def test_processes() -> None:
    metrics = Metrics()
    metrics.started("emotion", 0.7)
    metrics.stopped("emotion", "evicted")
    metrics.stopped("emotion", "evicted")
    metrics.refused("emotion", "queue_full")
    seen = samples(metrics)
    assert seen[key("start_seconds_count", function="emotion")] == 1
    assert seen[key("stops_total", function="emotion", why="evicted")] == 2
    assert seen[key("refusals_total", function="emotion", reason="queue_full")] == 1


def test_reports() -> None:
    metrics = Metrics()
    for start, cpu_s, peak in (("cold", 0.25, 80.0), ("warm", 0.5, 60.0)):
        metrics.reported({"function": "beats", "start": start, "cpu_s": cpu_s, "mem_peak_mb": peak})
    seen = samples(metrics)
    assert seen[key("invocations_total", function="beats", start="cold")] == 1
    assert seen[key("cpu_seconds_total", function="beats")] == 0.75
    assert seen[key("memory_peak_bytes", function="beats")] == 80 * MB


def test_the_moment() -> None:
    moment = snapshots.of(beats=snapshots.function("busy"), emotion=snapshots.function())
    seen = samples(Metrics(), moment)
    assert seen[key("state", function="beats", state="busy")] == 1
    assert seen[key("memory_need_bytes", function="emotion")] == 100 * MB
    assert seen[key("memory_resident_bytes", function="beats")] == 48 * MB
    assert seen[key("queue_limit")] == 32
    assert seen[key("memory_used_bytes")] == 48 * MB
    assert seen[key("memory_limit_bytes")] == 512 * MB
    assert seen[key("accepting")] == 1


def test_a_label_may_hold_anything() -> None:
    metrics = Metrics()
    metrics.stopped("beats", 'a "quote", a \\ and a\nline')
    name = key("stops_total", function="beats", why='a "quote", a \\ and a\nline')
    assert samples(metrics)[name] == 1
