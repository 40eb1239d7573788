"""F24: the first record of every partition of a new installation is none that counts: nothing has a
clock yet, and nothing is good in the first flush.
"""

import confluent_kafka
from confluent_kafka import admin
from faults import crew, feed, invent, kafka_log, lab

SEED = 124
DELETED = 50
FIRST: dict[int, bytes | None] = {0: b"hello", 1: None, 2: b"", 3: b'{"v":1}', 4: b"\xff\xfe"}
GONE = 5  # the partition whose first records are deleted before anybody reads


def test_the_first_record_of_a_new_installation(site: lab.Lab) -> None:
    sender = feed.producer(site.kafka)
    for part, value in FIRST.items():
        sender.produce(site.topic, value, key="first", partition=part)
    feed.drained(sender)
    feed.send(
        site.kafka,
        site.topic,
        [invent.Record(log, batch=False, part=GONE) for log in invent.logs(DELETED, SEED)],
    )
    _delete(site)
    worker = site.crew.start("one")
    ends = {part: high for part, (_, high) in kafka_log.bounds(site.kafka, site.topic).items()}
    first_flush = any(
        {part: offset for part, (_, offset) in site.positions().items()} == ends
        for _ in crew.until(lab.SETTLE_S, 0.3)
    )
    assert first_flush, (site.positions(), ends, site.crew.said())
    # A second start meets partitions that have been read and have no clock.
    assert site.crew.stop(worker) == 0
    site.crew.start("one")
    feed.send(site.kafka, site.topic, invent.records(20_000, SEED + 1))
    site.conclude(
        "F24",
        injected=len(FIRST) + 1,
        at_least=len(FIRST) + 1,
        all_valid=False,
        more=f"seed={SEED}",
    )
    letters = {
        row.part: row.reason
        for row in site.rows('select part, reason from dead_letter where "offset" = 0')
    }
    assert letters == {
        0: "not_json",
        1: "not_json",
        2: "not_json",
        3: "invalid",
        4: "not_json",
        GONE: "deleted_unread",
    }


def _delete(site: lab.Lab) -> None:
    client = admin.AdminClient({"bootstrap.servers": site.kafka})
    for done in client.delete_records(
        [confluent_kafka.TopicPartition(site.topic, GONE, DELETED)]
    ).values():
        done.result(30)
