"""Faults on request: the next calls of a method fail the way Slack and networks do. An ASGI layer;
without a queued fault it does nothing.
"""

import asyncio
import collections
from collections.abc import MutableMapping
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Receive, Scope, Send


class Fault(BaseModel):
    """What befalls one call of `method`."""

    method: str
    # lose: refuse before the call counts; drop: accept it and close the connection; slow: accept it
    # and answer late.
    kind: Literal["ratelimited", "error", "lose", "drop", "slow"]
    retry_after: int = Field(1, ge=0, le=3600)
    status: int = Field(500, ge=500, le=599)
    seconds: float = Field(1, ge=0, le=60)


class Faults:
    """The layer and its queue, first in first out for each method."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.queues: dict[str, collections.deque[Fault]] = collections.defaultdict(
            collections.deque
        )

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Serve, or fail as asked."""
        method = scope.get("path", "").removeprefix("/api/")
        if not self.queues.get(method):
            await self._app(scope, receive, send)
            return
        await self._befall(self.queues[method].popleft(), scope, receive, send)

    async def _befall(
        self,
        fault: Fault,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        if fault.kind == "ratelimited":
            await _answer(
                send,
                429,
                b'{"ok":false,"error":"ratelimited"}',
                {b"retry-after": str(fault.retry_after).encode()},
            )
        elif fault.kind == "error":
            await _answer(send, fault.status, b"<html>upstream failed</html>", {})
        elif fault.kind == "lose":
            await _hang_up(receive)
        elif fault.kind == "drop":
            await self._app(scope, receive, _nowhere)
            await _hang_up(receive)
        else:
            await self._app(scope, receive, _late(send, fault.seconds))


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    headers: dict[bytes, bytes],
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json"), *headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def _nowhere(_: MutableMapping[str, Any]) -> None:
    """A client that has gone."""


def _late(send: Send, seconds: float) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(seconds)
        await send(message)

    return sending


async def _hang_up(receive: Receive) -> None:
    """Close the connection without an answer. ASGI has no word for it, so uvicorn's own transport
    is asked.
    """
    receive.__self__.transport.abort()  # type: ignore[attr-defined]
    while (await receive())["type"] != "http.disconnect":
        pass
