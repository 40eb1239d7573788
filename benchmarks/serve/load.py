"""An open-loop load over HTTP/1.1: `python -m benchmarks.serve.load PORT RATE SECONDS SEED < texts`
prints one line of JSON.

Requests have Poisson arrivals that nobody's slowness moves, and a latency is taken from the
scheduled arrival: a server that stands still for a second makes all of that second's requests late,
also those that could not even be sent (coordinated omission accounted for). Keep-alive connections;
where all are busy another one is opened, up to `_CONNECTIONS`.
"""

import dataclasses
import json
import math
import random
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

_CONNECTIONS: Final = 256
_WARM_S: Final = 1.0  # at the same rate, and not counted
_PATIENCE_S: Final = 10.0  # after the last arrival


@dataclass(frozen=True, slots=True)
class Load:
    """What came back of n requests. Latencies in milliseconds of those that were answered, by rank
    ceil(q n); `shed` were told 429, `failed` anything else, or nothing.
    """

    n: int
    ok: int
    shed: int
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(slots=True)
class Client:
    """One connection and what is asked on it. `due`: when that was scheduled."""

    socket: socket.socket
    due: float = 0.0
    got: bytearray = field(default_factory=bytearray)


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Instants in [0, seconds) of a Poisson process.

    >>> len(list(arrivals(1000, 10, seed=1))) / 10
    1000.6
    """
    rng = random.Random(seed)  # noqa: S311
    at = rng.expovariate(rate)
    while at < seconds:
        yield at
        at += rng.expovariate(rate)


def status(got: bytes) -> int | None:
    """The status of a whole reply; None while some of it is missing.

    >>> status(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{")
    >>> status(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    200
    """
    head, blank, body = got.partition(b"\r\n\r\n")
    if not blank:
        return None
    lowered = head.lower()
    if b"\r\ntransfer-encoding:" in lowered:
        return int(head[9:12]) if body.endswith(b"0\r\n\r\n") else None
    length = int(lowered.partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0])
    return int(head[9:12]) if len(body) >= length else None


class Loader:
    """Sends what is due and reads what comes, in one thread."""

    def __init__(self, port: int, texts: Sequence[str]) -> None:
        self._address = ("127.0.0.1", port)
        self._requests = [_request(text) for text in texts]
        self._idle: list[Client] = []
        self._busy: dict[int, Client] = {}
        self._late: deque[tuple[float, int]] = deque()  # due, and no connection is free
        self.outcomes: list[tuple[float, float, int]] = []  # due, ended, status

    def run(self, dues: Sequence[float]) -> None:
        """`dues`: on the clock of perf_counter."""
        end = dues[-1] + _PATIENCE_S
        number = 0
        while number < len(dues) or self._busy or self._late:
            now = time.perf_counter()
            if now > end:
                break
            while number < len(dues) and dues[number] <= now:
                self._late.append((dues[number], number))
                number += 1
            while self._late and self._send(*self._late[0]):
                self._late.popleft()
            until = dues[number] if number < len(dues) else now + 0.1
            self._read(max(0.0, until - time.perf_counter()))
        for client in self._busy.values():
            self.outcomes.append((client.due, math.inf, 0))
        self.outcomes += [(due, math.inf, 0) for due, _ in self._late]

    def _send(self, due: float, number: int) -> bool:
        client = self._client()
        if client is None:
            return False
        client.due = due
        client.got.clear()
        try:
            client.socket.sendall(self._requests[number % len(self._requests)])
        except OSError:
            self._end(client, 0)
            return True
        self._busy[client.socket.fileno()] = client
        return True

    def _client(self) -> Client | None:
        if self._idle:
            return self._idle.pop()
        if len(self._busy) >= _CONNECTIONS:
            return None
        made = socket.create_connection(self._address)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Client(made)

    def _read(self, wait_s: float) -> None:
        ready, _, _ = select.select(list(self._busy), [], [], wait_s)
        for descriptor in ready:
            client = self._busy[descriptor]
            try:
                part = client.socket.recv(65536)
            except OSError:
                part = b""
            client.got += part
            told = status(bytes(client.got)) if part else 0
            if told is not None:
                del self._busy[descriptor]
                self._end(client, told)

    def _end(self, client: Client, told: int) -> None:
        self.outcomes.append((client.due, time.perf_counter(), told))
        if told and b"connection: close" not in client.got.lower():
            self._idle.append(client)
        else:
            client.socket.close()


def _request(text: str) -> bytes:
    body = json.dumps({"text": text}).encode()
    head = "POST /classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def measured(outcomes: Sequence[tuple[float, float, int]]) -> Load:
    """Of due, ended and status.

    >>> measured([(0.0, 0.002, 200), (1.0, 1.004, 200), (2.0, 2.1, 429), (3.0, 3.0, 0)])
    Load(n=4, ok=2, shed=1, failed=1, p50_ms=2.0, p95_ms=4.0, p99_ms=4.0)
    """
    took = sorted(ended - due for due, ended, told in outcomes if told == 200)
    shed = sum(told == 429 for _, _, told in outcomes)
    failed = len(outcomes) - len(took) - shed
    ranks = [round(_ranked(took, q) * 1000, 3) for q in (0.5, 0.95, 0.99)]
    return Load(len(outcomes), len(took), shed, failed, *ranks)


def _ranked(ordered: Sequence[float], q: float) -> float:
    return ordered[math.ceil(q * len(ordered)) - 1] if ordered else math.nan


def main() -> None:
    """Load a port."""
    port, rate, seconds, seed = sys.argv[1:]
    texts = json.load(sys.stdin)
    loader = Loader(int(port), texts)
    begun = time.perf_counter() + 0.1
    whole_s = float(seconds) + _WARM_S
    loader.run([begun + at for at in arrivals(float(rate), whole_s, int(seed))])
    counted = [each for each in loader.outcomes if each[0] >= begun + _WARM_S]
    print(json.dumps(dataclasses.asdict(measured(counted))))


if __name__ == "__main__":
    main()
