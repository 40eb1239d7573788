"""What ends a stream worker and with which code, what does not, and where a test may kill it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import ends
import psycopg
import pytest
import sqlalchemy as sa

from schemas import settings
from streams import database
from streams.worker import ending, failpoints, retrying, transport, watchdog


def failing(sqlstate: str) -> sa.exc.DBAPIError:
    """What SQLAlchemy raises where Postgres answered with this code."""
    original = psycopg.errors.lookup(sqlstate)("the first line\nand the statement")
    return sa.exc.OperationalError("select secret", {}, original)


# telling the on-call


@pytest.mark.parametrize("code", [settings.EXIT_INTEGRITY, settings.EXIT_FENCED])
def test_the_end_comes_with_its_code_although_nobody_can_be_told(code: int) -> None:
    """There is no Postgres at this address."""
    telling = ending.telling(database.engine(ends.NOWHERE), "t", ends.end)

    with pytest.raises(ends.Ended) as ended:
        telling("something broke", code)

    assert (str(ended.value), ended.value.code) == ("something broke", code)


def test_a_cause_is_told_under_its_own_digest_whatever_letters_it_has() -> None:
    """An error may quote half a character."""
    causes = ["one", "another", "", "half \ud800 a letter", "漫画"]

    digests = [ending._digest(cause) for cause in causes]

    assert len(set(digests)) == len(causes)
    assert {len(digest) for digest in digests} == {12}
    assert digests == [ending._digest(cause) for cause in causes]


# trying again


def test_what_succeeds_is_returned_after_one_try_and_one_beat() -> None:
    beats: list[None] = []
    persist = retrying.Retrying(ends.end, lambda: beats.append(None))

    assert persist("store it", lambda: 42) == 42
    assert len(beats) == 1


@pytest.mark.parametrize("sqlstate", ["23505", "22P02", "42601"])
def test_what_was_asked_wrongly_ends_the_worker_at_once(sqlstate: str) -> None:
    """Asked again it would be as wrong. What was asked is not told: it holds data."""
    persist = retrying.Retrying(ends.end, lambda: None)
    tries: list[None] = []

    def attempt() -> None:
        tries.append(None)
        raise failing(sqlstate)

    with pytest.raises(ends.Ended, match=r"cannot store it: the first line$") as ended:
        persist("store it", attempt)

    assert ended.value.code == settings.EXIT_INTEGRITY
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("sqlstate", "cause"),
    [("42501", "the role lacks a right"), ("42P01", "the database has no tables of intentwatch")],
)
def test_what_the_database_lacks_ends_the_worker_as_a_dependency_with_the_remedy(
    sqlstate: str, cause: str
) -> None:
    persist = retrying.Retrying(ends.end, lambda: None)

    def attempt() -> None:
        raise failing(sqlstate)

    with pytest.raises(
        ends.Ended, match=rf"^cannot store it: {cause} \(the first line\); "
    ) as ended:
        persist("store it", attempt)

    assert ended.value.code == settings.EXIT_DEPENDENCY


def test_a_deadlock_is_tried_again_and_the_worker_beats_before_each_try() -> None:
    """A worker that tries is not stuck."""
    beats: list[None] = []
    outcomes: list[Exception | str] = [failing("40P01"), "stored"]

    def attempt() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    persist = retrying.Retrying(ends.end, lambda: beats.append(None))

    assert persist("store it", attempt) == "stored"
    assert len(beats) == 2


def test_an_error_that_is_not_postgres_is_not_tried_again() -> None:
    persist = retrying.Retrying(ends.end, lambda: None)

    with pytest.raises(ZeroDivisionError):
        persist("store it", lambda: 1 // 0)


def test_pauses_grow_to_two_seconds_and_never_end() -> None:
    pauses = retrying._pauses()

    first = [next(pauses) for _ in range(100)]

    assert first[:7] == [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.0]
    assert first == sorted(first)
    assert first[-1] == 2.0


# membership of the group


async def _fails() -> None:
    raise ConnectionError("the coordinator is gone")


async def _waits() -> None:
    await asyncio.Event().wait()


async def _returns() -> None:
    return


def membership(work: Any, pending: BaseException | None = None, *, cancel: bool = False) -> Any:
    """What the watchdog sees of a member whose task does this work."""

    async def asked() -> BaseException | None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        if cancel:
            task.cancel()
        await asyncio.sleep(0)
        coordinator = SimpleNamespace(_coordination_task=task, _pending_exception=pending)
        client = SimpleNamespace(_coordinator=coordinator)
        thread = SimpleNamespace(_consumer=client)
        app = SimpleNamespace(_consumer=SimpleNamespace(_thread=thread))
        error = transport.membership_error(app)
        task.cancel()
        return error

    return asyncio.run(asked())


def test_a_member_at_work_has_no_error() -> None:
    assert membership(_waits) is None


def test_a_member_whose_task_has_failed_is_none_any_more() -> None:
    assert str(membership(_fails)) == "the coordinator is gone"


def test_an_error_that_waits_for_somebody_to_read_is_told_by_the_watchdog() -> None:
    """Nobody reads through aiokafka here, so nobody else would ever see it."""
    waiting = RuntimeError("fenced instance id")

    assert membership(_waits, waiting) is waiting
    assert membership(_returns, waiting) is waiting


def test_a_task_that_was_cancelled_or_has_returned_is_a_good_end() -> None:
    assert membership(_waits, cancel=True) is None
    assert membership(_returns) is None


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_before_the_membership_begins_there_is_nothing_to_be_wrong(depth: int) -> None:
    """App, thread, client and coordinator come one after another."""
    app = SimpleNamespace(
        _consumer=depth > 0
        and SimpleNamespace(
            _thread=SimpleNamespace(
                _consumer=SimpleNamespace(_coordinator=None) if depth > 1 else None
            )
        )
    )

    assert transport.membership_error(app) is None


def test_a_watchdog_that_cannot_look_says_so_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> BaseException | None:
        raise AttributeError("_coordinator")

    dog = watchdog.Watchdog(broken, ends.end)

    assert dog._membership_error() is None
    assert "cannot see the consumer group: AttributeError: _coordinator" in caplog.text


def test_who_is_ended_by_a_watchdog_may_start_again() -> None:
    dog = watchdog.Watchdog(lambda: None, ends.end)

    with pytest.raises(ends.Ended, match="start the worker again") as ended:
        dog._stop("no progress")

    assert ended.value.code == settings.EXIT_TRY_AGAIN


# where a test may kill


@pytest.mark.parametrize("step", failpoints.STEPS)
def test_a_step_armed_for_its_third_time_lets_two_pass(step: str) -> None:
    points = failpoints.Failpoints(f"{step}:3")

    points.passed(step)
    points.passed(step)

    assert points._left == 1


def test_unarmed_every_step_and_every_record_passes() -> None:
    points = failpoints.Failpoints()

    for step in failpoints.STEPS:
        points.passed(step)
    points.decoding([b"", b"poison", b"\xff"])

    assert points.armed == ""


def test_armed_for_one_step_all_others_pass() -> None:
    points = failpoints.Failpoints("commit")

    for step in failpoints.STEPS:
        if step != "commit":
            points.passed(step)
    points.decoding([b"commit"])

    assert points._left == 1


def test_a_poison_is_its_whole_text_and_other_records_pass() -> None:
    points = failpoints.Failpoints("poison:kill:me")

    points.decoding([b"kill", b"me", b"", b"kill me"])
    points.passed("decode")

    assert points._poison == b"kill:me"


@pytest.mark.parametrize("armed", ["comit", "Commit", "commit ", ":1", "poisons:x"])
def test_a_step_that_is_none_is_refused_with_those_there_are(armed: str) -> None:
    with pytest.raises(ValueError, match="there are poison, fetch, decode, begin, offset"):
        failpoints.Failpoints(armed)
