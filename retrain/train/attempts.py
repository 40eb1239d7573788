"""Try a run, and know when to stop: the third failure that nobody foresaw sets it aside with an
alarm, and the runs behind it go on.
"""

import logging

import sqlalchemy as sa

from retrain import store
from retrain.train import job, workshop
from retrain.train.ended import guard
from schemas import messages, runs
from streams import leases, outbox, transient
from streams.stages import rounds

TRIES = 3
log = logging.getLogger("intentwatch.retrain")


def by_hand(shop: workshop.Workshop, run_id: str) -> runs.State:
    """One try: a person sees how it ends, and starts it again. Raises leases.Lost."""
    with workshop.held(shop, run_id) as mine:
        try:
            return job.execute(mine, run_id)
        except leases.Lost:
            raise  # whoever has the run now says how it ends
        except Exception as error:
            log.exception("run %s has failed", run_id)
            return job.fail(mine, run_id, rounds.said(error))


def by_worker(shop: workshop.Workshop, run_id: str) -> runs.State:
    """One of at most three tries. Returns the state the run ended in; raises what this try failed
    in while there is another one to come, and leases.Lost.
    """
    with workshop.held(shop, run_id) as mine:
        return _tried(mine, run_id)


def _tried(shop: workshop.Workshop, run_id: str) -> runs.State:
    with shop.held.begin() as connection:
        number = store.begin_attempt(connection, run_id)
        before = store.run(connection, run_id)
    if number > TRIES:
        silent = "its worker ended in the middle of it; out of memory?"
        return _set_aside(shop, run_id, before["error"] or silent)

    try:
        return job.execute(shop, run_id)
    except leases.Lost:
        raise  # whoever has the run now says how it ends
    except Exception as error:
        cause = rounds.said(error)
        # An outage says nothing of the run: the try does not count.
        outage = isinstance(error, sa.exc.SQLAlchemyError) and transient.outage(error)
        if number == TRIES and not outage:
            log.exception("run %s is set aside", run_id)
            return _set_aside(shop, run_id, cause)

        # A registered candidate only lacks its promotion: it is not trained again.
        registered = before["state"] == runs.State.REGISTERED
        state = runs.State.REGISTERED if registered else runs.State.QUEUED
        with shop.held.begin() as connection:
            meanwhile = guard.ended(connection, run_id)
            if meanwhile is not None:
                return meanwhile
            store.change_run(
                connection,
                run_id,
                state=state,
                error=cause,
                attempts=number - outage,
            )
        raise


def _set_aside(shop: workshop.Workshop, run_id: str, cause: str) -> runs.State:
    alarm = messages.AlarmRaised(
        messages.aside_key(run_id),
        f"run {run_id} is set aside after {TRIES} tries: {cause}",
        "read the retrain worker's log; when the cause is mended, `python retrain/run.py run`. "
        f"Details: `python retrain/run.py show {run_id}`",
    )
    with shop.held.begin() as connection:
        outbox.tell(connection, alarm)
    return job.fail(shop, run_id, f"{cause} ({TRIES} tries)")
