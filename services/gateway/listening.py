"""The gateway's loop: connections are taken in until a signal comes; then what is owed is answered,
within a bounded time.
"""

import asyncio
import resource
import ssl
import time
from typing import Final

from services.gateway.app import Gateway
from services.gateway.wire.connection import Connection
from services.gateway.wire.crowd import Crowd

MOST: Final = 2_000  # connections; each costs a descriptor and some kilobytes
_OURS: Final = 150  # descriptors for Kafka, Postgres, models and files
_SWEEP_S: Final = 0.5
_HANDSHAKE_S: Final = 5.0
# Of the ten seconds an orchestrator waits: replies first, then the shadow, then the emitter.
_DRAIN_S: Final = 2.5
_BACKLOG: Final = 1024


async def serve(
    gateway: Gateway,
    host: str,
    port: int,
    stopping: asyncio.Event,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Answer until told to stop, and end with everything said. Raises OSError where nobody can
    listen there.
    """
    loop = asyncio.get_running_loop()
    crowd = Crowd(_room())
    gateway.start(loop)
    server = await loop.create_server(
        lambda: Connection(gateway, crowd),
        host,
        port,
        backlog=_BACKLOG,
        ssl=tls,
        ssl_handshake_timeout=_HANDSHAKE_S if tls else None,
        ssl_shutdown_timeout=_HANDSHAKE_S if tls else None,
    )
    sweeping = loop.create_task(_sweep(crowd))
    await stopping.wait()
    server.close()
    await _drained(crowd)
    sweeping.cancel()
    await asyncio.to_thread(gateway.stop)


def _room() -> int:
    """As many connections as the process may have descriptors for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + _OURS
    if soft < wanted:
        soft = min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(MOST, soft - _OURS))


async def _sweep(crowd: Crowd) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        crowd.sweep(time.perf_counter())


async def _drained(crowd: Crowd) -> None:
    crowd.drain()
    until = time.perf_counter() + _DRAIN_S
    while crowd.owed and time.perf_counter() < until:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.02)  # the last replies are on their way
    crowd.end()
