"""Label at a terminal: one message, one answer, one transaction. Interrupted at any moment, what
was answered is kept and is not asked again.
"""

import datetime as dt
import sys
from collections.abc import Callable, Collection, Sequence
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

    The message on the screen is held by an advisory lock of this connection: a second annotator is
    shown another one, and Postgres frees it when the connection ends, however it ends. An answer is
    committed before the next message is shown; an interrupted commit is in whole or not at all, and
    the queue knows which.
    """
    answered = 0
    passed: set[str] = set()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as serving:
        serving.detach()  # closed at the end, not given back to a pool with its locks
        while answered < limit:
            row = screen.serve(
                serving,
                annotator,
                passed,
                twice_share,
                wanted,
                plan,
            )
            if row is None:
                sys.stderr.write("nothing waits for you\n")
                break
            choice = _choice(row, read)
            if choice is None:
                break

            req_id = row["req_id"]
            if isinstance(choice, answer.Choice):
                _commit(engine, req_id, annotator, choice)
                answered += 1
            passed.add(req_id)
            screen.release(serving, req_id)
    return answered


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
