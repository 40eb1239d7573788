"""What streams/worker/transport.py overrides in Faust and relies on.

If one of these fails after an upgrade, read the method named here again before anything else.
"""

import asyncio
import importlib.metadata
import inspect
import types

import aiokafka
import faust
import pytest
from aiokafka import client
from aiokafka.consumer import group_coordinator
from faust.transport import consumer
from faust.transport.drivers import aiokafka as driver

from streams.worker import transport

OVERRIDDEN = {
    "on_partitions_revoked": ["self", "revoked"],
    "seek_to_committed": ["self"],
    "_getmany": ["self", "active_partitions", "timeout"],
    "getmany": ["self", "timeout"],
    "_new_offset": ["self", "tp"],
    "_add_gap": ["self", "tp", "offset_from", "offset_to"],
    "on_buffer_full": ["self", "tp"],
    "on_buffer_drop": ["self", "tp"],
    "verify_event_path": ["self", "now", "tp"],
    "on_stop": ["self"],
}


def test_the_pinned_version_is_the_one_that_was_read() -> None:
    assert importlib.metadata.version("faust-streaming") == "0.15.3"


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_faust_still_has_what_is_overridden_and_calls_it_alike(name: str) -> None:
    theirs = inspect.signature(getattr(driver.Consumer, name))
    assert list(theirs.parameters) == OVERRIDDEN[name]
    assert list(inspect.signature(getattr(transport.Consumer, name)).parameters) == OVERRIDDEN[name]


def test_recovery_still_seeks_through_seek_to_committed() -> None:
    assert "self.seek_to_committed()" in inspect.getsource(consumer.Consumer.perform_seek)


def test_the_loop_still_reads_through_getmany_and_getmany_through_our_fetch() -> None:
    assert "getmany(timeout=" in inspect.getsource(consumer.Consumer._drain_messages)
    assert "self._getmany(" in inspect.getsource(consumer.Consumer._wait_next_records)


def test_commits_still_ask_new_offset_and_read_what_was_acknowledged() -> None:
    assert "self._new_offset(tp)" in inspect.getsource(
        consumer.Consumer._filter_committable_offsets
    )
    source = inspect.getsource(consumer.Consumer.ack)
    assert "_acked_index" in source
    assert "_acked" in source


def test_aiokafka_still_asks_its_fetch_context_whether_anybody_reads() -> None:
    assert "self._subscription.fetcher_idle_time" in inspect.getsource(
        group_coordinator.GroupCoordinator._heartbeat_routine
    )
    assert "with self._subscription.fetch_context()" in inspect.getsource(
        aiokafka.AIOKafkaConsumer.getmany
    )


def test_the_membership_is_still_where_the_watchdog_looks() -> None:
    assert faust.App._consumer is None
    assert driver.AIOKafkaConsumerThread._consumer is None
    assert (
        "self._coordination_task = create_task(self._coordination_routine())"
        in inspect.getsource(group_coordinator.GroupCoordinator)
    )
    assert "self._coordinator = None" in inspect.getsource(aiokafka.AIOKafkaConsumer)
    # Asked before anything has begun.
    assert transport.membership_error(types.SimpleNamespace(_consumer=None)) is None


def test_the_consumer_and_its_keeper_of_metadata_are_still_made_where_ours_is_put() -> None:
    assert "AIOKafkaConsumerThread(self, loop=self.loop, beacon=self.beacon)" in inspect.getsource(
        driver.Consumer._new_consumer_thread
    )
    assert list(inspect.signature(driver.AIOKafkaConsumerThread._create_consumer).parameters) == [
        "self",
        "loop",
    ]
    assert "create_task(self._md_synchronizer())" in inspect.getsource(
        client.AIOKafkaClient.bootstrap
    )
    assert "self._client = AIOKafkaClient(" in inspect.getsource(aiokafka.AIOKafkaConsumer)


def test_what_keeps_metadata_is_begun_again_until_it_is_cancelled() -> None:
    begun = 0

    async def fails_twice() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise AttributeError("no connection any more")
        await asyncio.Event().wait()

    async def kept() -> None:
        task = asyncio.create_task(transport.keep_on(fails_twice))
        while begun < 3:
            await asyncio.sleep(0.01)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(kept(), 30))


def test_the_rebalance_listener_is_still_ours_to_choose() -> None:
    assert "consumer.RebalanceListener(self)" in inspect.getsource(driver.AIOKafkaConsumerThread)
    assert inspect.iscoroutinefunction(driver.ConsumerRebalanceListener.on_partitions_assigned)
