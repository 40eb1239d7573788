"""What stands before the boards: a token, if one is asked for; and HEAD, which is answered as
GET.
"""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services import bearer


class Door:
    """The application behind a token. The server leaves the body of a reply to HEAD out."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        shown = bearer.shown(headers.get(b"authorization", b""), self._token)
        if not shown and scope["path"] not in bearer.OPEN:
            challenge = {"WWW-Authenticate": bearer.CHALLENGE}
            refused = JSONResponse({"detail": "Unauthorized"}, 401, challenge)
            await refused(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
