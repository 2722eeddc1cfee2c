"""Malformed, hostile, slow and broken clients get an answer or are hung up on; the others are served meanwhile."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import closing, suppress
from http.client import HTTPException
from typing import Any

import pytest
from tests.patience import PATIENCE_S, until
from tests.viewer.serving import Client, HeldSource, functions_named, going_source

from tomosplat.errors import InputError, PortError
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.serving import serve
from tomosplat.viewer.serving.board import Board
from tomosplat.viewer.serving.handler import Handler


@pytest.fixture(scope="module")
def client():
    # Noise does not compress: the scene is larger than what sockets hold.
    with serve(going_source(n_gaussians=200_000), going_source(kind="file")) as server:
        client = Client(server)
        for scene in (1, 2):
            client.follow(scene)
        yield client


def connected(client: Client) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.port), timeout=PATIENCE_S)


def said(client: Client, sent: bytes) -> bytes:
    """All that comes back until the server hangs up, which it may do before it has read everything."""
    received = b""
    with closing(connected(client)) as connection:
        with suppress(OSError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
    return received


def is_answered(client: Client) -> bool:
    try:
        return client.get("/api/scenes").status == 200
    except OSError:
        return False


def head(client: Client, *lines: str) -> bytes:
    named = (f"Host: 127.0.0.1:{client.port}", f"X-Tomosplat-Token: {client.token}")
    return "\r\n".join((lines[0], *named, *lines[1:], "", "")).encode()


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/static/viewer.html",
        "//etc/passwd",
        "/api/scenes/../../etc/passwd",
        "/api/scenes/1/..%2fvolume",
        "/api/scenes/1/gaussians/",
        "/api/scenes/01/status",
        "/api/scenes/3/status",
        "/api/scenes/١/status",
        "/api/scenes/1/status%00",
        "http://evil.example/api/scenes",
        "//[/api/scenes",
        "*",
    ],
)
def test_there_is_no_way_to_a_file(client, path: str) -> None:
    received = said(client, head(client, f"GET {path} HTTP/1.1"))
    assert received.split(b" ", 2)[1] in (b"400", b"404"), received[:100]
    assert b"root:" not in received
    assert b"etc" not in received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET /api/scenes HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /api/scenes HTTP/one\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 200 + b"\r\n", b"431"),
        (b"DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\n\r\n", b"403"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", b"403"),
    ],
)
def test_what_is_not_http_is_refused_without_repeating_it(client, sent: bytes, status: bytes) -> None:
    received = said(client, sent)
    assert received.split(b" ", 2)[1] == status, received[:100]
    assert b"aaaa" not in received
    assert b"Python" not in received


@pytest.mark.parametrize("length", ["-1", "+1", "1_0", "0x10", "ten", "", "1" * 30, "5, 5"])
def test_a_length_that_is_none(client, length: str) -> None:
    received = said(
        client, head(client, "POST /api/scenes/1/transfer HTTP/1.1", f"Content-Length: {length}") + b"hello"
    )
    assert received.split(b" ", 2)[1] == b"400"


def test_a_body_without_a_length_or_too_large_is_not_read(client) -> None:
    post = "POST /api/scenes/1/transfer HTTP/1.1"
    chunked = said(client, head(client, post, "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n")
    assert chunked.split(b" ", 2)[1] == b"411"
    oversize = said(client, head(client, post, "Content-Length: 999999999"))
    assert oversize.split(b" ", 2)[1] == b"413"


def hostile_functions() -> dict[str, bytes]:
    good = TransferFunctions.preset("seen").to_dict()

    def with_rows(rows: object) -> bytes:
        return json.dumps({**good, "groups": {"1": rows}}).encode()

    return {
        "no text": b"\xff\xfe",
        "nothing": b"",
        "a list": b"[]",
        "another format": b'{"format": "x"}',
        "nested": b"[" * 100_000,
        "nan": with_rows([[float("nan"), 0, 0, 0, 0]]),
        "huge": with_rows([[10**400, 0, 0, 0, 0]]),
        "digits": b'{"format": ' + b"9" * 5000 + b"}",
        "unsorted": with_rows([[1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
        "too bright": with_rows([[1, 2, 0, 0, 0]]),
        "no group": json.dumps({**good, "groups": {}}).encode(),
        "group 256": json.dumps({**good, "groups": {"256": good["groups"]["1"]}}).encode(),
        "notes": json.dumps({**good, "notes": 5}).encode(),
        "unit": json.dumps({**good, "unit": ["HU"]}).encode(),
    }


@pytest.mark.parametrize("name", hostile_functions())
def test_transfer_functions_that_are_none(client, name: str) -> None:
    answer = client.post("/api/scenes/1/transfer", hostile_functions()[name])
    assert answer.status == 400
    assert answer.json["message"]


def test_each_thing_has_its_method_and_its_arguments(client) -> None:
    assert client.get("/api/scenes/1/transfer").status == 405
    assert client.post("/api/scenes/1/status", b"").status == 405
    for after in ("-1", "x", "1e3", "9" * 30, "²"):
        assert said(client, head(client, f"GET /api/scenes/1/status?after={after} HTTP/1.1")).split()[1] == b"400"
    assert client.get("/api/scenes/1/status?" + "&".join(f"a{i}=1" for i in range(50))).status == 400
    assert client.post("/api/scenes/2/transfer", functions_named("1")).status == 409
    assert client.get("/api/scenes/2/nothing").status == 404
    assert client.get("/favicon.ico").status == 204


def test_one_connection_carries_many_requests(client) -> None:
    with closing(connected(client)) as connection:
        reader = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(head(client, "GET /api/scenes HTTP/1.1"))
            assert b"200" in reader.readline()
            length = next(int(line.split()[1]) for line in iter(reader.readline, b"\r\n") if b"Content-Length" in line)
            reader.readline()
            assert length == len(client.get("/api/scenes").body)
            reader.read(length)


def test_clients_get_the_same_scene_at_the_same_time(client) -> None:
    received: list[bytes] = []
    threads = [threading.Thread(target=lambda: received.append(client.blob("gaussians"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(received) == 4
    assert len(set(received)) == 1
    assert received[0].startswith(b"TOMOBLOB")


def test_clients_that_stop_reading_or_leave_hold_nobody_up(client, monkeypatch) -> None:
    # Whoever had to wait for one of these would wait until the end.
    monkeypatch.setattr(Handler, "timeout", 1e5)
    before = threading.active_count()
    stuck = []
    for _ in range(5):
        connection = connected(client)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head(client, "GET /api/scenes/1/gaussians HTTP/1.1"))
        stuck.append(connection)
    assert client.get("/api/scenes").status == 200
    for connection in stuck:
        # Closing so resets the connection in the middle of what is sent.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    until(lambda: threading.active_count() <= before)
    assert len(client.blob("gaussians")) > 1_000_000


def test_a_client_that_leaves_in_the_middle_of_its_request_asks_for_nothing(client) -> None:
    revision = client.status()["revision"]
    whole = functions_named("0.1")
    request = head(client, "POST /api/scenes/1/transfer HTTP/1.1", f"Content-Length: {len(whole) + 1}")
    assert said(client, request + whole) == b""
    assert client.status()["revision"] == revision


def test_a_client_that_says_nothing_is_hung_up_on(client, monkeypatch) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.2)
    with closing(connected(client)) as connection:
        assert connection.recv(1) == b""


def test_there_are_only_so_many_connections_and_they_come_back(client, monkeypatch) -> None:
    monkeypatch.setattr(Handler, "timeout", 1e5)
    before = threading.active_count()
    silent = [connected(client) for _ in range(80)]
    with closing(connected(client)) as connection:
        connection.sendall(head(client, "GET /api/scenes HTTP/1.1"))
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    for connection in silent:
        connection.close()
    until(lambda: threading.active_count() <= before)
    until(lambda: is_answered(client))


def test_a_port_in_use_is_named_and_another_proposed(client) -> None:
    with pytest.raises(PortError, match=rf"port {client.port} of 127.0.0.1 is in use; try --port \d+") as refused:
        serve(HeldSource(), port=client.port)
    proposed = int(str(refused.value).partition("try --port ")[2].split(",")[0])
    with serve(going_source(), port=proposed) as server:
        assert server.port == proposed


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("no such host", 0)])
def test_an_impossible_address(host: str, port: int) -> None:
    with pytest.raises(PortError, match="cannot listen"):
        serve(HeldSource(), host=host, port=port)


def test_nothing_to_serve() -> None:
    with pytest.raises(InputError, match="nothing to view"):
        serve()
    with pytest.raises(InputError, match="--title names 2 scenes, but there are 1"):
        serve(HeldSource(), titles=("a", "b"))


def test_closing_wakes_who_waits_and_leaves_no_thread_and_no_port(monkeypatch) -> None:
    monkeypatch.setattr("tomosplat.viewer.serving.routes.POLL_S", 1e5)  # nobody is woken because time is up
    asked, look = threading.Event(), Board.status

    def status(board: Board, after: int = 0, patience_s: float = 0.0) -> dict[str, Any]:
        asked.set()
        return look(board, after, patience_s)

    def wait_for_news() -> None:
        with suppress(OSError, HTTPException):  # it is hung up on, or told before that
            client.get("/api/scenes/1/status?after=1000")

    before = set(threading.enumerate())
    source = HeldSource()
    with serve(source) as server:
        client = Client(server)
        source.wait_for_begin()
        monkeypatch.setattr(Board, "status", status)
        waiting = threading.Thread(target=wait_for_news)
        waiting.start()
        assert asked.wait(PATIENCE_S)
        source.let_go()
    waiting.join(PATIENCE_S)
    until(lambda: set(threading.enumerate()) <= before)
    with pytest.raises(ConnectionRefusedError):
        client.get("/api/scenes")
