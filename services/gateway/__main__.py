"""`python -m services.gateway`: answer POST /classify with the champion, at INTENTWATCH_BIND
(loopback) and INTENTWATCH_GATEWAY_PORT.
"""

import asyncio
import functools
import logging
import signal
import ssl
import threading

import sqlalchemy as sa
import uvloop

from retrain.train import promote
from retrain.train.compile import manifest
from schemas import policy, settings
from services import ports
from services import tls as tls_files
from services.gateway import app, listening, serving_log, store, volume
from services.gateway.follow import Follower
from services.gateway.ledger import figures
from services.gateway.replicas import Replicas
from services.gateway.wanted import Wanted
from streams import brokers, database
from streams.access import Access

log = logging.getLogger("intentwatch.gateway")


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
    tls = tls_files.context(loaded)
    emitter = serving_log.Emitter(
        access.librdkafka(),
        loaded.topic,
        loaded.spool or loaded.models.parent / "spool",
        rules.gateway.spool_mib << 20,
    )
    gateway = _gateway(loaded, rules, engine, emitter)
    figures.register(gateway.gauges.registry, emitter.standing)
    threading.Thread(target=_told_why, args=(access, loaded.topic), daemon=True).start()
    try:
        code = uvloop.run(_until_told(gateway, loaded, tls))
    except OSError as error:
        settings.refuse(f"nobody can listen at {loaded.bind}:{loaded.gateway_port}: {error}")
    raise SystemExit(code)


def _gateway(
    loaded: settings.Settings,
    rules: policy.Policy,
    engine: sa.Engine,
    emitter: serving_log.Emitter,
) -> app.Gateway:
    following = functools.partial(
        Follower,
        engine,
        loaded.models,
        registered_only=loaded.mode == "production",
    )
    # Else a candidate serves at once, and never in the shadow.
    approved = rules.trigger.promotion == "approve"
    token = loaded.gateway_token
    return app.Gateway(
        following("champion", store.champions),
        following("shadow", store.candidate) if approved else None,
        emitter,
        rules,
        test_clock=loaded.test_clock,
        wanted=Wanted(engine, rules.signals),
        replicas=Replicas(engine, loaded.topic, volume.Volume()),
        secret=settings.key(loaded.sampling_secret),
        token=token.get_secret_value() if token else None,
    )


def _told_why(access: Access, topic: str) -> None:
    """Say once, in words, what keeps the gateway from Kafka; serving goes on."""
    why = brokers.trouble(access, topic)
    if why is not None:
        log.warning("serving goes on, and serving logs are held: %s", why)


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
    main()
