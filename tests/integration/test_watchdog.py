"""A worker that stalls, or is no longer a member of its group, ends; one that lives does not,
whatever the watchdog meets.
"""

import threading
import time
from typing import NoReturn

import pytest

from schemas import settings
from streams.worker import watchdog


def watched(
    error: BaseException | None, *, raises: bool = False, beats_s: float = 0.0
) -> tuple[str, int] | None:
    """The cause and status with which a watchdog of 0.6 s patience ends its process within 3 s, if
    it does. `beats_s`: how long the worker beats.
    """
    ends: list[tuple[str, int]] = []
    ended = threading.Event()

    def end(cause: str, code: int) -> NoReturn:
        ends.append((cause, code))
        ended.set()
        while True:  # as ended as a thread can be
            time.sleep(60)

    def asked() -> BaseException | None:
        if raises:
            raise AttributeError("not there yet")
        return error

    dog = watchdog.Watchdog(asked, end, patience_s=0.6)
    dog.start()
    until = time.monotonic() + beats_s
    while time.monotonic() < until and not ended.wait(0.05):
        dog.beat()
    ended.wait(0 if beats_s else 3)
    return ends[0] if ends else None


def test_a_membership_that_has_ended_ends_the_worker_although_it_beats() -> None:
    ending = watched(RuntimeError("no member any more"), beats_s=3)
    assert ending is not None
    assert ending[1] == settings.EXIT_TRY_AGAIN
    assert "no member any more" in ending[0]


@pytest.mark.parametrize("raises", [False, True])
def test_a_worker_that_beats_lives_and_one_that_does_not_ends(raises: bool) -> None:
    assert watched(None, raises=raises, beats_s=1.8) is None
    ending = watched(None, raises=raises)
    assert ending is not None
    assert "stalled" in ending[0]
