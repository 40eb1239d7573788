"""F21: a record that kills the process which decodes it: three workers, then the child that looks
first. It becomes a dead letter; F23 redrives it.
"""

import time

import processes
from faults import crew, feed, invent, lab, recount

SEED = 121
MARKER = "kills-whoever-reads-it"
DEATHS = 3  # of workers; then a child decodes before the worker does


def test_a_record_that_kills_the_worker(site: lab.Lab) -> None:
    good = invent.logs(80_000, SEED)
    poison = good[40_000][:-1] + b',"note":"' + MARKER.encode() + b'"}'
    records = [
        *invent.mixed(good[:40_000], SEED),
        invent.Record(poison, batch=False, part=2),
        *invent.mixed(good[40_001:], SEED + 1),
    ]
    feed.send(site.kafka, site.topic, records)
    deaths, took = _supervised(site)
    letters = [
        (row.part, row.offset, row.line, row.reason)
        for row in site.rows('select part, "offset", line, reason from dead_letter')
    ]
    assert [(part, line, reason) for part, _, line, reason in letters] == [
        (2, 0, "kills_worker")
    ], letters
    spared = _all_but(letters[0][1])
    site.conclude(
        "F21",
        injected=deaths,
        at_least=DEATHS,
        kept=spared,
        more=f"dead=1 recovered_s={took:.0f} seed={SEED}",
    )
    assert deaths == DEATHS


def _all_but(offset: int):  # type: ignore[no-untyped-def]
    def kept(line: recount.Line) -> bool:
        return (line.part, line.offset) != (2, offset)

    return kept


def _supervised(site: lab.Lab) -> tuple[int, float]:
    """Start the worker again whenever it dies, until all is read; deaths and seconds."""
    begun, deaths = time.monotonic(), 0
    worker = site.crew.start("one", TEST_FAILPOINT=f"poison:{MARKER}")
    for _ in crew.until(120, 0.5):
        worker, status = site.crew.revived("one", worker, TEST_FAILPOINT=f"poison:{MARKER}")
        deaths += status is not None
        if site.settled(0.1):
            break
    return deaths, time.monotonic() - begun


def test_redrive_equals_a_run_that_never_failed(site: lab.Lab) -> None:
    good = invent.logs(40_000, SEED + 1)
    poison = good[20_000][:-1] + b',"note":"' + MARKER.encode() + b'"}'
    feed.send(
        site.kafka,
        site.topic,
        [
            *invent.mixed(good[:20_000], SEED),
            invent.Record(poison, batch=False, part=1),
            *invent.mixed(good[20_001:], SEED + 1),
        ],
    )
    _supervised(site)
    environment = dict(site.crew.environment)
    listed = processes.run(["-m", "services.redrive", "ls"], environment)
    assert listed.returncode == 0, listed.stderr
    assert "kills_worker" in listed.stdout
    for _ in range(2):  # the second replay finds nothing to do
        done = processes.run(["-m", "services.redrive", "replay"], environment)
        assert done.returncode == 0, done.stderr
    redriven = frozenset(
        (row.part, row.offset)
        for row in site.rows('select part, "offset" from dead_letter where redriven_at is not null')
    )
    more = f"letters={len(redriven)} seed={SEED}"
    site.conclude(
        "F23", injected=len(redriven), at_least=1, ignored=("late",), redriven=redriven, more=more
    )
