"""Pure. Gold questions among the messages that are handed out: now and then, where nobody can know
it, and looking like the others.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

Row = Mapping[str, Any]


class Plan(NamedTuple):
    """Which share of what is handed out is gold, and the verified intents that are asked about
    first: those in which somebody is in doubt.
    """

    share: float = 0.0
    first: Collection[str] = ()


NO_GOLD: Final = Plan()


def due(turn: str, share: float) -> bool:
    """Whether a gold question comes in this turn: in a share of all turns, by a hash, so that
    nobody can count them off, and the same turn always has the same answer.

    >>> turns = [f"a7 {number}" for number in range(10_000)]
    >>> 150 < sum(due(turn, 0.02) for turn in turns) < 250
    True
    """
    digest = hashlib.sha256(turn.encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def mixed(waiting: Sequence[Row], gold: Sequence[Row], share: float, limit: int) -> list[Row]:
    """At most `limit` of the messages that wait, with gold questions, as far as there are any, in
    front of a share of them. A question has the time and the queue of the message behind it: its
    own would show among them.
    """
    rows: list[Row] = []
    questions = iter(gold)
    for row in waiting:
        question = next(questions, None) if due(row["req_id"], share) else None
        if question is not None:
            rows.append({**question, "ts": row["ts"], "queue": row["queue"]})
        rows.append(row)
    return rows[:limit]
