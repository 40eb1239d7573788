"""F18: forty and more named malformed records, and 100,000 fuzzed ones, among good logs: exactly
the bad ones become dead letters.
"""

import datetime as dt
from collections.abc import Iterable, Iterator

from faults import conftest, feed, invent, kafka_log, lab, malformed, recount, strict

SEED = 118
FUZZED = 100_000
GOOD_FOR_ONE = 25  # under 4 % bad, so that the worker goes on


def among(bad: Iterable[bytes], good: list[bytes]) -> Iterator[invent.Record]:
    """Each bad one among good ones: every other time as a record of its own, else as a line of an
    envelope. All to partitions in turn.
    """
    for number, value in enumerate(bad):
        part = number % 6
        start = number * GOOD_FOR_ONE % (len(good) - GOOD_FOR_ONE)
        lines = good[start : start + GOOD_FOR_ONE]
        if number % 2 or not value.strip():
            yield invent.Record(b"\n".join(lines), batch=True, part=part)
            yield invent.Record(value, batch=False, part=part)
        else:
            yield invent.Record(b"\n".join([*lines[:9], value, *lines[9:]]), batch=True, part=part)


def test_named_cases(site: lab.Lab) -> None:
    good = invent.logs(20_000, SEED)
    feed.send(site.kafka, site.topic, invent.mixed(good, SEED))
    feed.send(
        site.kafka,
        site.topic,
        [*among(malformed.NAMED.values(), good), invent.Record(b"\n".join(good[:257]), batch=True)],
    )
    _judge(site, len(malformed.NAMED) + 1, "named")


def test_fuzzed(new_lab: conftest.NewLab) -> None:
    """Against the broker's clock: a mutation may well give a valid time in another century."""
    good = invent.logs(50_000, SEED, begin=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    with new_lab(TEST_CLOCK="") as site:
        feed.send(site.kafka, site.topic, invent.mixed(good, SEED))
        feed.send(site.kafka, site.topic, among(malformed.fuzzed(good, FUZZED, SEED), good))
        _judge(site, FUZZED // 4, "fuzzed", check_time=True)


def _judge(site: lab.Lab, at_least: int, kind: str, *, check_time: bool = False) -> None:
    worker = site.crew.start("one")
    site.moves()
    assert site.settled(300), site.crew.said()
    assert worker.process.poll() is None
    dead = {
        (row.part, row.offset, row.line): row.reason
        for row in site.rows('select part, "offset", line, reason from dead_letter')
    }
    how = {"all_valid": False, "check_time": check_time}
    counted = site.conclude(
        "F18",
        injected=len(dead),
        at_least=at_least,
        **how,
        more=f"kind={kind} reasons={len(set(dead.values()))} seed={SEED}",
    )
    bad = set(counted.bad)
    assert dead.keys() == bad, _disagreement(site, dead.keys() ^ bad)
    assert all(dead.values())


def _disagreement(site: lab.Lab, places: set[tuple[int, int, int]]) -> str:
    judged = []
    for batch in kafka_log.stored(site.kafka, site.topic):
        for record in batch:
            for line in recount.lines(record):
                if (line.part, line.offset, max(line.number, 0)) in places:
                    done = "taken" if strict.serving_log(line.raw) is None else "refused"
                    judged.append(f"{done} by the worker: {line.raw[:300]!r}")
    return f"{len(judged)} judged differently:\n" + "\n".join(judged[:12])
