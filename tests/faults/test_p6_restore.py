"""P6: a backup while the worker counts, more logs after it, the database lost, and the backup put
back: the worker reads on from where the backup was.
"""

import os
import subprocess
import time
from pathlib import Path

import roles
import sqlalchemy as sa
from faults import feed, invent, lab, servers

from services.local import postgres

SEED, N = 130, 20_000


def test_a_backup_heals_itself(site: lab.Lab, tmp_path: Path) -> None:
    address = site.database.replace("+psycopg", "")
    dump = tmp_path / "dump"
    with feed.flowing(site.kafka, site.topic, invent.records(N, SEED), seconds=10):
        worker = site.crew.start("one")
        site.moves()
        servers.execute(
            site.database,
            "insert into outbox (dedupe_key, thread_key, kind, payload)"
            """ values ('a', 'a', 'alarm', '{"cause": "c", "remedy": "r"}')""",
        )
        _do("pg_dump", "--format=custom", f"--file={dump}", address)
    servers.execute(site.database, "update outbox set sent_at = now()")
    feed.send(site.kafka, site.topic, invent.records(N, SEED + 1))
    assert site.settled(), site.crew.said()
    assert site.crew.stop(worker) == 0, site.crew.said()
    counted = site.progress()

    name = sa.make_url(site.database).database
    elsewhere = roles.at(site.database, database="postgres")
    servers.execute(elsewhere, f"drop database {name} with (force)")
    servers.execute(elsewhere, f"create database {name}")
    begun = time.monotonic()
    _do("pg_restore", f"--dbname={address}", str(dump))
    restored_s = time.monotonic() - begun
    behind = counted - site.progress()
    site.crew.start("one")
    site.conclude(
        "P6",
        injected=1,
        at_least=1,
        more=f"behind={behind} restored_s={restored_s:.1f} seed={SEED}",
    )
    assert behind > 0
    # What was told after the backup is told again.
    assert servers.scalar(site.database, "select count(*) from outbox where sent_at is null") == 1


def _do(program: str, *arguments: str) -> None:
    """A program of the server's, from beside it."""
    done = subprocess.run(
        [str(postgres._BIN / program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
