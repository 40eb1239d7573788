"""Pure. A request as it was read from a connection, a reply, and the bytes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import msgspec

HEAD_MAX: Final = 16 * 1024  # bytes of request line and headers
JSON: Final = "application/json"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINES: Final = {int(each): f"HTTP/1.1 {int(each)} {each.phrase}\r\n" for each in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client is told; `headers` beside the content's own type and length."""

    status: int
    body: bytes
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """What a client asks. `began`: when its first byte was read, `headed`: when its head was whole,
    in seconds of a monotonic clock. Names of headers are in small letters, of two with one name the
    last holds. `refusal`: the reply that was clear before the body had come.
    """

    began: float
    target: bytes = b""
    method: str = ""
    path: str = ""
    version: str = "1.1"
    headers: dict[bytes, bytes] = field(default_factory=dict)
    head_bytes: int = 0
    headed: float | None = None
    body: bytearray = field(default_factory=bytearray)
    refusal: Reply | None = None

    @property
    def length(self) -> int:
        """The bytes of its body as far as the head tells: none of a chunked one."""
        return int(self.headers.get(b"content-length") or 0)

    @property
    def has_body(self) -> bool:
        """Whether one follows its head."""
        return self.length > 0 or b"transfer-encoding" in self.headers

    @property
    def keeps(self) -> bool:
        """Whether the client means to ask again on this connection."""
        said = self.headers.get(b"connection", b"").lower()
        words = {word.strip() for word in said.split(b",")}
        return b"keep-alive" in words if self.version == "1.0" else b"close" not in words


def told(status: int, body: object, **headers: str) -> Reply:
    """A reply of JSON; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, msgspec.json.encode(body), headers=named)


def problem(status: int, detail: object | None = None, **headers: str) -> Reply:
    """What is wrong, in words; those of the status where there are no others.

    >>> problem(404).body
    b'{"detail":"Not Found"}'
    """
    return told(status, {"detail": detail or HTTPStatus(status).phrase}, **headers)


def unfit(request: Request) -> Reply | None:
    """Why no request with such a head is heard at all; None where it may be.

    >>> unfit(Request(0.0, headers={b"expect": b"a pony"})).status
    417
    """
    names = request.headers
    if request.head_bytes > HEAD_MAX:
        return problem(431)
    if request.version not in ("1.0", "1.1"):
        return problem(400 if request.version == "0.9" else 505)  # which tells none at all
    if b"transfer-encoding" in names and (b"content-length" in names or request.version == "1.0"):
        # Where two readers may tell the request's end apart, a second request hides in the first.
        return problem(400, "two ways to tell where the body ends")
    if names.get(b"expect", b"100-continue").lower() != b"100-continue":
        return problem(417)
    return None


def encoded(reply: Reply, request: Request, *, last: bool) -> bytes:
    r"""The bytes of a reply to this request; `last`: nothing follows it on its connection.

    >>> encoded(problem(404), Request(0.0, method="HEAD"), last=True).split(b"\r\n")[::3]
    [b'HTTP/1.1 404 Not Found', b'connection: close']
    """
    lines = [
        _LINES[reply.status],
        f"content-type: {reply.kind}\r\ncontent-length: {len(reply.body)}\r\n",
    ]
    lines += [f"{name}: {value}\r\n" for name, value in reply.headers.items()]
    if last:
        lines.append("connection: close\r\n")
    elif request.version == "1.0":
        lines.append("connection: keep-alive\r\n")
    lines.append("\r\n")
    head = "".join(lines).encode()
    return head if request.method == "HEAD" else head + reply.body
