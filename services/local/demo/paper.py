"""Where a run of the demo is looked at: on its boards as long as everything is up, and on its page
beside the demo's log, which outlives the demo.
"""

from pathlib import Path

import sqlalchemy as sa

from retrain.train.report import page
from retrain.train.report import store as recorded


def place(log: Path, run_id: str) -> Path:
    """Where the page of a run lies.

    >>> place(Path(".local/demo/20261130-033512.log"), "ft_first").name
    '20261130-033512-ft_first.html'
    """
    return log.with_name(f"{log.stem}-{run_id}.html")


def write(engine: sa.Engine, run_id: str, log: Path) -> None:
    """Write it as the run stands now."""
    with engine.connect() as connection:
        told = recorded.told(connection, run_id)
    if told is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        place(log, run_id).write_text(page.render(told), encoding="utf-8")


def boards(
    dashboard: str,
    run_id: str,
    report: str,
    *,
    keep: bool,
) -> list[tuple[str, str]]:
    """Where the newest run is looked at: its boards as long as everything is up, its page for
    ever.
    """
    up = "" if keep else "  (KEEP=1 leaves it up)"
    return [
        ("Training", f"{dashboard}/training?run={run_id}{up}"),
        ("Validation", f"{dashboard}/validation?run={run_id}{up}"),
        ("Run", f"{report}  is the whole report of {run_id}"),
    ]
