"""Ask an application without a server: one request in, one answer out, as ASGI defines them."""

import asyncio
import json
import urllib.parse
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

Event = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as a page."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    app: ASGIApp,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    client: str = "127.0.0.1",
) -> Answer:
    """The application's answer to one request from the machine `client`."""
    place = urllib.parse.urlsplit(url)
    named = {"host": place.netloc} | dict(headers or {})
    scope: Event = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": place.scheme,
        "method": method,
        "path": place.path,
        "raw_path": place.path.encode(),
        "root_path": "",
        "query_string": place.query.encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in named.items()
        ],
        "client": (client, 5),
        "server": (place.hostname, 80),
    }
    return asyncio.run(_answer(app, scope, body))


async def _answer(app: ASGIApp, scope: Event, body: bytes) -> Answer:
    asked: list[Event] = [{"type": "http.request", "body": body, "more_body": False}]
    parts: list[Event] = []
    ended = asyncio.Event()

    async def receive() -> Event:
        if asked:
            return asked.pop()
        await ended.wait()  # the client stays until it has its answer
        return {"type": "http.disconnect"}

    async def send(event: Event) -> None:
        parts.append(event)
        if event["type"] == "http.response.body" and not event.get("more_body"):
            ended.set()

    await app(scope, receive, send)
    start, *rest = parts
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in rest))
