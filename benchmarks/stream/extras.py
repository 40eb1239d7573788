"""What else is promised about the stream worker, by name: each measures one thing and returns its figures with the method in words."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.stream import world

EXTRAS: Mapping[str, Callable[[world.World, bool], dict[str, Any]]] = {}
