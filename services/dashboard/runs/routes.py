"""The boards of runs over HTTP: /runs, /training and /validation for people, the same under /api/
for programs, and a run's whole page at /report.
"""

import base64
import hashlib
from typing import Any, Final

import jinja2
import msgspec
import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from retrain.train.report import page, style, summary
from services.dashboard import readable
from services.dashboard.runs import boards, store

REFRESH_S: Final = 10  # of a run that is under way
_NO_RUN: Final[dict[str, Any]] = {"run": None, "panels": []}
_HASH: Final = base64.b64encode(hashlib.sha256(style.STYLE.encode()).digest()).decode()
# Its one style stands within it, as it does in the file that `report --html` writes.
_ONE_FILE: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add(app: FastAPI, engine: sa.Engine, pages: jinja2.Environment) -> None:
    """Answer at these paths."""
    _for_people(app, engine, pages)
    _for_programs(app, engine)

    @app.get("/drawn.css")
    async def drawn() -> Response:
        return Response(style.DRAWN, media_type="text/css")

    @app.exception_handler(store.UnknownRun)
    async def unknown(request: Request, error: store.UnknownRun) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": f"no run {error}"}, 404)
        return HTMLResponse(pages.get_template("unknown.html").render(run=str(error)), 404)


def _for_people(app: FastAPI, engine: sa.Engine, pages: jinja2.Environment) -> None:
    def shown(kind: boards.Kind, run: str, refresh: str) -> Response:
        with readable.readable():
            told = store.told(engine, run)
        every = told is not None and boards.under_way(told.run.run) and refresh != "off"
        known: dict[str, Any] = {"boards": boards, "summary": summary, "kind": kind}
        template = pages.get_template("run.html")
        return HTMLResponse(template.render(known, told=told, refresh=REFRESH_S * every))

    @app.get("/training")
    def training(run: str = "", refresh: str = "") -> Response:
        return shown(boards.Kind.TRAINING, run, refresh)

    @app.get("/validation")
    def validation(run: str = "", refresh: str = "") -> Response:
        return shown(boards.Kind.VALIDATION, run, refresh)

    @app.get("/runs")
    def runs() -> Response:
        with readable.readable():
            listed = store.listed(engine)
        template = pages.get_template("runs.html")
        return HTMLResponse(template.render(runs=listed, summary=summary, most=store.MOST))

    @app.get("/report")
    def report(run: str = "") -> Response:
        with readable.readable():
            told = store.told(engine, run)
        if told is None:
            raise store.UnknownRun(run)
        headers = {"Content-Security-Policy": _ONE_FILE}
        return HTMLResponse(page.render(told.run), headers=headers)


def _for_programs(app: FastAPI, engine: sa.Engine) -> None:
    @app.get("/api/training")
    def training(run: str = "") -> Response:
        with readable.readable():
            told = store.told(engine, run)
        return _json(boards.plain_training(told) if told else _NO_RUN)

    @app.get("/api/validation")
    def validation(run: str = "") -> Response:
        with readable.readable():
            told = store.told(engine, run)
        return _json(boards.plain_validation(told) if told else _NO_RUN)

    @app.get("/api/runs")
    def runs() -> Response:
        with readable.readable():
            listed = store.listed(engine)
        return _json([boards.plain_run(run) for run in listed])


def _json(body: object) -> Response:
    """Times in UTC; what is no number is null."""
    return Response(msgspec.json.encode(body), media_type="application/json")
