"""What else is promised about the stream worker, by name: each measures one thing and returns its
figures with the method in words.
"""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.stream import backlog, latency, restart, tick, world

EXTRAS: Mapping[str, Callable[[world.World, bool], dict[str, Any]]] = {
    "produce_to_visible": latency.produce_to_visible,
    "restart_graceful": restart.graceful,
    "restart_static_member": restart.static_member,
    "minute_tick": tick.minute_tick,
    "backlog": backlog.caught_up,
    "broker_outage": restart.broker_outage,
}
