"""`python -m services.gateway`: answer POST /classify with the champion, at INTENTWATCH_BIND
(loopback) and INTENTWATCH_GATEWAY_PORT.
"""

import asyncio
import functools
import logging
import signal
import ssl

import uvloop

from retrain.train import promote
from retrain.train.compile import manifest
from schemas import settings
from services import ports
from services import tls as tls_files
from services.gateway import app, listening, serving_log, store, volume
from services.gateway.follow import Follower
from services.gateway.replicas import Replicas
from services.gateway.wanted import Wanted
from streams import brokers, database


def main() -> None:
    """Read the environment, serve until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    loaded = settings.load("kafka", "database_url")
    access = brokers.of(loaded)
    rules = settings.rules(loaded)
    if ports.listening(loaded.gateway_port):
        settings.refuse(
            f"port {loaded.gateway_port} is in use; set INTENTWATCH_GATEWAY_PORT to a free one"
        )
    engine = database.opened(loaded.database_url)
    try:
        promote.check_champion(engine, loaded.models)
    except manifest.AnotherTaxonomy as error:
        settings.refuse(str(error))
    following = functools.partial(
        Follower, engine, loaded.models, registered_only=loaded.mode == "production"
    )
    champion = following("champion", store.champions)
    # Else a candidate serves at once, and never in the shadow.
    approved = rules.trigger.promotion == "approve"
    candidate = following("shadow", store.candidate) if approved else None
    tls = tls_files.context(loaded)
    token = loaded.gateway_token
    emitter = serving_log.Emitter(access, loaded.topic)
    gateway = app.Gateway(
        champion,
        candidate,
        emitter,
        rules,
        test_clock=loaded.test_clock,
        wanted=Wanted(engine, rules.signals),
        replicas=Replicas(engine, volume.Volume()),
        secret=settings.key(loaded.sampling_secret),
        token=token.get_secret_value() if token else None,
    )
    serving_log.register(emitter, gateway.gauges.registry)
    try:
        code = uvloop.run(_until_told(gateway, loaded, tls))
    except OSError as error:
        settings.refuse(f"nobody can listen at {loaded.bind}:{loaded.gateway_port}: {error}")
    raise SystemExit(code)


async def _until_told(
    gateway: app.Gateway, loaded: settings.Settings, tls: ssl.SSLContext | None
) -> int:
    """Serve until a signal comes; returns the exit code."""
    stopping = asyncio.Event()
    codes = []
    loop = asyncio.get_running_loop()

    def told(code: int) -> None:
        codes.append(code)
        stopping.set()

    loop.add_signal_handler(signal.SIGTERM, told, 0)
    loop.add_signal_handler(signal.SIGINT, told, settings.EXIT_INTERRUPTED)
    await listening.serve(gateway, loaded.bind, loaded.gateway_port, stopping, tls)
    return codes[0]


if __name__ == "__main__":
    with database.refusing():
        main()
