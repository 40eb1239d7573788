"""Clients that go half way, or speak HTTP in their own manner: each costs a bounded time, hears
what is wrong where it still listens, and takes nothing from the others.
"""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serving
import wordmodel

from schemas import policy
from services.gateway import app, listening
from services.gateway.wire import connection, crowd, exchange

BODY = b'{"text": "faq"}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
ASK = b"POST /classify HTTP/1.1\r\n" + LENGTH + b"\r\n" + BODY
LAST = b"POST /classify HTTP/1.1\r\nConnection: close\r\n" + LENGTH + b"\r\n" + BODY
LIVE = b"GET /livez HTTP/1.1\r\n\r\n"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wordmodel.shelf(tmp_path_factory.mktemp("models"))


def made(models: Path, **told: Any) -> app.Gateway:
    champion = wordmodel.follower(models, "v1")
    return app.Gateway(champion, None, serving.Emitter(), policy.Policy(), test_clock=False, **told)


@pytest.fixture(scope="module")
def one(models: Path) -> Iterator[serving.Served]:
    with serving.serving(made(models)) as served:
        yield served


@pytest.fixture
def hurried(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[serving.Served]:
    """One that waits for nobody longer than a fraction of a second."""
    for name in ("HEAD_S", "BODY_S", "IDLE_S", "READ_S", "LINGER_S"):
        monkeypatch.setattr(connection, name, 0.2)
    monkeypatch.setattr(listening, "_SWEEP_S", 0.05)
    with serving.serving(made(models)) as served:
        yield served


def statuses(raw: bytes) -> list[int]:
    """Of the replies in these bytes, in order."""
    return [int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:]]


# what HTTP allows


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics"])
def test_head_says_what_get_would_and_no_more(one: serving.Served, path: str) -> None:
    head, get = one.ask("HEAD", path), one.ask("GET", path)

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/classify", "POST"),
        ("HEAD", "/classify", "POST"),
        ("DELETE", "/classify", "POST"),
        ("OPTIONS", "/classify", "POST"),
        ("POST", "/livez", "GET, HEAD"),
        ("PUT", "/metrics", "GET, HEAD"),
    ],
)
def test_another_method_is_405_with_those_that_are_allowed(
    one: serving.Served, method: str, path: str, allow: str
) -> None:
    answer = one.ask(method, path, b"x" if method == "POST" else None)

    assert (answer.status, answer.headers["allow"]) == (405, allow)


def test_the_query_and_the_whole_address_are_of_no_concern(one: serving.Served) -> None:
    assert one.ask("GET", "/livez?probe=1").status == 200
    assert one.ask("GET", f"http://127.0.0.1:{one.port}/livez").status == 200


def test_a_connection_serves_one_request_after_another(one: serving.Served) -> None:
    with one.connected() as client:
        for _ in range(3):
            client.sendall(ASK)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_requests_sent_ahead_are_answered_in_order(one: serving.Served) -> None:
    raw = one.said(ASK + LIVE + b"GET /nowhere HTTP/1.1\r\n\r\n" + LAST)

    assert statuses(raw) == [200, 200, 404, 200]
    assert raw.index(b'"intent"') < raw.index(b'{"status":"ok"}') < raw.index(b"Not Found")


def test_far_too_many_sent_ahead_end_the_connection_after_some(one: serving.Served) -> None:
    replies = statuses(one.said(LIVE * 5000))

    assert set(replies) == {200}
    assert 0 < len(replies) < 5000


def test_http_1_0_is_answered_and_closed_unless_it_asks_to_be_kept(one: serving.Served) -> None:
    closed = one.said(b"GET /livez HTTP/1.0\r\n\r\n")
    assert statuses(closed) == [200]
    assert b"connection: close" in closed

    with one.connected() as client:
        for _ in range(2):
            client.sendall(b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b"connection: keep-alive" in client.recv(4096)


@pytest.mark.parametrize(
    "pieces", [[BODY], [BODY[:3], BODY[3:]], [BODY[i : i + 1] for i in range(15)]]
)
def test_a_body_may_come_in_chunks(one: serving.Served, pieces: list[bytes]) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    raw = one.said(
        b"POST /classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + chunks
        + b"0\r\nX-Request-Id: a trailer is no header\r\n\r\n"
    )

    assert statuses(raw) == [200]
    assert b'"caller_id":null' in raw


def test_a_request_may_come_byte_by_byte(one: serving.Served) -> None:
    with one.connected() as client:
        for byte in LAST:
            client.sendall(bytes([byte]))
        assert statuses(serving.everything(client)) == [200]


def test_a_client_that_asks_first_is_told_to_go_on(one: serving.Served) -> None:
    with one.connected() as client:
        client.sendall(
            b"POST /classify HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\n"
            + LENGTH
            + b"\r\n"
        )
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BODY)
        assert statuses(serving.everything(client)) == [200]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /classify HTTP/1.1\r\nContent-Length: 9999999\r\n", 413),
        (b"POST /nowhere HTTP/1.1\r\nContent-Length: 5\r\n", 404),
        (b"POST /livez HTTP/1.1\r\nContent-Length: 5\r\n", 405),
    ],
)
def test_or_that_it_need_not(one: serving.Served, head: bytes, status: int) -> None:
    assert statuses(one.said(head + b"Expect: 100-continue\r\n\r\n")) == [status]


