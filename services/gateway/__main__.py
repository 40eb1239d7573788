"""`python -m services.gateway`: answer POST /classify with the champion, at INTENTWATCH_BIND
(loopback) and INTENTWATCH_GATEWAY_PORT.
"""

import functools
import logging
import signal
import sys

import uvicorn

from retrain.train import promote
from retrain.train.compile import manifest
from schemas import settings
from services import ports
from services.gateway import app, serving_log, store, volume
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
    gateway = app.Gateway(
        champion,
        candidate,
        serving_log.Emitter(
            access.librdkafka(),
            loaded.topic,
            loaded.spool or loaded.models.parent / "spool",
            rules.gateway.spool_mib << 20,
        ),
        rules,
        test_clock=loaded.test_clock,
        wanted=Wanted(engine, rules.signals),
        replicas=Replicas(engine, volume.Volume()),
        secret=settings.key(loaded.sampling_secret),
    )
    # Uvicorn raises the signal again once it has drained: that is a good end, not a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        app.build(gateway),
        host=loaded.bind,
        port=loaded.gateway_port,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    with database.refusing():
        main()
