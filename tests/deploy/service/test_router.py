"""The service at its door: what it answers, what it refuses, and in what words."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from emulator import wire as sse
from functions.kit import manifest
from tests.service import Service, running, until
from tests.tree import ROOT, Tree
from tests.wire import Raw, parsed

SPEECH = (ROOT / "demo" / "speech.ogg").read_bytes()
SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def serving(tree: Tree, **settings: str) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        with running(tree.environ, Path(folder), settings=settings) as service:
            yield service
            service.stop()
        assert list(Path(folder).iterdir()) == []


@pytest.fixture(scope="module")
def service(tree: Tree) -> Iterator[Service]:
    with serving(tree) as it:
        yield it


def form(name: str, content: bytes) -> tuple[bytes, str]:
    boundary = "a-boundary"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'
    body = part.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def events(body: bytes) -> list[tuple[str, Any]]:
    return list(sse.events(iter(body.splitlines(keepends=True))))


# Calls


def test_a_raw_body_a_form_and_json_come_to_the_same(service: Service) -> None:
    raw = service.say("hello there")
    assert raw.status == 200
    assert raw.json["words"] == ["hello", "there"]
    body, kind = form("file", b"hello there")
    assert service.ask("POST", "/echo", body, Content_Type=kind).json == raw.json
    text = json.dumps({"audio_base64": base64.b64encode(b"hello there").decode()})
    assert service.ask("POST", "/echo", text, Content_Type="application/json").json == raw.json


def test_a_body_without_a_length(service: Service) -> None:
    with Raw(service.port) as client:
        client.post(
            "/echo",
            b"6\r\nhello \r\n5\r\nthere\r\n0\r\n\r\n",
            Content_Type="text/plain",
            Transfer_Encoding="chunked",
            Connection="close",
        )
        status, _, document = parsed(client.rest())
    assert (status, document["words"]) == (200, ["hello", "there"])


def test_an_empty_body_is_the_functions_to_judge(service: Service) -> None:
    assert service.ask("POST", "/echo", Content_Type="text/plain").json["words"] == []
    answer = service.ask("POST", "/emotion", b"", Content_Type="audio/wav")
    assert (answer.status, answer.json["reason"]) == (400, "empty")


def test_a_client_is_told_to_go_on(service: Service) -> None:
    with Raw(service.port) as client:
        client.post("/echo", Content_Type="text/plain", Content_Length="5", Expect="100-continue")
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(b"hello")
        assert b'"words":["hello"]' in client.until(b"}")


def test_two_requests_over_one_connection(service: Service) -> None:
    with Raw(service.port) as client:
        for words in (b"one", b"two"):
            client.post("/echo", words, Content_Type="text/plain", Content_Length="3")
            assert words in client.until(b'"words"}')


def test_what_an_answer_took(service: Service) -> None:
    timing = service.say("hello").headers["server-timing"]
    assert [part.partition(";")[0] for part in timing.split(", ")] == ["queue", "init", "fn"]


def test_the_events_that_lead_to_an_answer(service: Service) -> None:
    answer = service.say("slow", Accept="text/event-stream")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    *before, (name, result) = events(answer.body)
    assert {"progress"} <= {name for name, _ in before} <= {"queued", "starting", "progress"}
    assert name == "result"
    timings = result.pop("timings")
    assert result == {"words": ["slow"], "pid": result["pid"], "model": {"tier": "words"}}
    assert timings.keys() == {"queue_s", "init_s", "fn_s"}
    assert timings["fn_s"] > 1.5


def test_an_error_among_events(service: Service) -> None:
    service.say("hello")
    answer = service.say("refuse", Accept="text/event-stream", X_Request_ID="seven")
    *before, (name, problem) = events(answer.body)
    assert {name for name, _ in before} <= {"queued"}  # Behind what still ends.
    assert (name, problem["status"], problem["reason"]) == ("error", 422, "refused")
    assert problem["request_id"] == "seven"


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("text/event-stream, application/json;q=0.5", True),
        ("TEXT/EVENT-STREAM;q=0.3, */*", True),
        ("application/json, text/event-stream", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=nonsense", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_who_gets_events(service: Service, accept: str, streams: bool) -> None:
    kind = service.say("hello", Accept=accept).headers["content-type"]
    assert kind.startswith("text/event-stream") == streams


def test_a_functions_own_refusal_is_passed_on(service: Service) -> None:
    answer = service.say("refuse")
    assert (answer.status, answer.json["reason"]) == (422, "refused")
    assert answer.headers["content-type"] == "application/problem+json"
    answer = service.ask("POST", "/emotion", b"words", Content_Type="text/plain")
    assert (answer.status, answer.json["reason"]) == (415, "unsupported_type")


# Analyze


def test_one_upload_for_several_functions(service: Service) -> None:
    kind = "application/octet-stream"
    answer = service.ask("POST", "/analyze?functions=emotion,echo", SPEECH, Content_Type=kind)
    assert answer.status == 200
    document = answer.json
    assert document["results"].keys() == {"emotion"}
    alone = service.ask("POST", "/emotion", SPEECH, Content_Type="audio/ogg").json
    assert document["results"]["emotion"] == alone
    assert document["errors"]["echo"]["status"] == 500  # It reads words, and this is none.


def test_one_upload_as_a_form(service: Service) -> None:
    body, kind = form("file", b"hello")
    answer = service.ask("POST", "/analyze?functions=echo", body, Content_Type=kind)
    assert answer.json["results"]["echo"]["words"] == ["hello"]


def test_the_worst_error_is_the_status_where_nothing_has_a_result(service: Service) -> None:
    answer = service.ask("POST", "/analyze", b"crash", Content_Type="audio/wav")
    assert answer.json["results"] == {}
    problems = answer.json["errors"]
    assert problems.keys() == {"beats", "echo", "emotion", "voice_detect"}
    assert answer.status == max(problem["status"] for problem in problems.values())


def test_the_events_of_several_functions(service: Service) -> None:
    answer = service.ask(
        "POST",
        "/analyze?functions=emotion,echo",
        b"hello",
        Content_Type="application/octet-stream",
        Accept="text/event-stream",
    )
    all_events = events(answer.body)
    ends = {data["function"]: name for name, data in all_events if name in ("result", "error")}
    assert ends == {"echo": "result", "emotion": "error"}
    assert all(data["function"] in ends for _, data in all_events)
    (result,) = [data for name, data in all_events if name == "result"]
    assert result["words"] == ["hello"]
    assert result["timings"]["queue_s"] >= 0


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("functions=ecko", "There is no function 'ecko'. There are: beats, echo,"),
        ("functions=", "'functions' names none."),
        ("functions=%ff", "It must be UTF-8"),
        ("&".join("functions=echo" for _ in range(50)), "UTF-8"),
    ],
)
def test_a_query_that_can_not_be_read(service: Service, query: str, said: str) -> None:
    answer = service.ask("POST", f"/analyze?{query}", b"", Content_Type="text/plain")
    assert (answer.status, answer.json["reason"]) == (400, "bad_query")
    assert said in answer.json["detail"]


# Documents


@pytest.mark.parametrize("path", ["/", "/functions", "/openapi.json", "/metrics", "/health"])
def test_documents(service: Service, path: str) -> None:
    answer = service.ask("GET", path)
    assert answer.status == 200
    head = service.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == answer.headers["content-type"]


def test_what_the_documents_say(service: Service) -> None:
    service.say("hello")
    # A call is reported when its answer is already with the client.
    until(lambda: service.health()["functions"]["echo"]["tier"] == "words")
    assert service.ask("GET", "/readyz").json == {"ready": True, "reason": None}
    validate(service.ask("GET", "/openapi.json").json)
    listed = service.ask("GET", "/functions").json["functions"]
    assert [each["name"] for each in listed] == ["beats", "echo", "emotion", "voice_detect"]
    page = service.ask("GET", "/", Host="example.org").body.decode()
    assert "http://example.org/echo" in page
    counted = b'halfgig_requests_total{function="echo",status="200"}'
    until(lambda: counted in service.ask("GET", "/metrics").body)


def test_a_function_is_made_ready(service: Service) -> None:
    answer = service.ask("GET", "/warmup?functions=echo")
    assert answer.status == 200
    assert answer.json["functions"]["echo"]["state"] == "ready"
    assert service.state() == "ready"


# Refusals


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/emotio", 404, "Did you mean '/emotion'?"),
        ("POST", "/emotion/", 404, "Did you mean '/emotion'?"),
        ("GET", "/wp-login.php", 404, "GET / says what there is."),
        ("GET", "/%ff%00" + "x" * 200, 404, "There is nothing at "),
        ("GET", "/echo", 405, "GET is not answered at '/echo', which takes OPTIONS, POST."),
        ("POST", "/health", 405, "which takes GET, HEAD, OPTIONS."),
        ("DELETE", "/echo", 405, "DELETE is not answered"),
    ],
)
def test_what_there_is_not(
    service: Service, method: str, path: str, status: int, said: str
) -> None:
    answer = service.ask(method, path)
    assert answer.status == answer.json["status"] == status
    assert said in answer.json["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("allow" in answer.headers) == (status == 405)
    assert len(answer.json["detail"]) < 200


def test_a_path_may_be_percent_encoded(service: Service) -> None:
    assert service.say("hello", "/%65cho").status == 200


def test_a_body_that_says_it_is_too_large_is_not_read(service: Service) -> None:
    with Raw(service.port) as client:
        client.post("/echo", Content_Type="text/plain", Content_Length=str(10 * 2**30))
        status, headers, problem = parsed(client.rest())
    assert (status, problem["reason"]) == (413, "too_large")
    assert "5,000 bytes" in problem["detail"]
    assert headers["connection"] == "close"


def test_nor_asked_for(service: Service) -> None:
    with Raw(service.port) as client:
        client.post(
            "/echo", Content_Type="text/plain", Content_Length="900000", Expect="100-continue"
        )
        assert client.rest().startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_on_still_gets_the_refusal(service: Service) -> None:
    answer = service.ask("POST", "/echo", bytes(500_000), Content_Type="text/plain")
    assert answer.status == 413


def test_a_body_that_turns_out_to_be_too_large(service: Service) -> None:
    with Raw(service.port) as client:
        client.post("/echo", Content_Type="text/plain", Transfer_Encoding="chunked")
        client.send(b"1771\r\n" + bytes(6001) + b"\r\n")
        status, _, problem = parsed(client.rest())
    assert (status, problem["reason"]) == (413, "too_large")


def test_json_has_a_limit_of_its_own(service: Service) -> None:
    with Raw(service.port) as client:
        client.post("/emotion", Content_Type="application/json", Content_Length="10000001")
        status, _, problem = parsed(client.rest())
    assert status == 413
    assert "A JSON body may have at most 10,000,000 bytes." in problem["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        b"this is not HTTP\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: " + b"y" * 1_000_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 200_000,
        b"GET /" + b"x" * 1_000_000,
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
    ids=["nonsense", "hosts", "lengths", "negative", "header", "headers", "target", "chunk"],
)
def test_what_is_not_http(service: Service, sent: bytes) -> None:
    with Raw(service.port) as client:
        client.send(sent)
        status, headers, problem = parsed(client.rest())
    assert (status, problem["reason"]) == (400, "bad_request")
    assert headers["x-request-id"] == problem["request_id"]
    assert headers["content-type"] == "application/problem+json"
    assert service.say("hello").status == 200


def test_clients_that_leave_in_the_middle(service: Service) -> None:
    for body, length in ((b"", "5"), (b"he", "5"), (b"hello", "5")):
        with Raw(service.port) as client:
            client.post("/echo", body, Content_Type="text/plain", Content_Length=length)
    assert service.say("hello").status == 200
    assert list(Path(service.folder).glob("*/bodies/*")) == []


# Names


def test_a_requests_name_goes_through(service: Service) -> None:
    answer = service.say("hello", X_Request_ID="my request 7")
    assert answer.headers["x-request-id"] == "my request 7"
    assert service.event("report", request_id="my request 7")["status"] == 200


@pytest.mark.parametrize("given", ["", "x" * 129, "é", "a\tb"])
def test_a_name_that_will_not_do_is_replaced(service: Service, given: str) -> None:
    its = service.ask("GET", "/health", X_Request_ID=given).headers["x-request-id"]
    assert len(its) == 32
    assert its.isalnum()


@pytest.mark.parametrize(
    ("given", "comes_back"),
    [
        (SPAN, True),
        (SPAN.upper(), False),
        ("00-" + "0" * 32 + "-b7ad6b7169203331-01", False),
        ("ff" + SPAN[2:], False),
        (SPAN + ", " + SPAN, False),
        ("nonsense", False),
    ],
)
def test_a_trace_goes_through_if_it_is_one(service: Service, given: str, comes_back: bool) -> None:
    headers = service.say("hello", traceparent=given).headers
    assert headers.get("traceparent") == (given if comes_back else None)


# Contracts


def test_an_earlier_services_route(service: Service) -> None:
    asked = {
        "language": "English",
        "audioFormat": "ogg",
        "audioBase64": base64.b64encode(SPEECH).decode(),
    }
    answer = service.ask("POST", "/api/voice-detection", json.dumps(asked))
    assert answer.json["status"] == "success"
    answer = service.ask("POST", "/detect", json.dumps(asked), Accept="text/event-stream")
    assert answer.json["classification"] == "Human"
    answer = service.ask("POST", "/api/voice-detection", "{}")
    assert (answer.status, answer.json["status"]) == (400, "error")


def test_a_refusal_on_an_earlier_services_route(tree: Tree) -> None:
    with serving(tree, API_KEYS="secret", MAX_BODY_MB="1") as service:
        answer = service.ask("POST", "/api/voice-detection", "{}")
        assert answer.status == 401
        assert answer.json.keys() == {"status", "message"}
        answer = service.ask("POST", "/detect", "{}")
        assert (answer.status, answer.json["reason"]) == (401, "bad_key")
        answer = service.ask("GET", "/api/voice-detection")
        assert (answer.status, answer.json["status"]) == (405, "error")
        body = bytes(2**20 + 1)
        answer = service.ask("POST", "/api/voice-detection", body, x_api_key="secret")
        assert (answer.status, answer.json["status"]) == (413, "error")


# Settings


def test_keys(tree: Tree) -> None:
    with serving(tree, API_KEYS="one, two") as service:
        assert service.say("hello", x_api_key="two").status == 200
        for headers in ({}, {"x_api_key": "three"}):
            answer = service.say("hello", **headers)
            assert (answer.status, answer.json["reason"]) == (401, "bad_key")
            assert answer.headers["www-authenticate"] == "x-api-key"
        assert service.ask("POST", "/analyze", b"").status == 401
        assert service.ask("GET", "/warmup").status == 401
        assert service.ask("GET", "/health").status == 200
        line = service.event("refused", reason="bad_key")
        assert line["route"] == "echo"
        assert "three" not in json.dumps(service.lines)


def test_a_rate(tree: Tree) -> None:
    with serving(tree, RATE_PER_MINUTE="2", API_KEYS="one,two") as service:
        statuses = [service.say("hello", x_api_key="one").status for _ in range(3)]
        assert statuses == [200, 200, 429]
        answer = service.say("hello", x_api_key="one")
        assert answer.json["reason"] == "rate"
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert answer.json["retry_after_s"] == int(answer.headers["retry-after"])
        assert service.say("hello", x_api_key="two").status == 200


def test_pages_of_other_origins(tree: Tree) -> None:
    with serving(tree, CORS_ORIGINS="https://a.example") as service:
        mine = {"Origin": "https://a.example"}
        asked = service.ask("OPTIONS", "/echo", Access_Control_Request_Method="POST", **mine)
        assert asked.status == 204
        assert asked.headers["access-control-allow-origin"] == "https://a.example"
        assert "x-api-key" in asked.headers["access-control-allow-headers"]
        for path in ("/echo", "/nowhere"):
            answer = service.say("hello", path, **mine)
            assert answer.headers["access-control-allow-origin"] == "https://a.example"
            assert answer.headers["vary"] == "origin"
        other = service.say("hello", Origin="https://b.example")
        assert other.status == 200
        assert "access-control-allow-origin" not in other.headers


def test_a_function_that_is_switched_off(tree: Tree) -> None:
    with serving(tree, DISABLE_VOICE_DETECT="1") as service:
        answer = service.ask("POST", "/voice_detect", b"")
        assert (answer.status, answer.json["reason"]) == (404, "disabled")
        assert service.ask("POST", "/detect", "{}").json["reason"] == "disabled"
        assert service.ask("POST", "/analyze?functions=voice_detect", b"").status == 404
        assert service.state("voice_detect") == "disabled"
        assert "/voice_detect" not in service.ask("GET", "/openapi.json").json["paths"]


def test_a_cap_on_bodies(tree: Tree) -> None:
    with serving(tree, MAX_BODY_MB="0.001") as service:
        answer = service.say("x" * 2000)
        assert (answer.status, answer.json["reason"]) == (413, "too_large")
        assert "1,048 bytes" in answer.json["detail"]


def test_the_functions_are_the_trees(tree: Tree, service: Service) -> None:
    assert service.health()["functions"].keys() == manifest.discover(tree.root / "functions").keys()
