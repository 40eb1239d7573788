"""One fault of the gateway's way to Kafka: a broker that is broken, the gateway's own process, and
the verdict at the end.
"""

import contextlib
import dataclasses
import signal
from collections.abc import Callable, Collection, Iterator

import gateways
import processes
from faults import servers

from services.local import supervisor

# How often customers ask, and for how many answers at once.
A_SECOND, MESSAGES = 25.0, 8


@dataclasses.dataclass
class Site:
    """A broker that may be broken, a topic on it, and the gateway that writes there."""

    owner: supervisor.Supervisor
    kafka: str
    topic: str
    gateway: gateways.Gateway
    say: Callable[[str], None]

    @contextlib.contextmanager
    def without_kafka(self, how: str) -> Iterator[None]:
        child = servers.named(self.owner, "kafka")
        if how == "stopped":
            child.process.send_signal(signal.SIGSTOP)
        else:
            servers.killed(child)
        try:
            yield
        finally:
            if how == "stopped":
                child.process.send_signal(signal.SIGCONT)
            else:
                servers.kafka_again(self.owner, self.kafka)

    def emptied(self) -> bool:
        return processes.eventually(lambda: self.gateway.ledger()[2] == 0, 120)

    def conclude(
        self,
        row: str,
        fault: str,
        *,
        given_up: int = 0,
        unheard: int = 0,
        unsure: Collection[str] = (),
    ) -> None:
        """Compare what customers were told with what Kafka has, print the line, judge. `unheard`:
        logs that may have been written for answers that nobody got. unsure: answers that may have
        no log.
        """
        seen = gateways.arrived(self.kafka, self.topic)
        answered = [one for one in self.gateway.answered if one in seen or one not in unsure]
        lost, doubled = gateways.lost_and_doubled(answered, seen)
        counts = f"lost={lost - given_up} dup={doubled} n={len(answered)} given_up={given_up}"
        self.say(f"{row} {counts} refused={self.gateway.refused} fault={fault}")
        assert (lost, doubled) == (given_up, 0), self.gateway.said()
        assert 0 <= len(seen.keys() - set(answered)) <= unheard
        assert len(answered) > 300
        assert "Traceback" not in self.gateway.said()
