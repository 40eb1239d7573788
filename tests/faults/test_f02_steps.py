"""F2: the worker kills itself at each named step of a flush, from the fetch to the moment between
commit and acknowledgement.
"""

import random
import signal
import subprocess

import pytest
from faults import feed, invent, lab

from schemas import settings

SEED = 102
STEPS = ("fetch", "decode", "begin", "offset", "panes", "commit", "committed")


def killed_at(failpoint: str, site: lab.Lab) -> bool:
    """Whether a worker has killed itself there. One that ended on a gap in what stock Faust fetched
    is started again, as a deployment does.
    """
    for _ in range(3):
        worker = site.crew.start("one", TEST_FAILPOINT=failpoint)
        try:
            status = site.crew.ended(worker, 45)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the worker never passed {failpoint}:\n{site.crew.said()}")
        if status != settings.EXIT_INTEGRITY:
            return status == -signal.SIGKILL
    return False


def test_kill_at_every_named_step(on_each: lab.Lab) -> None:
    site, rng = on_each, random.Random(SEED)
    rounds, n = (1, 200_000) if site.short else (5, 400_000)
    steps = [step for _ in range(rounds) for step in STEPS]
    done = 0
    with feed.flowing(site.kafka, site.topic, invent.records(n, SEED), seconds=2.5 * len(steps)):
        for step in steps:
            done += killed_at(f"{step}:{rng.randint(1, 4)}", site)
        site.crew.start("one")
    more = (
        f"steps={len(STEPS)} transport={site.crew.environment['INTENTWATCH_TRANSPORT']} seed={SEED}"
    )
    site.conclude("F2", injected=done, at_least=len(steps), more=more)
