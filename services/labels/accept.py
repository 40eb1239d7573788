"""Take labels in: one transaction, history kept, a report of what they did."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from schemas import events
from services.labels import annotators, ingest, store


def labels(
    connection: sa.Connection,
    lines: Sequence[ingest.Line],
) -> dict[str, Any]:
    """Store the good lines; returns contract.md's report with the reason of each rejected one."""
    good = []
    rejected = []
    for line in annotators.quarantined(lines, store.annotators(connection)):
        parsed = line.parsed
        if isinstance(parsed, events.Malformed):
            reason = f"{parsed.reason}: {parsed.detail}"
            rejected.append({"line": line.number, "reason": reason})
        else:
            good.append(parsed)

    # The report compares with what was there before, so it is made before these are added.
    req_ids = {label.req_id for label in good}
    sampled = store.sampled_requests(connection, req_ids)
    before = store.labels_of(connection, req_ids)
    counts = ingest.report(good, sampled, before)

    rows = [ingest.row(label) for label in good]
    store.add_labels(connection, rows)
    return {
        **counts,
        "read": len(lines),
        "rejected": rejected,
    }
