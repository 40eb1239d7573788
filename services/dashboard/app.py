"""The boards over HTTP: GET / for people, /api/production and /metrics for programs, /livez and
/readyz; those of runs are in runs/routes.py. Reads Postgres, writes nothing.
"""

import json
from pathlib import Path
from typing import Final

import jinja2
import prometheus_client
import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.middleware.base import RequestResponseEndpoint

from schemas import policy, times
from services.dashboard import (
    board,
    chart,
    facts,
    gauges,
    panels,
    readable,
    store,
    summary,
    words,
)
from services.dashboard.runs import routes
from streams import database

REFRESH_S: Final = 30
_TEMPLATES: Final = Path(__file__).parent / "templates"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGES: Final = ("/", "/runs", "/training", "/validation", "/report")


class Dashboard:
    """Where the figures are and by which policy they are explained."""

    def __init__(self, engine: sa.Engine, rules: policy.Policy, *, test_clock: bool) -> None:
        self.engine = engine
        self.policy = rules
        self.test_clock = test_clock

    def check(self) -> None:
        """Raises readable.Unreadable unless Postgres answers and has its tables."""
        with readable.readable(), self.engine.connect() as connection:
            database.revision(connection)

    def read(self) -> tuple[board.Board, facts.Stream]:
        """The board as it stands, and the stream behind it. Raises readable.Unreadable."""
        horizons = set()
        for judged in panels.JUDGED:
            # A label figure is no window's: its history is in the judged rows alone.
            if not judged.labelled:
                rule: policy.Level = getattr(self.policy.signals, judged.key)
                horizons.add(rule.horizon)
        with readable.readable():
            snapshot = store.read(self.engine, horizons)
        shown = summary.of(snapshot, self.policy, test_clock=self.test_clock)
        return shown, snapshot.stream


def build(dashboard: Dashboard) -> FastAPI:
    """The application."""
    app = FastAPI(title="intentwatch dashboard", docs_url=None, redoc_url=None, openapi_url=None)
    pages = _pages()

    # Plain functions: FastAPI runs them in threads, so a slow database does not hold up /livez.
    @app.get("/")
    def production(refresh: str = "") -> Response:
        shown, _ = dashboard.read()
        every = None if refresh == "off" else REFRESH_S
        page = pages.get_template("board.html")
        return HTMLResponse(page.render(board=shown, refresh=every))

    @app.get("/api/production")
    def api() -> Response:
        shown, _ = dashboard.read()
        body = json.dumps(
            board.plain(shown),
            default=times.rfc3339,
            ensure_ascii=False,
            allow_nan=False,
        )
        return Response(body, media_type="application/json")

    @app.exception_handler(readable.Unreadable)
    async def unreadable(request: Request, error: readable.Unreadable) -> Response:
        if request.url.path in _PAGES:
            page = pages.get_template("unreadable.html")
            return HTMLResponse(page.render(reason=str(error), refresh=REFRESH_S), 503)
        return JSONResponse({"ready": False, "reason": str(error)}, 503)

    routes.add(app, dashboard.engine, pages)
    _probes(app, dashboard)
    _files(app)
    return app


def _probes(app: FastAPI, dashboard: Dashboard) -> None:
    """What machines ask."""

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> dict[str, bool]:
        dashboard.check()
        return {"ready": True}

    @app.get("/metrics")
    def metrics() -> Response:
        try:
            shown, stream = dashboard.read()
            text = gauges.text(shown, stream)
        except readable.Unreadable:
            # A scrape that fails would hide that the dashboard itself is up.
            text = gauges.text(None, None)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)


def _files(app: FastAPI) -> None:
    """The page's own files, and the headers of every answer."""

    @app.get("/style.css")
    async def style() -> Response:
        return Response((_TEMPLATES / "style.css").read_text(), media_type="text/css")

    @app.get("/icon.svg")
    async def icon() -> Response:
        return Response((_TEMPLATES / "icon.svg").read_text(), media_type="image/svg+xml")

    @app.middleware("http")
    async def guarded(request: Request, answer: RequestResponseEndpoint) -> Response:
        response = await answer(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _pages() -> jinja2.Environment:
    """The templates; every value in them is escaped, and one that is missing raises."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    pages.globals |= {"chart": chart, "words": words}
    pages.filters |= {"prose": words.prose}
    return pages
