"""A real PgBouncer in front of a real PostgreSQL, in transaction mode: each transaction gets
another connection of the server, so that whatever a session keeps is missed.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from services import ports
from services.local import postgres, supervisor


@contextlib.contextmanager
def before(
    database: str, folder: Path, *, ignored: str = "", size: int = 4, more: str = ""
) -> Iterator[str]:
    """The address of the database behind a pooler. `ignored`: startup parameters that it passes
    over instead of refusing them; `size`: connections to the server; `more`: further settings.
    """
    executable = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert executable, "install pgbouncer: apt-get install -y --no-install-recommends pgbouncer"
    url = sa.make_url(database)
    (port,) = ports.free(1)
    folder.mkdir(exist_ok=True)
    configuration = folder / "pgbouncer.ini"
    users = folder / "users.txt"
    users.write_text(f'"{url.username}" ""\n')
    configuration.write_text(
        f"""[databases]
{url.database} = host={url.host} port={url.port} dbname={url.database}
[pgbouncer]
listen_addr = {ports.HOST}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
min_pool_size = {size}
server_round_robin = 1
ignore_startup_parameters = {ignored}
{more}
"""
    )
    user = postgres._UNPRIVILEGED if os.geteuid() == 0 else None
    if user:
        postgres._open_to(user, folder)
        for file in folder.iterdir():
            shutil.chown(file, user)
    pooled = url.set(port=port).render_as_string(hide_password=False)
    with supervisor.Supervisor() as owner:
        child = owner.start(
            "pgbouncer", [executable, str(configuration)], log=folder / "log", user=user, cwd=folder
        )
        supervisor.wait_ready(child, lambda: ports.listening(port), timeout_s=60)
        yield pooled
