import json
import sys
from typing import Any

import pytest

from benchmarks import service
from benchmarks.service_router import costs, doing_nothing, kept, markdown

ECHO = """
import http.server, os

class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.connections.add(self.client_address)
        self.send_response(200 if len(self.connections) == 1 else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Echo).serve_forever()
"""


def test_a_connection_is_kept() -> None:
    with service.running([sys.executable, "-c", ECHO]) as web:
        web.wait()
        with kept(web, "emotion", b"words") as ask:
            ask()
            ask()
        with (
            kept(web, "emotion", b"words") as ask,
            pytest.raises(RuntimeError, match="emotion answered 500"),
        ):
            ask()


def test_what_a_function_that_does_nothing_costs() -> None:
    with doing_nothing() as web:
        assert json.loads(web.post("nothing", b"words").body) == {"bytes": 5}
        found = costs(web, "nothing", b"words", 20)
    for each in found.values():
        assert 0 < each["router_cpu_ms"] < each["wall_ms"]


def test_a_person_can_read_it() -> None:
    cost = {"router_cpu_ms": 0.4, "function_cpu_ms": 9.1, "wall_ms": 11.0}
    upload = {"upload_mb": 50.0, "peak_grew_mb": 1.2, "grown_after_mb": 0.4, "router_cpu_ms": 80.0}
    result: dict[str, Any] = {
        "pss_mb": 19.0,
        "pss_mb_at_start": 18.8,
        "pss_mb_at_end": 19.4,
        "idle_cpu_ms_a_second": 2.5,
        "upload": [upload],
        "health": cost,
        **{name: {"kept connection": cost} for name in ("nothing", "emotion")},
    }
    text = markdown(result)
    assert "19.0 MB (at the start 18.8, at the end 19.4)" in text
    for name in ("nothing", "emotion"):
        assert (
            f"| CPU of a request for {name}, kept connection | 0.4 ms (the function's 9.1 ms) |"
            in text
        )
    assert "memory grew by 1.2 MB, afterwards 0.4; 80.0 ms of CPU" in text
