"""Functions given by URL: the service in front of one that runs alone, deployed apart."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import wire
from functions.kit import manifest
from tests.framework import framework
from tests.service import Service, running
from tests.tree import ROOT, Tree
from tests.wire import Raw

SPEECH = (ROOT / "demo" / "speech.ogg").read_bytes()
NAME = "voice_detect"


@pytest.fixture(scope="module")
def service(tree: Tree) -> Iterator[Service]:
    function = manifest.load(ROOT / "functions" / NAME)
    args = ("--target", function.target, "--source", str(function.folder / "main.py"))
    with (
        framework(Path(sys.executable), ROOT, os.environ, *args) as url,
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        running(
            tree.environ, Path(folder), settings={f"FUNCTION_{NAME.upper()}_URL": url}
        ) as service,
    ):
        yield service


def test_it_answers_as_if_it_were_here(service: Service) -> None:
    answer = service.ask("POST", f"/{NAME}", SPEECH, Content_Type="audio/ogg", X_Request_ID="7")
    assert answer.status == 200
    assert answer.json["label"] == "HUMAN"
    assert answer.headers["x-request-id"] == "7"
    assert "fn;dur=" in answer.headers["server-timing"]
    assert service.state(NAME) == "remote"


def test_its_events_too(service: Service) -> None:
    headers = {"Content_Type": "audio/ogg", "Accept": "text/event-stream"}
    body = service.ask("POST", f"/{NAME}", SPEECH, **headers).body
    *steps, (name, result) = wire.events(iter(body.splitlines(keepends=True)))
    assert {step for step, _ in steps} == {"progress"}
    assert (name, result["label"]) == ("result", "HUMAN")
    assert result["timings"]["fn_s"] > 0


def test_its_refusals_too(service: Service) -> None:
    answer = service.ask("POST", f"/{NAME}", b"These are words.", Content_Type="audio/wav")
    assert (answer.status, answer.json["reason"]) == (400, "not_audio")
    answer = service.ask("POST", "/detect", "{}", Content_Type="application/json")
    assert (answer.status, answer.json["reason"]) == (400, "bad_body")


def test_beside_one_that_is_here(service: Service) -> None:
    path = f"/analyze?functions={NAME},emotion"
    answer = service.ask("POST", path, SPEECH, Content_Type="audio/ogg")
    assert answer.json["results"].keys() == {NAME, "emotion"}


def test_a_large_body(service: Service) -> None:
    with Raw(service.port) as client:
        size = 20_000_000
        client.post(
            f"/{NAME}", Content_Type="audio/wav", Content_Length=str(size), Connection="close"
        )
        client.send(SPEECH + bytes(size - len(SPEECH)))
        assert client.rest().startswith(b"HTTP/1.1 ")


def test_it_is_ready_without_us(service: Service) -> None:
    answer = service.ask("GET", f"/warmup?functions={NAME}")
    assert answer.json == {"functions": {NAME: {"state": "remote"}}}
