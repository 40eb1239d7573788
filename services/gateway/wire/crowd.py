"""All connections of a process: how many there may be, which goes first, and how they end."""

from collections import OrderedDict
from typing import Final, Protocol

HELD_MAX: Final = 64 * 1024 * 1024  # bytes of bodies that are not whole yet, of all together


class Member(Protocol):
    """A connection, as far as the others are concerned. `held`: bytes of a body that is not whole
    yet.
    """

    until: float
    held: int

    @property
    def waits(self) -> bool:
        """Whether it is its client's turn."""

    @property
    def owed(self) -> bool:
        """Whether a reply is on its way, or may still be asked for."""

    def give_way(self) -> None:
        """Go, with a word where one is owed."""

    def evict(self) -> None:
        """Go now: another one needs the place."""

    def abort(self) -> None:
        """Go at once."""


class Crowd:
    """At most `limit` connections, in the order in which they were answered last: beyond it the one
    goes that has let us wait for longest, so that nobody keeps others out by doing nothing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._all: OrderedDict[Member, None] = OrderedDict()
        self._held = 0
        self.draining = False

    def __len__(self) -> int:
        return len(self._all)

    def add(self, member: Member) -> bool:
        """Take it in; false where all the others are being answered."""
        room = len(self._all) < self._limit or self._made_room()
        self._all[member] = None
        return room

    def _made_room(self) -> bool:
        for member in self._all:
            if member.waits:
                member.evict()
                return True
        return False

    def hold(self, more: int) -> None:
        """Bodies that are not whole have so many bytes more. Beyond the limit for all of them the
        one goes whose client has let us wait for longest.
        """
        self._held += more
        if more <= 0 or self._held <= HELD_MAX:
            return
        for member in self._all:
            if member.held and member.waits:
                member.evict()
                return

    def remove(self, member: Member) -> None:
        """It has gone."""
        self._all.pop(member, None)

    def moved(self, member: Member) -> None:
        """It has been answered."""
        if member in self._all:
            self._all.move_to_end(member)

    def sweep(self, now: float) -> None:
        """End what has gone on for too long."""
        for member in [each for each in self._all if each.until < now]:
            member.give_way()

    def drain(self) -> None:
        """From now on each reply is its connection's last; those to whom none is owed go."""
        self.draining = True
        for member in list(self._all):
            if not member.owed:
                member.give_way()

    @property
    def owed(self) -> int:
        """To how many a reply is owed."""
        return sum(member.owed for member in self._all)

    def end(self) -> None:
        """Everybody goes at once."""
        for member in list(self._all):
            member.abort()
