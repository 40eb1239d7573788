"""The ledger of serving logs: emitted = acknowledged + held + given up, whatever happens in which
order, and every log has one fate.
"""

import itertools
from collections import Counter

import emitting
import hypothesis.strategies as st
import pytest
from hypothesis import stateful

from schemas import events
from services.gateway.ledger import envelopes
from services.gateway.ledger.envelopes import Envelope
from services.gateway.ledger.ledger import MOST_HANDED, Ledger

MIB = 1 << 20


def ledger(most_stored: int = MIB, most_memory: int = 16 * MIB) -> Ledger:
    return Ledger("0" * 32, most_stored, most_memory)


def emit(one: Ledger, count: int, size: int = 0, first: int = 0) -> None:
    for number in range(first, first + count):
        one.emit(emitting.line(number, size), 100.0)
    one.fill()


def store(one: Ledger) -> None:
    """As a disk that takes everything."""
    for envelope in list(one.unstored.values()):
        one.store(envelope, envelope.size)


def sums(one: Ledger) -> tuple[int, int, int]:
    now = one.standing(100.0)
    assert now.emitted == now.acknowledged + now.held + now.given_up
    return now.acknowledged, now.held, now.given_up


def test_an_envelope_holds_at_most_256_logs_in_the_order_they_came() -> None:
    one = ledger()
    emit(one, 300)

    first, second, third = one.next(), one.next(), one.next()

    assert first is not None
    assert second is not None
    assert first.lines == [emitting.line(i) for i in range(events.ENVELOPE_MAX)]
    assert second.lines == [emitting.line(i) for i in range(events.ENVELOPE_MAX, 300)]
    assert third is None
    assert sums(one) == (0, 300, 0)


def test_256_logs_with_texts_of_8_kib_are_several_envelopes_of_which_none_is_too_large() -> None:
    one = ledger(64 * MIB)
    emit(one, 256, size=48 << 10)  # each character escaped: six bytes

    sizes = [envelope.size for envelope in one.waiting.values()]

    assert len(sizes) == 52, "five in each"
    assert max(sizes) <= envelopes.MOST_BYTES
    assert sums(one) == (0, 256, 0)


def test_a_log_that_fills_more_than_an_envelope_is_one_of_its_own() -> None:
    one = ledger()
    emit(one, 1)
    emit(one, 1, size=envelopes.MOST_BYTES, first=1)
    emit(one, 1, first=2)

    assert [envelope.logs for envelope in one.waiting.values()] == [1, 1, 1]


def test_a_log_that_no_client_takes_costs_itself_alone() -> None:
    one = ledger()
    emit(one, 1)
    emit(one, 1, size=envelopes.MOST_OF_ONE_LOG, first=1)
    emit(one, 1, first=2)

    assert sums(one) == (0, 2, 1)


def test_what_was_too_large_is_cut_until_only_the_one_that_is_it_is_given_up() -> None:
    one = ledger()
    emit(one, 7)
    emit(one, 1, size=5_000, first=7)
    taken: list[bytes] = []

    while envelope := one.next():
        lines = list(envelope.lines)
        if envelope.size <= 4_000:
            taken += lines
            one.acknowledge(envelope.name)
        elif not one.split(envelope.name, lines):
            one.give_up(envelope.name)

    assert taken == [emitting.line(i) for i in range(7)], "in their order"
    assert sums(one) == (7, 0, 1)
    emit(one, 300)
    assert max(envelope.size for envelope in one.waiting.values()) <= 2_600, "it has learnt"


def test_the_oldest_goes_where_the_disk_has_no_room_and_what_the_client_has_stays() -> None:
    one = ledger(1_000_000)
    emit(one, 256)
    store(one)
    in_hand = one.next()
    assert in_hand is not None
    for number in range(1, 5):
        emit(one, 256, first=256 * number)
    store(one)
    names = list(one.waiting)

    one.most_stored = one.stored - 1
    dropped = one.overflow()

    assert [envelope.name for envelope in dropped] == names[:1]
    assert in_hand.name in one.handed
    assert sums(one) == (0, 4 * 256, 256)


def test_without_a_disk_the_oldest_goes_where_memory_has_no_room() -> None:
    one = ledger(0, most_memory=10_000)
    for number in range(6):
        emit(one, 100, size=9, first=100 * number)
    before = sums(one)[1]

    dropped = one.overflow()

    assert [envelope.logs for envelope in dropped] == [256, 256]
    assert sums(one) == (0, before - 512, 512)


def test_fresh_logs_that_nobody_collects_push_out_the_oldest() -> None:
    one = ledger(most_memory=100)
    for number in range(9):
        one.emit(emitting.line(number), 100.0)

    assert list(one.fresh) == [emitting.line(i) for i in range(5, 9)]
    assert sums(one) == (0, 4, 5)


def test_the_client_has_no_more_in_hand_than_a_window() -> None:
    one = ledger()
    for number in range(MOST_HANDED + 5):
        emit(one, 256, first=number)

    handed = [one.next() for _ in range(MOST_HANDED + 5)]

    assert handed[MOST_HANDED - 1] is not None
    assert handed[MOST_HANDED:] == [None] * 5


