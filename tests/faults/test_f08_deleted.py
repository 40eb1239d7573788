"""F8: offsets are deleted from the topic before they were read: the gap is reported once with its
count, and the rest is read on.
"""

import confluent_kafka
import processes
from confluent_kafka import admin
from faults import feed, invent, kafka_log, lab, recount, servers

SEED = 108
DELETED = 300  # records of each partition


def test_deleted_unread_offsets_are_reported(site: lab.Lab) -> None:
    feed.send(site.kafka, site.topic, invent.records(60_000, SEED))
    worker = site.crew.start("one")
    assert site.settled(), site.crew.said()
    assert site.crew.stop(worker) == 0
    feed.send(site.kafka, site.topic, invent.records(120_000, SEED + 1))
    read = {part: offset for part, (_, offset) in site.positions().items()}
    first = {part: offset + DELETED for part, offset in read.items()}
    expected = recount.count(
        site.kafka,
        site.topic,
        kept=lambda line: not read[line.part] <= line.offset < first[line.part],
    )
    _delete(site, first)
    site.crew.start("one")
    _conclude(site, read, first, expected)


def _delete(site: lab.Lab, first: dict[int, int]) -> None:
    client = admin.AdminClient({"bootstrap.servers": site.kafka})
    wanted = [
        confluent_kafka.TopicPartition(site.topic, part, offset) for part, offset in first.items()
    ]
    for done in client.delete_records(wanted).values():
        done.result(30)
    assert {
        part: low for part, (low, _) in kafka_log.bounds(site.kafka, site.topic).items()
    } == first


def _conclude(
    site: lab.Lab, read: dict[int, int], first: dict[int, int], expected: recount.Counted
) -> None:
    settled = site.settled()
    statuses = site.crew.finish()
    verdict = site.judged(expected)
    gaps = {
        row.part: (row.offset, row.detail)
        for row in site.rows(
            "select part, \"offset\", detail from dead_letter where reason = 'deleted_unread'"
        )
    }
    alarms = servers.scalar(site.database, "select count(*) from outbox where kind = 'alarm'")
    counts = f"lost={verdict.lost} dup={verdict.duplicated} n={verdict.n}"
    told = f"injected={len(first)} reported={len(gaps)} alarms={alarms}"
    site.say(f"F8 {counts} {told} seed={SEED}")
    assert settled, site.crew.said()
    assert (verdict.lost, verdict.duplicated) == (0, 0), verdict.places[:12]
    assert {part: offset for part, (offset, _) in gaps.items()} == read
    for part, (_, detail) in gaps.items():
        assert f"offsets {read[part]} to {first[part] - 1} ({DELETED} records)" in detail
    assert alarms >= 1
    assert statuses == [0]
    assert len(processes.show("deadletters", dict(site.crew.environment))) == len(gaps)
