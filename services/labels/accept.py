"""Take labels in: one transaction, history kept, a report of what they did."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from schemas import events
from services.labels import ingest, store


def labels(connection: sa.Connection, lines: Sequence[ingest.Line]) -> dict[str, Any]:
    """Store the good lines; returns contract.md's report with the reason of each rejected one."""
    good = [line.found for line in lines if isinstance(line.found, events.HumanLabel)]
    bad = [line for line in lines if isinstance(line.found, events.Malformed)]
    req_ids = {label.req_id for label in good}
    report: dict[str, Any] = dict(
        ingest.report(
            good, store.known_requests(connection, req_ids), store.labels_of(connection, req_ids)
        )
    )
    store.add_labels(connection, [ingest.row(label) for label in good])
    return report | {
        "read": len(lines),
        "rejected": [{"line": line.number, "reason": _why(line.found)} for line in bad],
    }


def _why(found: events.HumanLabel | events.Malformed) -> str:
    return f"{found.reason}: {found.detail}" if isinstance(found, events.Malformed) else ""
