"""Label at a terminal: one message, one answer, one transaction. Interrupted at any moment, what
was answered is kept and is not asked again.
"""

import contextlib
import datetime as dt
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from retrain.intake import labels as files
from schemas import escaping, events, present
from services.labels import accept, answer, guideline, mix
from services.labels.serve import store as screen

_PROMPT = "intent [and also ...], ? if nobody can tell, s to skip, q to stop: "


def session(
    engine: sa.Engine,
    annotator: str,
    twice_share: float,
    limit: int,
    read: Callable[[], str] = input,
    wanted: Collection[str] = (),
    plan: mix.Plan = mix.NO_GOLD,
) -> int:
    """Ask about up to `limit` messages, those of the `wanted` intents first; returns how many were
    answered. Raises KeyboardInterrupt, with all that was answered in place.

    The message on the screen is held by a lease: a second annotator is shown another one. It is
    free when the session ends, and where that is killed ten minutes after it was shown. An answer
    is committed before the next message is shown; an interrupted commit is in whole or not at all,
    and the queue knows which.
    """
    answered = 0
    passed: set[str] = set()
    while answered < limit:
        with engine.begin() as connection:
            row = screen.serve(
                connection,
                annotator,
                passed,
                twice_share,
                wanted,
                plan,
            )
        if row is None:
            sys.stderr.write("nothing waits for you\n")
            break
        with _shown_here(engine, annotator, row["req_id"]):
            choice = _choice(row, read)
            if isinstance(choice, answer.Choice):
                _commit(engine, row["req_id"], annotator, choice)
                answered += 1
        if choice is None:
            break
        passed.add(row["req_id"])
    return answered


@contextlib.contextmanager
def _shown_here(engine: sa.Engine, annotator: str, req_id: str) -> Iterator[None]:
    """While a message is on the screen; however that ends, it is free then."""
    try:
        yield
    finally:
        with engine.begin() as connection:
            screen.release(connection, annotator, req_id)


def _choice(row: Any, read: Callable[[], str]) -> answer.Choice | str | None:
    """The answer, `skip`, or None to stop; asked again until it is one of them."""
    sys.stderr.write(_shown(row))
    while True:
        sys.stderr.write(_PROMPT)
        sys.stderr.flush()
        try:
            typed = read()
        except EOFError:
            return None
        choice = answer.parse(typed)
        if isinstance(choice, answer.Choice) or choice == "skip":
            return choice
        if choice == "quit":
            return None
        # A sentence that says what is wrong with what was typed.
        sys.stderr.write(escaping.printable(choice) + "\n")


def _shown(row: Any) -> str:
    """The message, and what the guideline says of its likely intents."""
    likely = guideline.likely(row["intent"], row["second_intent"])
    rules = guideline.rules(likely)
    decides = guideline.between(likely)

    lines = ["", escaping.printable(row["text"])]
    for intent in likely:
        rule = rules.get(intent)
        lines.append(f"  {intent}: {rule}" if rule else f"  {intent}")
    if decides:
        lines.append(f"  {decides}")
    lines += [f"  {guideline.TWO_WISHES}", _numbers(likely), ""]
    return "\n".join(lines)


def _numbers(likely: Sequence[str]) -> str:
    """The choices: all of them where they fit, else the likeliest, and how to find the others."""
    if len(present.INTENTS) <= answer.GLANCE:
        return answer.numbered(present.INTENTS)
    total = len(present.INTENTS)
    numbered = answer.numbered(likely)
    return f"{numbered}  or type a part of a name to find one of the {total}"


def _commit(
    engine: sa.Engine,
    req_id: str,
    annotator: str,
    choice: answer.Choice,
) -> None:
    """Store one answer, in a transaction of its own."""
    label = events.HumanLabel(
        req_id,
        annotator,
        dt.datetime.now(dt.UTC),
        choice.intent,
        choice.also,
        "label" if choice.intent else "cannot_tell",
    )
    with engine.begin() as connection:
        accept.labels(connection, [files.Line(1, label)])
