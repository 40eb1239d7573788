"""What follows a failed message: another try, later each time and never for ever, or a person."""

import pytest

from schemas import messages
from services.notifier import compose, deliver, slack

Later, Parked = deliver.Later, deliver.Parked


def waits(failure: Exception, *attempts: int) -> list[float]:
    steps = [deliver.after(failure, attempt) for attempt in attempts]
    return [each.after_s for each in steps if isinstance(each, Later)]


def test_waits_double_up_to_five_minutes() -> None:
    assert waits(slack.Unclear("no answer"), *range(1, 11)) == [
        2,
        4,
        8,
        16,
        32,
        64,
        128,
        256,
        300,
        300,
    ]
    assert waits(slack.Unclear("no answer"), deliver.MAX_ATTEMPTS - 1) == [deliver.LONGEST_WAIT_S]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(0.0, 0.0), (7.0, 7.0), (299.0, 299.0), (86_400.0, deliver.LONGEST_WAIT_S)],
)
def test_what_slack_asks_for_is_kept_within_reason(asked: float, waited: float) -> None:
    assert waits(slack.NotSent("wait", asked), 1, 50) == [waited, waited]


def test_a_night_without_slack_loses_nothing_and_what_never_leaves_is_a_persons() -> None:
    whole = sum(waits(slack.Unclear("no answer"), *range(1, deliver.MAX_ATTEMPTS)))
    assert 9 * 3600 < whole < 10 * 3600
    assert isinstance(deliver.after(slack.Unclear("no answer"), deliver.MAX_ATTEMPTS), Parked)
    assert isinstance(deliver.after(slack.NotSent("wait", 1.0), deliver.MAX_ATTEMPTS), Parked)


@pytest.mark.parametrize("code", sorted(deliver._HOPELESS))
def test_a_message_that_is_wrong_in_itself_is_not_tried_again(code: str) -> None:
    assert deliver.after(slack.Refused(code), 1) == Parked(f"Slack says {code}")


@pytest.mark.parametrize(
    "code",
    ["invalid_auth", "channel_not_found", "fatal_error", "ratelimited", "a_code_of_next_year"],
)
def test_what_may_be_mended_outside_is_tried_again(code: str) -> None:
    step = deliver.after(slack.Refused(code), 1)
    assert isinstance(step, Later)
    assert step.error.endswith(code)


def test_whether_it_may_have_arrived_is_kept_with_the_row() -> None:
    unsent, unclear = (
        deliver.after(slack.NotSent("nobody there"), 1),
        deliver.after(slack.Unclear("no answer"), 1),
    )
    assert isinstance(unsent, Later)
    assert isinstance(unclear, Later)
    assert unsent.error.startswith(messages.Delivery.NOT_SENT)
    assert unclear.error.startswith(messages.Delivery.UNCLEAR)


@pytest.mark.parametrize(
    "failure",
    [
        MemoryError(),
        KeyError("gates"),
        RecursionError("too deep"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"),
    ],
)
def test_what_nobody_foresaw_is_tried_three_times(failure: Exception) -> None:
    steps = [deliver.after(failure, attempt) for attempt in (1, 2, 3)]
    assert [type(each) for each in steps] == [Later, Later, Parked]
    assert all(type(failure).__name__ in each.error for each in steps)


def test_a_row_no_message_can_be_made_of_waits_for_nothing() -> None:
    assert deliver.after(compose.NotComposable("an unknown kind"), 1) == Parked("an unknown kind")
