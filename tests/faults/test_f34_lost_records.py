"""F34: the broker loses the end of its log while it is away, and gets new records past the old end:
the worker says where the log parts from what it has read, and goes on there once it is told to.
"""

import functools
import os
import re
from pathlib import Path

from faults import brokers, conftest, feed, invent, recount, servers

from services.local import kafka, supervisor

SEED = 134


def test_a_log_that_has_lost_its_end_and_goes_on(new_lab: conftest.NewLab, tmp_path: Path) -> None:
    with supervisor.Supervisor() as owner:
        (node,) = brokers.start(owner, tmp_path, 1)
        with new_lab(owner=owner, kafka=node.address, partitions=1) as site:
            for number in range(10):  # in batches: what is cut off is whole ones
                feed.send(site.kafka, site.topic, invent.records(2_000, SEED + number))
            worker = site.crew.start("one")
            assert site.settled(), site.crew.said()
            assert site.crew.stop(worker) == 0
            counted = recount.count(site.kafka, site.topic)
            _cut_off(owner, node, tmp_path, site.topic)
            feed.send(site.kafka, site.topic, invent.records(30_000, SEED + 10))

            worker = site.crew.start("one")
            assert site.crew.ended(worker, 60) == 5, site.crew.said()
            told = re.search(r"redrive back (\S+) --to (\d+)`", site.crew.said())
            assert told, site.crew.said()
            site.crew.command("services.redrive", "back", told[1], "--to", told[2])
            begin = int(told[2])
            assert site.positions()[0][1] == begin
            site.crew.start("one")
            site.conclude(
                "F34",
                injected=1,
                at_least=1,
                before=counted,
                kept=lambda line: line.offset >= begin,
                more=f"parted_at={begin} seed={SEED}",
            )


def _cut_off(owner: supervisor.Supervisor, node: brokers.Node, directory: Path, topic: str) -> None:
    """As a disk does that had not written what it said: killed, shorter, started again."""
    servers.killed(node.child)
    (log,) = (directory / "broker-1" / "data" / f"{topic}-0").glob("*.log")
    os.truncate(log, log.stat().st_size * 6 // 10)
    servers.again(owner, node.child, functools.partial(kafka.answers, node.address))
