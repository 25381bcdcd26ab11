"""Requests to addresses where there is something, and where there is not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
def answering(data: bytes) -> Iterator[Address]:
    """A server that says `data` to whoever comes first, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address.read(f"http://127.0.0.1:{server.getsockname()[1]}")
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
