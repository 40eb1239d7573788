"""The load is open, its latencies begin when a request was due, and a table says of the rows what
they hold.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.serve import contestants, figures, load

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextlib.contextmanager
def server(*replies: bytes, stands_s: float = 0.0) -> Iterator[int]:
    """Answers each request with the next of the replies, over and over; before the first one it
    stands still.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        standing = time.perf_counter() + stands_s
        number = iter(range(10**9))

        def answer(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                while client.recv(65536):
                    time.sleep(max(0.0, standing - time.perf_counter()))
                    client.sendall(replies[next(number) % len(replies)])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=answer, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def loaded(port: int, count: int = 40, rate: float = 400) -> load.Load:
    one = load.Loader(port, ["a", "漫画"])
    begun = time.perf_counter()
    one.run([begun + i / rate for i in range(count)])
    for client in one._idle:
        client.socket.close()
    return load.measured(one.outcomes)


def test_everything_that_is_due_is_sent_and_counted() -> None:
    with server(REPLY) as port:
        took = loaded(port)

    assert (took.n, took.ok, took.shed, took.failed) == (40, 40, 0, 0)


def test_refusals_are_shed_and_errors_are_failures() -> None:
    other = [
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]
    with server(REPLY, *other, REPLY) as port:
        took = loaded(port)

    assert (took.ok, took.shed, took.failed) == (20, 10, 10)


def test_a_server_that_stands_still_makes_all_late_that_came_meanwhile() -> None:
    """40 requests are due within 0.1 s; the first answer comes after 0.5 s: 0.4 s late at least,
    each of them, though a closed loop would have seen one.
    """
    with server(REPLY, stands_s=0.5) as port:
        took = loaded(port)

    assert took.ok == 40
    assert took.p50_ms > 400


def test_arrivals_are_poisson_and_the_same_again() -> None:
    twice = [list(load.arrivals(200, 50, seed=3)) for _ in range(2)]
    gaps = [later - earlier for earlier, later in zip(twice[0], twice[0][1:], strict=False)]
    mean = sum(gaps) / len(gaps)

    assert twice[0] == twice[1]
    assert mean == pytest.approx(1 / 200, rel=0.05)
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.02)


def row(who: str, rps: float, **more: Any) -> figures.Row:
    return {
        "who": who,
        "rps": rps,
        "p50_ms": 2.0,
        "p95_ms": 8.0,
        "p99_ms": 12.0,
        "shed": 0.0,
        "failed": 0.0,
        "cpu_ms": 2.0,
        **more,
    }


def test_each_figure_is_the_median_of_its_runs() -> None:
    runs = [row("ours", 500, p95_ms=value) for value in (9.0, 30.0, 8.0)]

    (merged,) = figures.medians(runs)

    assert (merged["p95_ms"], merged["runs"]) == (9.0, 3)


def test_ratios_are_ours_over_theirs_at_the_headline_alone() -> None:
    rows = [row("ours", 500), row("ours", 300, p95_ms=1.0), row("granian", 500, p95_ms=10.0)]

    assert figures.ratios(rows) == {"ours/granian p95_ms": 0.8, "ours/granian cpu_ms": 1.0}
    assert figures.ratios(rows[1:]) == {}


@pytest.mark.parametrize(
    ("more", "holds"),
    [({}, True), ({"p95_ms": 50.1}, False), ({"shed": 0.02}, False), ({"failed": 0.02}, False)],
)
def test_a_rate_is_held_with_a_short_tail_and_nearly_everybody_answered(
    more: dict[str, float], holds: bool
) -> None:
    assert figures.holds(row("ours", 500, **more)) is holds


def test_the_table_has_a_line_for_each_row_and_names_who_is_missing() -> None:
    result = {
        "date": "2026-12-01T10:00:00Z",
        "machine": "2 x a processor",
        "load": 0.2,
        "runs": 2,
        "rows": [row("ours", 500, shed=0.0123)],
        "ratios": {"ours/granian p95_ms": 1.1},
        "further": {"knee": "900 rps"},
        "missing": {"bentoml": "no wheel"},
    }
    lines = figures.table(result).splitlines()

    assert "| ours | 500 | 2.0 | 8.0 | 12.0 | 1.23% | 0.00% | 2.00 |" in lines
    assert "| ours/granian p95_ms | 1.1 |" in lines
    assert lines[-1] == "| bentoml is missing | no wheel |"


def test_every_peer_has_its_program_and_its_requirements() -> None:
    folder = contestants._REQUIREMENTS.parent
    for each in contestants.PEERS:
        assert (folder / "peers" / f"{each.module}.py").is_file()
        assert each.own is None or (folder / "requirements" / f"{each.own}.txt").is_file()
