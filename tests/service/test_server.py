from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2

from interpreter.service.server import listen
from tests.service.calling import Api, fetch, problem
from tests.service.conftest import QUICK
from tests.waiting import eventually


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    split = urlsplit(address)
    assert split.hostname and split.port
    with socket.create_connection((split.hostname, split.port), timeout=20) as connection:
        yield connection


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side has closed the connection."""
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


START = b"POST /api/workflows/desk%2Fadd/executions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_whoever_sends_nothing_or_half_a_head_is_let_go(address: str) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(address)) for _ in range(3)]
        for connection, half in zip(connections, (b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b"), strict=True):
            connection.sendall(half)
        assert [rest(connection) for connection in connections] == [b"", b"", b""]


def test_one_who_sends_a_byte_now_and_then_is_let_go_too(address: str) -> None:
    with connected(address) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET /")
        sent = 0
        try:
            while sent < 2_000:
                connection.sendall(b"G")
                sent += 1
                try:
                    assert connection.recv(1) == b""
                    break
                except TimeoutError:
                    continue
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert 0 < sent < 2_000


def test_a_body_that_does_not_come_is_408(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(START + b"Content-Length: 20\r\n\r\n{")
        assert rest(connection).startswith(b"HTTP/1.1 408 ")


def test_a_chunked_body_without_end_is_413(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(START + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            connection.sendall(b"4000\r\n" + b"[" * 0x4000 + b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_request_that_names_no_host_or_two_is_400(address: str) -> None:
    for hosts in (b"", b"Host: localhost\r\nHost: localhost\r\n"):
        with connected(address) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")
            assert rest(connection).startswith(b"HTTP/1.1 400 ")
    with connected(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 200 ")


def test_a_head_without_end_is_400(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Large: " + b"x" * 30_000)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_a_head_without_end_is_400_in_whatever_pieces_it_comes(address: str) -> None:
    line = b"X-A: " + b"x" * 1_017 + b"\r\n"
    with connected(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        for _ in range((QUICK.address + QUICK.headers) // len(line)):  # the last of them is one too many
            connection.sendall(line)
        assert rest(connection).startswith(b"HTTP/1.1 400 ")


def test_what_stands_behind_a_body_is_no_header(address: str) -> None:
    body = b'{"args": [1]}'
    with connected(address) as connection:
        connection.sendall(START + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n%x\r\n" % len(body))
        connection.sendall(body + b"\r\n0\r\nHost: evil.example\r\nContent-Encoding: gzip\r\n\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 202 ")


def test_trailers_without_end_are_400(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(START + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        try:
            for number in range(400):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 1_000))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert rest(connection)[:13] in (b"HTTP/1.1 400 ", b"")


def test_a_large_body_is_no_large_head(on_a_socket: Callable[..., Any]) -> None:
    with on_a_socket(limits=replace(QUICK, body=1_000_000, receive=20)) as address, connected(address) as connection:
        connection.sendall(START + b"Content-Length: 900000\r\nConnection: close\r\n\r\n" + b" " * 900_000)
        assert b"urn:dataflows:problem:malformed" in rest(connection)


def test_whoever_asks_again_before_the_answer_is_let_go(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_000)
        assert rest(connection) == b""


def test_while_very_many_are_slow_others_are_served(address: str) -> None:
    slow = [socket.create_connection((urlsplit(address).hostname, urlsplit(address).port)) for _ in range(200)]
    try:
        for each in slow:
            each.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert fetch("GET", f"{address}/api/executions").status_code == 200
    finally:
        for each in slow:
            each.close()


def test_whoever_does_not_read_the_answer_is_let_go(address: str, api: Api) -> None:
    id = api.start("desk/large", 90_000)
    api.result(id)
    request = f"GET /api/executions/{id}/result HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with connected(address) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        try:
            eventually(lambda: _is_cut_off(connection, request))
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert fetch("GET", f"{address}/healthz").status_code == 200


def _is_cut_off(connection: socket.socket, request: bytes) -> bool:
    """Ask once more; never read."""
    connection.settimeout(0.05)
    try:
        connection.sendall(request)
    except TimeoutError:
        pass
    return False


def test_a_connection_serves_one_request_after_another(address: str) -> None:
    with httpx2.Client(base_url=address, timeout=20) as client:
        assert [client.get("/healthz").status_code for _ in range(5)] == [200] * 5


def test_what_is_no_http_is_answered_400_and_a_websocket_is_no_way_in(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xa5\x01\r\n\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 400 ")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
    assert fetch("GET", f"{address}/nix", headers=upgrade).status_code == 404


def test_whoever_offers_to_speak_another_http_is_answered_in_this_one(address: str) -> None:
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
    with httpx2.Client(base_url=address, timeout=20, headers=offer) as client:
        for _ in range(2):
            started = client.post("/api/workflows/desk%2Fadd/executions", json={"args": [1]})
            assert started.status_code == 202


def test_a_path_with_a_raw_byte_or_a_double_slash_is_not_found(address: str) -> None:
    for path in ("/api/executions/%FF", "/api//executions", "/api/executions/%2e%2e%2f%2e%2e"):
        assert problem(fetch("GET", address + path))[0] == 404  # type: ignore[arg-type]


def test_the_body_of_an_answer_does_not_wait_until_its_head_is_acknowledged() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
