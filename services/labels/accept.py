"""Take labels in: one transaction, history kept, a report of what they did."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from retrain.intake import labels as files
from schemas import events
from services.labels import annotators, ingest, store
from services.labels.registry import store as registry

Report = dict[str, Any]
_TOLD: Final = 1_000  # of the rejected lines; a file may have millions


@dataclass(slots=True)
class Rejected:
    """Lines that were not taken: how many, and why the first of them."""

    n: int = 0
    lines: list[Report] = field(default_factory=list)
    one_reason: bool = True

    def add(self, number: int, reason: str) -> None:
        """One more."""
        self.n += 1
        if self.lines:
            self.one_reason = self.one_reason and reason == self.lines[0]["reason"]
        if len(self.lines) < _TOLD:
            self.lines.append({"line": number, "reason": reason})

    def told(self, read: int) -> list[Report]:
        """The first of them; of a file in which every one of `read` lines has the same fault that
        fault, once.

        >>> rejected = Rejected()
        >>> rejected.add(1, "no time"), rejected.add(2, "no time")
        (None, None)
        >>> rejected.told(read=2)
        [{'line': 1, 'reason': 'no time (so are all 2 lines)'}]
        """
        if self.one_reason and self.n == read > 1:
            reason = self.lines[0]["reason"]
            return [
                {"line": self.lines[0]["line"], "reason": f"{reason} (so are all {read} lines)"}
            ]
        more = self.n - len(self.lines)
        if not more:
            return self.lines
        last = {"line": self.lines[-1]["line"], "reason": f"and {more} more lines behind this one"}
        return [*self.lines, last]


def labels(
    connection: sa.Connection,
    lines: Iterable[files.Line],
    received: dt.datetime | None = None,
    *,
    write: bool = True,
) -> Report:
    """Store the good lines; returns contract.md's report with the reason of each rejected one.

    `received`: when they arrived; None where time is simulated, and any date is good. Without
    `write` the report is the same and nothing is stored.
    """
    good = []
    rejected = Rejected()
    future = 0
    for line in annotators.quarantined(lines, registry.annotators(connection)):
        parsed = _timely(line.parsed, received)
        if isinstance(parsed, events.Malformed):
            future += parsed.reason is events.Reason.FUTURE
            rejected.add(line.number, f"{parsed.reason}: {parsed.detail}")
        else:
            good.append(parsed)

    # The report compares with what was there before, so it is made before these are added.
    req_ids = {label.req_id for label in good}
    sampled = store.sampled_requests(connection, req_ids)
    before = store.labels_of(connection, req_ids)
    counts = ingest.report(good, sampled, before)

    if write:
        rows = [ingest.row(label) for label in good]
        store.add_labels(connection, rows)
    read = len(good) + rejected.n
    return {
        "read": read,
        **counts,
        str(events.Reason.FUTURE): future,
        "rejected": rejected.told(read),
    }


def _timely(
    parsed: events.HumanLabel | events.Malformed,
    received: dt.datetime | None,
) -> events.HumanLabel | events.Malformed:
    """The label, or that it is dated later than it can have been given."""
    if received is None or isinstance(parsed, events.Malformed):
        return parsed
    return events.ahead(parsed, received) or parsed


def refused(reason: str) -> Report:
    """The report of a file of which nothing was read."""
    counts = ingest.report([], {}, [])
    return {
        "read": 0,
        **counts,
        str(events.Reason.FUTURE): 0,
        "rejected": [{"line": 1, "reason": reason}],
        "encoding": None,
        "format": None,
    }
