"""Pure. What the offsets are offsets in, and what lies behind them that nobody may read."""

from collections.abc import Sequence

from services.alarms import state, transactions
from services.doctor import findings
from streams import identity


def another_topic(
    partitions: Sequence[state.Partition], topic: str, now: str
) -> findings.Finding | None:
    """That the offsets are not of the topic that is there, whose id is `now`.

    >>> another_topic([], "t", "abc") is None
    True
    """
    read = {p.topic_id for p in partitions if p.topic_id}
    for other in sorted(read - {now}):
        cause, _, remedy = identity.another(topic, other, now).partition("; ")
        return findings.Finding("topic", findings.Status.FAIL, cause, remedy)
    return None


def open_transactions(partitions: Sequence[state.Partition]) -> findings.Finding | None:
    """Records that wait behind an open transaction: no lag, for nobody may read them."""
    waiting = [p for p in partitions if p.behind_open]
    if not waiting:
        return None
    places = [f"{p.behind_open} records in partition {p.part}" for p in waiting]
    detail = f"behind an open transaction: {', '.join(places)}"
    if any(map(transactions.hanging, waiting)):
        return findings.Finding("open", findings.Status.WARN, detail, transactions.END_TRANSACTION)
    return findings.Finding("open", findings.Status.OK, detail)
