"""How signals end what is under way: the first unwinds, further ones hasten, and what is put away
is put away whole.
"""

import contextlib
import signal
from collections.abc import Callable

import pytest

from services.local import ending

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def heard() -> list[object]:
    return [signal.getsignal(number) for number in (INT, TERM, HUP)]


@pytest.mark.parametrize("number", [INT, TERM, HUP])
def test_each_of_them_unwinds_and_says_so_at_once(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = heard()
    with pytest.raises(KeyboardInterrupt), ending.terminable():
        signal.raise_signal(number)
    assert (
        capfd.readouterr().err
        == "intentwatch: stopping what was started; a second Ctrl-C kills it\n"
    )
    assert heard() == before


def test_a_status_is_for_whoever_was_not_stopped_by_hand() -> None:
    with pytest.raises(SystemExit, match="0"), ending.terminable(0):
        signal.raise_signal(TERM)
    with pytest.raises(KeyboardInterrupt), ending.terminable(0):
        signal.raise_signal(INT)


def starting(steps: list[str]) -> None:
    with ending.undisturbed():
        signal.raise_signal(INT)
        steps.append("noted")
    steps.append("gone on")


def putting_away(steps: list[str]) -> None:
    try:
        signal.raise_signal(INT)
    finally:
        with ending.undisturbed(ending=True):
            steps.append(f"again: {ending.again()}")
            signal.raise_signal(INT)
            signal.raise_signal(HUP)
            steps.append(f"again: {ending.again()}")
        signal.raise_signal(INT)
        steps.append("the rest too")


def swallowing(steps: list[str]) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(INT)
    steps.append("swallowed")
    signal.raise_signal(INT)
    steps.append("gone on")


@pytest.mark.parametrize(
    ("work", "steps"),
    [
        (starting, ["noted"]),  # what is being started is known to who stops it
        # Nothing disturbs it, and a second signal hastens it.
        (putting_away, ["again: False", "again: True", "the rest too"]),
        (swallowing, ["swallowed"]),  # the next signal raises again
    ],
)
def test_a_signal_takes_effect_where_nothing_is_left_behind(
    work: Callable[[list[str]], None], steps: list[str]
) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), ending.terminable():
        work(done)
    assert done == steps
    assert not ending.again(), "another one begins anew"


def test_what_whoever_started_us_has_switched_off_stays_off() -> None:
    before = signal.signal(HUP, signal.SIG_IGN)  # as nohup does
    try:
        with ending.terminable():
            signal.raise_signal(HUP)
    finally:
        signal.signal(HUP, before)
