"""A gateway on a real socket in this process, and its clients: polite ones over http.client, others
byte by byte.
"""

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import asgi
import uvloop

from services import ports
from services.gateway import app, listening


class Emitter:
    """Keeps what is emitted; the same calls as the one that sends."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.fatal: str | None = None

    def start(self) -> None: ...

    def stop(self, timeout_s: float) -> None: ...

    def emit(self, line: bytes) -> None:
        self.lines.append(line)

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@dataclass
class Served:
    """Where a gateway answers, and what stops it."""

    gateway: app.Gateway
    port: int
    stop: threading.Event
    thread: threading.Thread
    tls: ssl.SSLContext | None = None

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> asgi.Answer:
        if self.tls is None:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        else:
            client = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=30, context=self.tls
            )
        client.request(method, path, body, dict(headers or {}))
        answer = client.getresponse()
        content = answer.read()
        client.close()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return asgi.Answer(answer.status, named, content)

    def classify(self, body: object, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.ask("POST", "/classify", raw, headers)
        return answer.status, answer.json()

    def metrics(self) -> dict[str, float]:
        """Each series of /metrics, as it is written there."""
        lines = self.ask("GET", "/metrics").text.splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def said(self, raw: bytes, *, ends: bool = False) -> bytes:
        """All that comes back for these bytes until the gateway hangs up; `ends`: the client says
        that it sends no more.
        """
        with self.connected() as client:
            client.sendall(raw)
            if ends:
                client.shutdown(socket.SHUT_WR)
            return everything(client)


def everything(client: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def serving(
    gateway: app.Gateway,
    tls: ssl.SSLContext | None = None,
    trusts: ssl.SSLContext | None = None,
) -> Iterator[Served]:
    """A gateway that answers until the end of the block, or until `stop` is set."""
    (port,) = ports.free(1)
    stop = threading.Event()

    async def serve() -> None:
        stopping = asyncio.Event()

        async def wait() -> None:
            await asyncio.to_thread(stop.wait)
            stopping.set()

        waiting = asyncio.create_task(wait())
        await listening.serve(gateway, "127.0.0.1", port, stopping, tls)
        await waiting

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    try:
        while not ports.listening(port):
            assert thread.is_alive()
        yield Served(gateway, port, stop, thread, trusts)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
