"""Pure. Slack's blocks and their limits: how a text is cut to them with a mark. The one place that
escapes what others wrote.
"""

import copy
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

Block = dict[str, Any]

HEADER: Final = 150
SECTION: Final = 3000
FIELD: Final = 2000
FIELDS: Final = 10
BLOCKS: Final = 50
TOTAL: Final = 12_000  # the whole message as JSON, as it goes over the wire
MARK: Final = " … (cut)"
_LEAST: Final = 2 * len(MARK)
# The ampersand first: the others bring their own.
_LITERALS: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "`": "'",
}


def escape(text: str) -> str:
    """Text others wrote, as mrkdwn shows it literally: no mention, no link, no end of a code span.

    >>> escape("<!channel> a & `b`")
    "&lt;!channel&gt; a &amp; 'b'"
    """
    for letter, literal in _LITERALS.items():
        text = text.replace(letter, literal)
    return text


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; a mark says that something is missing, and no entity is left in
    halves.

    >>> cut("a long sentence &amp; more", 18)
    'a long sen … (cut)'
    """
    if len(text) <= limit:
        return text
    kept = text[: limit - len(MARK)]
    begin = kept.rfind("&", max(0, len(kept) - 4))
    if begin >= 0 and ";" not in kept[begin:]:
        kept = kept[:begin]
    return kept + MARK


def size(text: str, blocks: list[Block]) -> int:
    """Characters of the message as JSON."""
    message = {"text": text, "blocks": blocks}
    return len(json.dumps(message))


def fitted(text: str, blocks: list[Block]) -> tuple[str, list[Block]]:
    """The message within Slack's total: the longest text, the one for phones included, gives way
    first, halved until all fits.
    """
    fallback = {"text": cut(text, SECTION)}
    blocks = copy.deepcopy(blocks[:BLOCKS])
    while size(fallback["text"], blocks) > TOTAL:
        texts = (fallback, *_texts(blocks))
        longest = max(texts, key=_length)
        letters = len(longest["text"])
        if letters <= _LEAST:
            blocks.pop()
        else:
            half = max(letters // 2, _LEAST)
            longest["text"] = cut(longest["text"], half)
    return fallback["text"], blocks


def _length(holder: dict[str, str]) -> int:
    """Of a text as it goes over the wire: a letter that is no ASCII takes six."""
    return len(json.dumps(holder["text"]))


def _texts(blocks: list[Block]) -> Iterator[dict[str, str]]:
    """Every text object of the blocks."""
    for block in blocks:
        if "text" in block:
            yield block["text"]
        yield from block.get("fields", ())
        yield from block.get("elements", ())


def date(at: dt.datetime) -> str:
    """A time in the reader's own zone; the text after the bar is for clients that cannot."""
    seconds = int(at.timestamp())
    plain = f"{at:%Y-%m-%d %H:%M} UTC"
    return f"<!date^{seconds}^{{date_short_pretty}} {{time}}|{plain}>"


def section(text: str) -> Block:
    """A paragraph of mrkdwn."""
    return {
        "type": "section",
        "text": _mrkdwn(text, SECTION),
    }


def context(texts: Sequence[str]) -> Block:
    """Small print."""
    elements = [_mrkdwn(text, FIELD) for text in texts]
    return {
        "type": "context",
        "elements": elements,
    }


def _mrkdwn(text: str, limit: int) -> Block:
    return {
        "type": "mrkdwn",
        "text": cut(text, limit),
    }
