"""P3: a password that is changed while the worker counts, three times, and each connection ended:
the file has the new one before, or a few seconds after.
"""

import time
from pathlib import Path

import roles
from faults import conftest, feed, invent

SEED, CHANGES = 127, 3


def test_a_password_that_changes(new_lab: conftest.NewLab, database: str, tmp_path: Path) -> None:
    file = tmp_path / "url"
    with (
        roles.made(database) as role,
        roles.passwords_asked_for(database, role),
        new_lab(DATABASE_URL="", DATABASE_URL_FILE=str(file)) as site,
    ):
        file.write_text(roles.at(database, username=role, password=roles.PASSWORD))
        roles.execute(database, f"alter table pane_minute owner to {role}")
        roles.execute(database, f"alter table pane_hour owner to {role}")
        with feed.flowing(site.kafka, site.topic, invent.records(100_000, SEED), seconds=40):
            worker = site.crew.start("one")
            for number in range(CHANGES):
                site.moves()
                time.sleep(1)
                roles.execute(database, f"alter role {role} password 'new{number}'")
                roles.disconnect(database, role)
                time.sleep(4 * (number % 2))
                file.write_text(roles.at(database, username=role, password=f"new{number}"))
            site.moves()
            assert worker.process.poll() is None, site.crew.said()
        site.conclude("P3", injected=CHANGES, at_least=CHANGES, more=f"seed={SEED}")
