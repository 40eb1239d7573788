"""F19: records of 1 MiB and of 50 MiB. A valid one counts, a bad one is a dead letter with its size
and its hash; the others go on.
"""

import hashlib
from pathlib import Path

from confluent_kafka import admin
from faults import brokers, conftest, feed, invent, lab

from services.local import supervisor

SEED = 119
MIB = 1024 * 1024
MOST = 60 * MIB


def test_large_records(new_lab: conftest.NewLab, tmp_path: Path) -> None:
    # A broker of its own: the embedded one's heap is smaller than such a record.
    with supervisor.Supervisor() as owner:
        (node,) = brokers.start(owner, tmp_path, 1, heap="1g")
        with new_lab(owner=owner, kafka=node.address) as site:
            _run(site)


def _run(site: lab.Lab) -> None:
    client = admin.AdminClient({"bootstrap.servers": site.kafka})
    entry = admin.ConfigEntry(
        "max.message.bytes", str(MOST), incremental_operation=admin.AlterConfigOpType.SET
    )
    for done in client.incremental_alter_configs(
        [admin.ConfigResource("topic", site.topic, incremental_configs=[entry])]
    ).values():
        done.result(30)
    records = invent.records(60_000, SEED)
    valid = [
        invent.logs(1, SEED + i)[0][:-1] + b',"padding":"' + b"x" * MIB + b'"}' for i in range(4)
    ]
    bad = [b"{" + b"y" * MIB, b"{" + b"z" * (50 * MIB), b"\xff" * MIB]
    sender = feed.producer(
        site.kafka, **{"message.max.bytes": MOST, "compression.type": "none", "batch.size": MIB}
    )
    for number, value in enumerate([*valid, *bad]):
        feed.put(sender, site.topic, records[number::7])
        feed.put(sender, site.topic, [invent.Record(value, batch=False, part=number % 6)])
        feed.drained(sender)
    site.crew.start("one")
    assert site.settled(180), site.crew.said()
    dead = {(row.size, row.sha256) for row in site.rows("select size, sha256 from dead_letter")}
    site.conclude(
        "F19",
        injected=len(valid) + len(dead),
        at_least=7,
        all_valid=False,
        more=f"dead={len(dead)} seed={SEED}",
    )
    assert dead == {(len(value), hashlib.sha256(value).hexdigest()) for value in bad}
