"""F11: the disk is full. Nothing is acknowledged meanwhile; when there is space again, the count is
exact.

As root the disk is a real one that is full (a small tmpfs under the database's tablespace);
otherwise Postgres raises 53100 itself, in a trigger.
"""

import contextlib
import os
import pwd
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka
import sqlalchemy as sa
from faults import conftest, crew, feed, invent, lab, servers

from services.local import postgres, topology

SEED = 111
FULL_S = 8.0
GROUP = "intentwatch.streams.{topic}"
# The catalogue stays where it is, so that sessions can begin; every table and index, also those
# made later, moves.
_MOVE = """
do $$ declare r record; begin
  for r in
    select relname, case relkind when 'r' then 'table' else 'index' end as kind
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
  loop
    execute format('alter %s %I set tablespace {name}', r.kind, r.relname);
  end loop;
  execute format('alter database %I set default_tablespace = {name}', current_database());
end $$
"""
_TRIGGER = """
create function full_disk() returns trigger language plpgsql as $$
begin
  raise exception 'could not extend file' using errcode = '53100';
end $$;
create trigger full_disk before insert or update on pane_dirty
  for each statement execute function full_disk();
"""


@contextlib.contextmanager
def disk() -> Iterator[Path | None]:
    """A small file system of its own, or None where none may be mounted."""
    place = Path(tempfile.mkdtemp(prefix="faults-disk-"))
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    try:
        if mounted:
            (place / "space").mkdir()
            os.chown(place / "space", pwd.getpwnam(postgres._UNPRIVILEGED).pw_uid, -1)
            place.chmod(0o755)
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def test_disk_full(new_lab: conftest.NewLab, parts: topology.Addresses, template: str) -> None:
    name = f"full_{uuid.uuid4().hex[:8]}"
    url = sa.make_url(parts.database_url).set(database=name).render_as_string(hide_password=False)
    with disk() as place:
        if place:
            servers.execute(
                parts.database_url, f"create tablespace {name} location '{place / 'space'}'"
            )
        servers.execute(parts.database_url, f"create database {name} template {template}")
        try:
            if place:
                servers.execute(url, _MOVE.format(name=name))
            with new_lab(database=url) as site:
                _run(site, place)
        finally:
            servers.execute(parts.database_url, f"drop database {name} with (force)")
            if place:
                servers.execute(parts.database_url, f"drop tablespace {name}")


def _run(site: lab.Lab, place: Path | None) -> None:
    log = servers.named(site.owner, "postgres").log
    seen = log.stat().st_size
    with feed.flowing(site.kafka, site.topic, invent.records(200_000, SEED), seconds=25):
        worker = site.crew.start("one")
        site.moves()
        _fill(site, place)
        before = site.progress()
        time.sleep(FULL_S)
        stood, committed = site.progress() == before, _committed(site)
        _empty(site, place)
        site.moves()
        assert worker.process.poll() is None, site.crew.said()
    refused = sum(
        "No space left on device" in line or "could not extend file" in line
        for line in log.read_text()[seen:].splitlines()
    )
    assert stood
    assert committed <= before
    site.conclude(
        "F11",
        injected=refused,
        at_least=1,
        more=f"enospc={'real' if place else 'raised'} acked_meanwhile=0 seed={SEED}",
    )


def _fill(site: lab.Lab, place: Path | None) -> None:
    """No space any more; returns once a flush has been refused."""
    if place is None:
        servers.execute(site.database, _TRIGGER)
        return
    for _ in crew.until(20, 0.2):  # what Postgres frees meanwhile is taken too
        with contextlib.suppress(OSError), (place / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1 << 16))
        before = site.progress()
        time.sleep(1.5)
        if site.progress() == before:
            return
    raise AssertionError("flushes went on on a full disk")


def _empty(site: lab.Lab, place: Path | None) -> None:
    if place is None:
        servers.execute(site.database, "drop trigger full_disk on pane_dirty")
    else:
        (place / "ballast").unlink()


def _committed(site: lab.Lab) -> int:
    """What the group has acknowledged to Kafka, over all partitions."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": site.kafka,
            "group.id": GROUP.format(topic=site.topic),
            "enable.auto.commit": False,
        }
    )
    try:
        wanted = [
            confluent_kafka.TopicPartition(site.topic, part) for part in range(conftest.PARTITIONS)
        ]
        return sum(max(0, part.offset) for part in consumer.committed(wanted, timeout=30))
    finally:
        consumer.close()
