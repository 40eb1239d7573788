"""Pure. Where a run is looked at on the dashboard."""

import urllib.parse
from typing import Final

_PAGES: Final = ("training", "validation", "report")


def of_run(board: str, run_id: str) -> str:
    """Links in mrkdwn to the run's two boards and its page. `board`: where people reach the
    dashboard.

    >>> of_run("http://board/", "ft 1").split("  ·  ")[0]
    '<http://board/training?run=ft%201|training>'
    """
    name = urllib.parse.quote(run_id, safe="")
    address = board.rstrip("/")
    links = [f"<{address}/{page}?run={name}|{page}>" for page in _PAGES]
    return "  ·  ".join(links)