def test_half_a_connection_is_enough_to_be_answered(one: serving.Served) -> None:
    assert statuses(one.said(ASK, ends=True)) == [200]


def test_an_upgrade_is_not_taken(one: serving.Served) -> None:
    raw = one.said(
        b"GET /livez HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n"
    )

    assert statuses(raw) == [200]


# what it does not


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS where there is none
        (b"GET /livez HTTP/9.9\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /livez HTTP/2.0\r\n\r\n", 505),
        (b"GET /livez\r\n\r\n", 400),
        (b"GET  HTTP/1.1\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n: no name\r\n\r\n", 400),
        (b"POST /classify HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /classify HTTP/1.1\r\nContent-Length: five\r\n\r\n", 400),
        (b"POST /classify HTTP/1.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
        (b"POST /classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST /classify HTTP/1.1\r\nExpect: a pony\r\n" + LENGTH + b"\r\n" + BODY, 417),
        (b"GET /livez HTTP/1.1\r\nX: " + b"y" * exchange.HEAD_MAX + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * exchange.HEAD_MAX + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 6000 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nX: " + b"y" * 3_000_000, 431),
    ],
)
def test_what_is_no_request_is_told_so_and_closed(
    one: serving.Served, raw: bytes, status: int
) -> None:
    assert statuses(one.said(raw)) == [status]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
    ],
)
def test_a_request_with_two_ends_is_refused_and_nothing_after_it_is_heard(
    one: serving.Served, head: bytes
) -> None:
    raw = one.said(b"POST /classify HTTP/1.1\r\n" + head + b"\r\n0\r\n\r\n" + LIVE)

    assert statuses(raw) == [400]


