"""Pure. What a body asks: the messages in it, or the place of what is wrong."""

import datetime as dt
from typing import Any, Final

import pydantic_core
from pydantic import BaseModel, Field, ValidationError

from schemas import times

MAX_MESSAGES: Final = 64
MAX_TEXT_BYTES: Final = 8 * 1024
# Each letter escaped at most once, and 1 KiB around each message.
MAX_BODY_BYTES: Final = MAX_MESSAGES * (MAX_TEXT_BYTES * 2 + 1024)
_MAX_ID: Final = 100


class Asked(BaseModel):
    """One message to classify."""

    text: str
    conversation: str | None = Field(None, max_length=200, pattern=r"^[^\x00]*$")


class Batch(BaseModel):
    """Up to 64 messages."""

    messages: list[Asked] = Field(min_length=1)


class Malformed(ValueError):
    """`detail`: each place with what is wrong there."""

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        super().__init__("malformed")
        self.detail = detail


class TooLarge(ValueError):
    """Over a limit; says which."""


def parsed(raw: bytes | bytearray) -> tuple[list[Asked], bool]:
    """The messages and whether they came as a single one. Raises Malformed, TooLarge."""
    try:
        body = pydantic_core.from_json(raw)
        single = not isinstance(body, dict) or "messages" not in body
        messages = _validated(body, single=single)
    except ValidationError as error:
        detail = []
        for problem in error.errors():
            place = ["body", *problem["loc"]]
            detail.append({"loc": place, "msg": problem["msg"]})
        raise Malformed(detail) from None
    except ValueError as error:
        raise Malformed([{"loc": ["body"], "msg": f"not JSON: {error}"}]) from None
    _check_sizes(messages)
    return messages, single


def _validated(body: Any, *, single: bool) -> list[Asked]:
    """Raises pydantic's ValidationError."""
    if single:
        return [Asked.model_validate(body)]
    return Batch.model_validate(body).messages


def _check_sizes(messages: list[Asked]) -> None:
    if len(messages) > MAX_MESSAGES:
        raise TooLarge(f"messages: at most {MAX_MESSAGES}")
    for i, message in enumerate(messages):
        if len(message.text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
            raise TooLarge(f"messages.{i}.text: over {MAX_TEXT_BYTES} bytes")


def event_time(header: bytes) -> dt.datetime:
    """The instant that X-Event-Time names. Raises Malformed.

    >>> event_time(b"2026-04-20T12:00:00+02:00").isoformat()
    '2026-04-20T10:00:00+00:00'
    """
    try:
        return times.instant(header.decode("latin-1"))
    except times.NotATime as error:
        raise Malformed([{"loc": ["header", "X-Event-Time"], "msg": str(error)}]) from None


def caller_id(header: bytes) -> str | None:
    """What X-Request-Id says, None for an empty one. Raises Malformed for what is no printable
    ASCII or has over 100 characters: it stands in logs and comes back in a header's place.

    >>> caller_id(b"a1-b2")
    'a1-b2'
    """
    text = header.decode("latin-1")
    if len(text) > _MAX_ID or not text.isascii() or not text.isprintable():
        words = f"at most {_MAX_ID} characters of printable ASCII"
        raise Malformed([{"loc": ["header", "x-request-id"], "msg": words}])
    return text or None
