"""Pure. The stages that loop, and one whose rounds fail."""

import datetime as dt
from dataclasses import dataclass

ROLLUP = "rollup"
SCHEDULER = "scheduler"
NOTIFIER = "notifier"
RETRAIN = "retrain"
GATEWAY = "gateway"


def process(name: str) -> str:
    """The process that does a stage's rounds; a name may go on after its first word.

    >>> process("rollup"), process("gateway shadow")
    ('streams', 'gateway')
    """
    first = name.split()[0]
    return "streams" if first == ROLLUP else first


@dataclass(frozen=True, slots=True)
class Failing:
    """A stage whose rounds fail: since when, for how many seconds, how many rounds of its process
    in a row, and what the last one said.
    """

    name: str
    since: dt.datetime
    failing_s: float
    failures: int
    error: str