def test_a_chunked_body_of_http_1_0_has_two_ends_too(one: serving.Served) -> None:
    raw = one.said(b"POST /classify HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    assert statuses(raw) == [400]


def test_whoever_is_told_of_an_error_has_been_answered_what_came_before(
    one: serving.Served,
) -> None:
    assert statuses(one.said(ASK + b"nonsense\r\n\r\n" + LIVE)) == [200, 400]


def test_a_large_body_is_read_to_its_refusal_even_by_who_sends_all_of_it_first(
    one: serving.Served,
) -> None:
    assert one.ask("POST", "/classify", b"x" * 5_000_000).status == 413


@pytest.mark.parametrize("endless", [b"1;" + b"x" * 60_000 + b"\r\nx\r\n", b"1\r\nx\r\n" * 10_000])
def test_chunks_that_hold_next_to_nothing_come_to_an_end(
    one: serving.Served, endless: bytes
) -> None:
    head = b"POST /classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with one.connected() as client:
        client.sendall(head)
        with contextlib.suppress(OSError):
            for _ in range(12_000_000 // len(endless)):
                client.sendall(endless)
        assert statuses(serving.everything(client)) == [413]


# half the way


@pytest.mark.parametrize(
    "part",
    [
        b"P",
        b"POST /classify HTTP/1.1\r\nContent-Le",
        b"POST /classify HTTP/1.1\r\nContent-Length: 500\r\n\r\n{",
        b"POST /classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_who_stops_half_way_is_told_408_and_closed(hurried: serving.Served, part: bytes) -> None:
    raw = hurried.said(part)

    assert statuses(raw) == [408]
    assert b"connection: close" in raw


@pytest.mark.parametrize("head", [b"", b"POST /classify HTTP/1.1\r\nContent-Length: 500\r\n\r\n"])
def test_dripping_buys_no_time(hurried: serving.Served, head: bytes) -> None:
    with hurried.connected() as client:
        client.sendall(head + b"P")
        with contextlib.suppress(OSError):
            for _ in range(400):
                client.sendall(b"O")
                time.sleep(0.02)
            pytest.fail("it was let drip for eight seconds")


def test_a_connection_that_asks_nothing_is_closed_without_a_word(hurried: serving.Served) -> None:
    assert hurried.said(b"") == b""
    assert statuses(hurried.said(LIVE)) == [200]


def test_whoever_does_not_read_is_not_written_to_for_ever(hurried: serving.Served) -> None:
    """Replies that nobody takes fill 64 KiB here and the system's buffers, and no more."""
    with hurried.connected() as client, contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(1000):
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 16)
            time.sleep(0.01)
        pytest.fail("all of it was taken")

    assert hurried.ask("GET", "/livez").status == 200


def test_the_other_clients_go_on_beside_more_half_way_ones_than_there_is_room_for(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 bodies of which one byte came, in a room for 20: the oldest go for the new ones."""
    monkeypatch.setattr(listening, "MOST", 20)
    part = b"POST /classify HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{"
    with serving.serving(made(models)) as one, contextlib.ExitStack() as open_ones:
        clients = [open_ones.enter_context(one.connected()) for _ in range(60)]
        for client in clients:
            client.sendall(part)

        assert one.classify({"text": "faq"})[0] == 200
        assert one.ask("GET", "/readyz").status == 200
        assert statuses(serving.everything(clients[0])) in ([408], [])


def test_bodies_that_are_never_whole_take_a_bounded_memory(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 clients, each with 100 kB of a body, where 1 MB is let be: the oldest go."""
    monkeypatch.setattr(crowd, "HELD_MAX", 1_000_000)
    part = b"POST /classify HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000
    with serving.serving(made(models)) as one, contextlib.ExitStack() as open_ones:
        clients = [open_ones.enter_context(one.connected()) for _ in range(30)]
        for client in clients:
            client.sendall(part)

        assert one.classify({"text": "faq"})[0] == 200
        gone = [statuses(serving.everything(client)) for client in clients[:15]]
        assert set(map(tuple, gone)) <= {(408,), ()}
        clients[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            clients[-1].recv(1)


def test_there_is_room_for_as_many_as_there_are_descriptors() -> None:
    """Where an operator allows 1,024, some are left for Kafka, Postgres and the models."""
    told = "from services.gateway import listening; print(listening._room())"
    shell = f'ulimit -n 1024; exec {sys.executable} -c "{told}"'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)

    assert int(done.stdout) == 874


def test_dropped_clients_leave_no_traceback(
    one: serving.Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    parts = [ASK, ASK[:-3], b"POST", b"", LIVE * 50]
    for part in parts * 20:
        client = one.connected()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        client.sendall(part)
        client.close()

    assert one.classify({"text": "faq"})[0] == 200
    said = [record for record in caplog.records if "this round failed" not in record.message]
    assert (said, capfd.readouterr().err) == ([], "")


# the end


def ends(one: serving.Served) -> bool:
    """Whether it ends when it is told, whoever is still connected."""
    one.stop.set()
    one.thread.join(30)
    return not one.thread.is_alive()


@pytest.mark.parametrize("part", [b"", b"POST", ASK[:-1]])
def test_an_open_client_does_not_hold_up_the_end(
    models: Path, part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_DRAIN_S", 0.2)
    with serving.serving(made(models)) as one, one.connected() as client:
        client.sendall(part)
        assert one.ask("GET", "/livez").status == 200
        assert ends(one)


def test_what_is_in_hand_at_the_end_is_answered_and_logged(models: Path) -> None:
    with serving.serving(made(models)) as one:
        with one.connected() as client:
            many = b'{"messages": [%b]}' % b", ".join([BODY] * 64)
            head = b"POST /classify HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(many)
            client.sendall(head + many)
            while not one.gateway.classifier.workers.in_hand:
                if one.gateway.emitter.lines:  # type: ignore[attr-defined]
                    break
            one.stop.set()
            raw = serving.everything(client)
        assert statuses(raw) == [200]
        assert ends(one)
        assert len(one.gateway.emitter.lines) == 64  # type: ignore[attr-defined]


# who may ask


@pytest.fixture(scope="module")
def guarded(models: Path) -> Iterator[serving.Served]:
    with serving.serving(made(models, token="s3cret-é")) as served:
        yield served


@pytest.mark.parametrize(
    "shown", [None, "", "Bearer", "Bearer ", "Bearer s3cret", "Basic s3cret-é", "s3cret-é"]
)
def test_without_the_token_nobody_is_heard(guarded: serving.Served, shown: str | None) -> None:
    headers: Any = {} if shown is None else {"authorization": shown.encode()}
    for method, path in (("POST", "/classify"), ("GET", "/metrics"), ("GET", "/")):
        answer = guarded.ask(method, path, BODY if method == "POST" else None, headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert [guarded.ask("GET", path).status for path in ("/livez", "/readyz")] == [200, 200]
    assert guarded.gateway.emitter.lines == []  # type: ignore[attr-defined]


def test_with_it_everybody_is(guarded: serving.Served) -> None:
    shown: Any = {"authorization": "Bearer s3cret-é".encode()}

    assert guarded.classify({"text": "faq"}, shown)[0] == 200
    assert guarded.ask("GET", "/metrics", headers=shown).status == 200
    guarded.gateway.emitter.lines.clear()  # type: ignore[attr-defined]


def test_a_large_body_without_the_token_is_not_even_read(guarded: serving.Served) -> None:
    raw = guarded.said(b"POST /classify HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")

    assert statuses(raw) == [401]


def test_threads_of_all_these_gateways_have_ended() -> None:
    names = [thread.name for thread in threading.enumerate()]

    assert names.count("answer-0") <= 2, "those of this module's two"
