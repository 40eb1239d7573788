"""F33: the topic gets more partitions under the running worker: it finds them, and reads each from
its first record.
"""

import kafkas
from faults import conftest, crew, feed, invent, lab

SEED = 133
ADDED = 3
FOUND_S = 30.0  # at most, besides what a machine under load takes


def test_partitions_are_added_under_the_worker(site: lab.Lab) -> None:
    feed.send(site.kafka, site.topic, invent.records(20_000, SEED))
    site.crew.start("one")
    assert site.settled(), site.crew.said()

    parts = conftest.PARTITIONS + ADDED
    kafkas.widen(site.kafka, site.topic, parts)
    for part in range(conftest.PARTITIONS, parts):
        more = invent.logs(3_000, SEED + part)
        feed.send(
            site.kafka, site.topic, [invent.Record(log, batch=False, part=part) for log in more]
        )
    took = next((gone for gone in crew.until(3 * FOUND_S) if _claimed(site) == parts), None)
    assert took is not None, site.crew.said()
    site.conclude("F33", injected=ADDED, at_least=ADDED, more=f"claimed_s={took:.1f} seed={SEED}")


def _claimed(site: lab.Lab) -> int:
    return sum(epoch > 0 for epoch, _ in site.positions().values())
