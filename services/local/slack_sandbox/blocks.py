"""Pure. What Slack says of blocks and metadata it is given: the limits of its Block Kit reference,
checked apart from the code that composes.

Knows header, section, context and divider; another type is refused, so a message that uses one is
noticed here.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

_TOTAL: Final = 12_000


def problems(blocks: Any) -> list[str]:
    """Every rule the blocks break, as Slack words it; empty if they are fine."""
    if not isinstance(blocks, list):
        return ["blocks must be an array"]
    broken = []
    if len(blocks) > 50:
        broken.append("no more than 50 items allowed [json-pointer:/blocks]")
    for number, block in enumerate(blocks):
        for rule in _broken(block):
            broken.append(f"{rule} [json-pointer:/blocks/{number}]")
    return broken


def _broken(block: Any) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    check = _CHECKS.get(str(kind))
    if check is None:
        yield f"unsupported type: {kind}"
    else:
        yield from check(block)


def too_long(text: str, blocks: Any) -> bool:
    """Whether the whole message is over what Slack takes."""
    return len(json.dumps({"text": text, "blocks": blocks})) > _TOTAL


def metadata_fits(metadata: Any) -> bool:
    """Whether this is message metadata."""
    return (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )


def _text(
    text: Any,
    limit: int,
    kinds: tuple[str, ...] = ("plain_text", "mrkdwn"),
) -> Iterator[str]:
    written = text.get("text") if isinstance(text, dict) else None
    if not isinstance(written, str):
        yield "missing required field: text"
    elif text.get("type") not in kinds:
        yield f"text must be one of {', '.join(kinds)}"
    elif not written:
        yield "must be more than 0 characters"
    elif len(written) > limit:
        yield f"must be less than {limit + 1} characters"


def _header(block: dict[str, Any]) -> Iterator[str]:
    yield from _text(block.get("text"), 150, ("plain_text",))


def _section(block: dict[str, Any]) -> Iterator[str]:
    fields = block.get("fields")
    if "text" in block or fields is None:
        yield from _text(block.get("text"), 3000)
    if fields is not None:
        yield from _texts("fields", fields, 2000)


def _context(block: dict[str, Any]) -> Iterator[str]:
    yield from _texts("elements", block.get("elements"), 3000)


def _texts(name: str, texts: Any, limit: int) -> Iterator[str]:
    if not isinstance(texts, list) or not 1 <= len(texts) <= 10:
        yield f"{name} must have 1 to 10 items"
        return
    for text in texts:
        yield from _text(text, limit)


def _divider(_: dict[str, Any]) -> Iterator[str]:
    yield from ()


_CHECKS: Final[dict[str, Callable[[dict[str, Any]], Iterator[str]]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "divider": _divider,
}
