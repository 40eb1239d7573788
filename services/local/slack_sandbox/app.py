"""Slack for a machine without Slack: the Web API's methods over HTTP, and a page that shows the
messages as Slack would. Loopback only.

It keeps everything in memory and sends nothing anywhere.
"""

import json
import urllib.parse
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from services.local.slack_sandbox import faults, render, workspace

Thread = tuple[workspace.Answer, list[workspace.Answer]]  # a message and its replies

_TEMPLATES: Final = Path(__file__).parent / "templates"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_MOST_BYTES: Final = 1_000_000
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def build(room: workspace.Workspace) -> faults.Faults:
    """The application around a workspace."""
    app = FastAPI(title="Slack sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    layer = faults.Faults(app)
    page = _page_template()

    @app.post("/api/{method}")
    async def method(method: str, request: Request) -> Response:
        arguments = await _arguments(request)
        if arguments is None:
            return JSONResponse({"ok": False, "error": "invalid_json"})
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        token = bearer or arguments.get("token")
        return JSONResponse(room.call(method, token, arguments))

    @app.post("/test/faults")
    async def queue(request: Request, wanted: list[faults.Fault]) -> dict[str, int]:
        _refuse_others(request)
        for fault in wanted:
            layer.queues[fault.method].append(fault)
        return {"queued": len(wanted)}

    @app.get("/")
    async def index() -> Response:
        html = page.render(channels=_channels(room))
        return HTMLResponse(html, headers=_HEADERS)

    @app.get("/style.css")
    async def style() -> Response:
        return _style()

    return layer


def _style() -> Response:
    css = (_TEMPLATES / "style.css").read_text()
    return Response(css, media_type="text/css", headers=_HEADERS)


def _refuse_others(request: Request) -> None:
    """Whoever does not sit at this machine, or was sent here by a page under another name."""
    client = request.client.host if request.client else ""
    if client not in _LOOPBACK or request.url.hostname not in _LOOPBACK:
        raise HTTPException(403, "from this machine only")


def _page_template() -> jinja2.Template:
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"mrkdwn": render.mrkdwn, "clock": render.clock}
    return pages.get_template("index.html")


def _channels(room: workspace.Workspace) -> list[tuple[workspace.Channel, list[Thread]]]:
    return [(channel, _threads(channel)) for channel in room.channels.values()]


def _threads(channel: workspace.Channel) -> list[Thread]:
    """Messages with their replies, oldest first."""
    messages = list(channel.messages.values())
    threads = []
    for root in messages:
        if "thread_ts" not in root:
            replies = [message for message in messages if message.get("thread_ts") == root["ts"]]
            threads.append((root, replies))
    return threads


async def _arguments(request: Request) -> dict[str, Any] | None:
    """A call's arguments, from JSON or from a form whose nested values are JSON; None if they
    cannot be read.
    """
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > _MOST_BYTES:
            raise HTTPException(413, f"over {_MOST_BYTES} bytes")
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            body = json.loads(raw or b"{}")
            return body if isinstance(body, dict) else None

        pairs = urllib.parse.parse_qsl(raw.decode(), keep_blank_values=True)
        form: dict[str, Any] = dict(pairs)
        for name in ("blocks", "metadata"):
            if name in form:
                form[name] = json.loads(form[name])
        return form
    except ValueError:
        return None
