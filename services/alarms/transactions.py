"""Pure. Records behind an open transaction: no lag, for nobody may read them before it ends."""

from typing import Final

from schemas import messages
from services.alarms import state

HANGING_S: Final = 15 * 60.0  # transaction.max.timeout.ms of a broker
END_TRANSACTION: Final = (
    "end it at the producer, or find it with Kafka's `kafka-transactions.sh find-hanging`"
    " and end it with `abort`"
)


def hanging(p: state.Partition) -> bool:
    """Whether records have waited behind an open transaction for longer than brokers let one be
    open, unless told otherwise.
    """
    return p.behind_open > 0 and p.lag == 0 and p.still_s > HANGING_S


def alarm(p: state.Partition) -> messages.AlarmRaised:
    """Which records wait, and since when."""
    place = f"{p.topic}/{p.part}"
    return messages.AlarmRaised(
        f"{place}:open:{p.next_offset}",
        f"{place}: {p.behind_open} records wait behind a transaction that has been open"
        f" since {p.moved_at:%Y-%m-%d %H:%M:%S} UTC",
        f"{END_TRANSACTION}; they are counted as soon as it has ended",
    )
