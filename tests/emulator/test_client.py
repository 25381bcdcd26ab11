"""Requests to addresses where there is something, and where there is not."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from emulator import client
from emulator.client import Address, AddressError, Unreachable


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://halfgig.onrender.com", "https://halfgig.onrender.com"),
        ("http://127.0.0.1:10000/", "http://127.0.0.1:10000"),
        ("https://me:secret@example.org/audio/", "https://example.org/audio"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    assert str(Address.read(url)) == shown


def test_its_user_is_sent() -> None:
    its = Address.read("https://me:a%20secret@example.org")
    assert its.headers == {"Authorization": "Basic bWU6YSBzZWNyZXQ="}


@pytest.mark.parametrize(
    "url", ["halfgig.onrender.com", "ftp://example.org", "http://", "http://a:b", "http://a?key=1"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(AddressError, match=r"such as https://halfgig\.onrender\.com"):
        Address.read(url)


@contextmanager
def answering(data: bytes, secure: ssl.SSLContext | None = None) -> Iterator[Address]:
    """A server that says `data` to whoever comes first, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with suppress(ssl.SSLError):  # It is not trusted.
                connection = secure.wrap_socket(connection, True) if secure else connection
                connection.recv(65_536)
                connection.sendall(data)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        kind = "https" if secure else "http"
        yield Address.read(f"{kind}://127.0.0.1:{server.getsockname()[1]}")
        thread.join()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"220 ftp ready\r\n", "is not HTTP"),
        (b"", "failed: |breaks off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "breaks off"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            b"event: result\ndata: no JSON\n\n",
            "breaks off",
        ),
    ],
)
def test_what_is_no_answer(data: bytes, why: str) -> None:
    with answering(data) as address, pytest.raises(Unreachable, match=why):
        client.ask(address, "/echo", {})


@pytest.fixture
def secure(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server of this machine's needs for TLS, and the certificate that it shows."""
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    if not shutil.which("openssl"):
        pytest.skip("There is no openssl here to make a certificate.")
    subprocess.run(
        [*request, *name, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def test_an_answer_over_tls(
    secure: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = secure
    data = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with answering(data, context) as address:
        assert client.ask(address, "/echo", {}).said().value is True


def test_a_certificate_that_is_not_trusted(secure: tuple[ssl.SSLContext, Path]) -> None:
    with answering(b"", secure[0]) as address, pytest.raises(Unreachable, match="certificate"):
        client.ask(address, "/echo", {})


def test_where_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable, match=rf"Nothing listens at http://127\.0\.0\.1:{port}\."):
        client.ask(Address.read(f"http://127.0.0.1:{port}"), "/echo", {})


def test_a_host_that_is_none() -> None:
    with pytest.raises(Unreachable, match=r"There is no host 'no-such-host\.invalid'"):
        client.ask(Address.read("http://no-such-host.invalid"), "/echo", {})


def test_where_nothing_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address.read(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(Unreachable, match=r"did not answer in 0\.3 s"):
            client.ask(address, "/echo", {}, patience_s=0.3)