def test_how_old_the_oldest_is_counts_from_when_it_was_emitted() -> None:
    one = ledger()
    assert one.standing(500.0).oldest_s == 0
    one.emit(b"{}", 100.0)
    assert one.standing(130.0).oldest_s == 30
    one.fill()
    one.emit(b"{}", 110.0)
    one.next()
    assert one.standing(130.0).oldest_s == 30
    for name in list(one.handed):
        one.acknowledge(name)
    assert one.standing(130.0).oldest_s == 20
    assert one.standing(90.0).oldest_s == 0, "a clock that was set back"


def test_what_another_process_has_left_counts_as_emitted_here() -> None:
    one = ledger()
    left = Envelope("1" * 32 + "/000000000000.jsonl", 10.0, [], 5, 50, 50)
    one.take_up([left])
    assert (one.emitted, sums(one)) == (5, (0, 5, 0))
    assert one.next() is None, "first somebody looks whether Kafka has it"

    one.back(left.name)
    taken = one.next()
    assert taken is left
    one.read(taken, [b"{}"] * 3)
    assert sums(one) == (0, 3, 2)
    one.acknowledge(left.name)
    assert sums(one) == (3, 0, 2)
    assert one.stored == 0


@pytest.mark.parametrize("name", ["nobody's", ""])
def test_a_report_of_what_is_not_held_changes_nothing(name: str) -> None:
    one = ledger()
    emit(one, 1)
    one.acknowledge(name)
    one.give_up(name)
    one.back(name)
    one.doubt(name)
    assert sums(one) == (0, 1, 0)


class Interleaved(stateful.RuleBasedStateMachine):
    """Logs, a disk, a client and a broker that do what they want in any order. `fates`: what became
    of each log in the world outside.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger("0" * 32, 3_000, most_memory=2_000)
        self.numbers = itertools.count()
        self.files: dict[str, list[bytes]] = {}
        self.fates: Counter[bytes] = Counter()

    @stateful.rule(count=st.integers(1, 300), size=st.sampled_from([0, 90, 700]))
    def emits(self, count: int, size: int) -> None:
        for _ in range(count):
            self.ledger.emit(emitting.line(next(self.numbers), size), 0.0)

    @stateful.rule()
    def fills(self) -> None:
        self.ledger.fill()

    @stateful.rule()
    def stores(self) -> None:
        for envelope in list(self.ledger.unstored.values()):
            self.files[envelope.name] = list(envelope.lines)
            self.ledger.store(envelope, envelope.size)

    @stateful.rule()
    def overflows(self) -> None:
        for envelope in self.ledger.overflow():
            self.files.pop(envelope.name, None)
        assert self.ledger.memory <= 2_000

    def _lines(self, envelope: Envelope) -> list[bytes]:
        return list(envelope.lines or self.files[envelope.name])

    @stateful.rule()
    def hands_over(self) -> None:
        envelope = self.ledger.next()
        if envelope:
            self.ledger.read(envelope, self._lines(envelope))

    @stateful.rule(
        data=st.data(), what=st.sampled_from(["taken", "large", "back", "doubt", "given"])
    )
    def reports(self, data: st.DataObject, what: str) -> None:
        if not self.ledger.handed:
            return
        name = data.draw(st.sampled_from(sorted(self.ledger.handed)))
        lines = self._lines(self.ledger.handed[name])
        if what == "taken":
            self.fates.update(lines)
            self.ledger.acknowledge(name)
        elif what == "large":
            self.ledger.split(name, lines)
        else:
            {"back": self.ledger.back, "doubt": self.ledger.doubt, "given": self.ledger.give_up}[
                what
            ](name)

    @stateful.rule(data=st.data(), there=st.booleans())
    def settles(self, data: st.DataObject, there: bool) -> None:
        if not self.ledger.doubtful:
            return
        name = data.draw(st.sampled_from(sorted(self.ledger.doubtful)))
        if there:
            self.fates.update(self._lines(self.ledger.doubtful[name]))
            self.ledger.acknowledge(name)
        else:
            self.ledger.back(name)

    @stateful.invariant()
    def adds_up(self) -> None:
        acknowledged, _, _ = sums(self.ledger)
        assert acknowledged == self.fates.total()
        assert all(times == 1 for times in self.fates.values()), "none twice"
        places = [*self.ledger.waiting, *self.ledger.handed, *self.ledger.doubtful]
        assert len(places) == len(set(places))
        assert set(self.ledger.unstored) <= set(places)

    @stateful.invariant()
    def nothing_has_vanished(self) -> None:
        held = [*self.ledger.fresh]
        for place in (self.ledger.waiting, self.ledger.handed, self.ledger.doubtful):
            for envelope in place.values():
                held += self._lines(envelope)
        assert len(held) == self.ledger.held
        assert self.fates.keys().isdisjoint(held)


TestInterleaved = Interleaved.TestCase
