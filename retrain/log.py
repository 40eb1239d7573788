"""Print the seed's log lines, as lines or as JSON, to stdout."""

import sys
from typing import Any

from schemas import loglines


class LogLines:
    """`line(tag, fields)` writes one line in the chosen form."""

    def __init__(self, form: str) -> None:
        self._encode = loglines.as_json if form == "json" else loglines.encode

    def line(self, tag: str, fields: dict[str, Any]) -> None:
        """Write one line and flush: a log that is read while the job runs."""
        sys.stdout.write(self._encode(tag, fields) + "\n")
        sys.stdout.flush()
