"""What an answer of Slack's, or none, says about whether the message arrived: sent, surely not
sent, or to be looked up before another try.
"""

import email.message
import http.client
import socket
import ssl
import urllib.error

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import messages
from services.notifier import deliver, slack


def headers(**of: str) -> email.message.Message:
    """As urllib hands them on: names in any case."""
    made = email.message.Message()
    for name, value in of.items():
        made[name.replace("_", "-")] = value
    return made


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        ("86400", 86_400.0),
        # What is no whole number of seconds is answered with a short wait.
        ("", 1.0),
        ("soon", 1.0),
        ("-5", 1.0),
        ("1.5", 1.0),
        ("nan", 1.0),
        ("Fri, 31 Dec 2026 23:59:59 GMT", 1.0),
        ("²", 1.0),
    ],
)
def test_who_asks_us_to_wait_is_left_alone_for_so_long(asked: str, seconds: float) -> None:
    waiting = slack.refusal(429, headers(Retry_After=asked), "ratelimited")

    assert isinstance(waiting, slack.NotSent)
    assert waiting.retry_after_s == seconds


def test_who_asks_us_to_wait_and_not_how_long_is_asked_again_after_a_second() -> None:
    waiting = slack.refusal(429, headers(), "ratelimited")

    assert isinstance(waiting, slack.NotSent)
    assert waiting.retry_after_s == 1.0


def test_the_name_of_a_header_is_read_in_any_case() -> None:
    waiting = slack.refusal(429, headers(retry_after="7"), "ratelimited")

    assert isinstance(waiting, slack.NotSent)
    assert waiting.retry_after_s == 7.0


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_of_a_server_that_failed_nobody_knows_whether_it_had_taken_the_message(
    status: int,
) -> None:
    unclear = slack.refusal(status, headers(), "None")

    assert isinstance(unclear, slack.Unclear)
    assert str(unclear) == f"Slack answered with status {status}"


@pytest.mark.parametrize(
    "code", ["fatal_error", "internal_error", "request_timeout", "service_unavailable"]
)
def test_a_code_of_a_failure_half_way_is_no_refusal(code: str) -> None:
    """Slack's word for these: some of it may have succeeded."""
    unclear = slack.refusal(200, headers(), code)

    assert isinstance(unclear, slack.Unclear)
    assert str(unclear) == f"Slack says {code}"


@pytest.mark.parametrize("status", [200, 400, 403, 404])
@pytest.mark.parametrize("code", ["invalid_blocks", "channel_not_found", "code_2027"])
def test_a_code_of_slacks_is_a_refusal_whatever_the_status(status: int, code: str) -> None:
    refused = slack.refusal(status, headers(), code)

    assert isinstance(refused, slack.Refused)
    assert refused.code == code
    assert refused.retry_after_s is None


@pytest.mark.parametrize(
    "page",
    [
        "",
        "None",  # an answer without any code
        "<html>captive portal</html>",
        "Invalid_Blocks",
        "not a code",
        "invalid_blocks\n",
        "9lives",
        "kód",
    ],
)
def test_the_page_of_something_between_us_and_slack_is_not_slacks_word(page: str) -> None:
    unclear = slack.refusal(403, headers(), page)

    assert isinstance(unclear, slack.Unclear)
    assert str(unclear) == "the answer with status 403 is not Slack's"


@given(st.integers(200, 599), st.text(max_size=40), st.text(max_size=10))
def test_any_answer_is_one_of_the_three_and_never_an_error(
    status: int, code: str, asked: str
) -> None:
    failure = slack.refusal(status, {"Retry-After": asked}, code)

    assert isinstance(failure, slack.NotSent | slack.Unclear)
    if status >= 500:
        assert isinstance(failure, slack.Unclear)


REFUSED = ConnectionRefusedError(111, "Connection refused")
NO_NAME = socket.gaierror(-2, "Name or service not known")
FOREIGN = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize("cause", [REFUSED, NO_NAME, FOREIGN])
def test_a_connection_that_never_came_about_sent_nothing(cause: OSError) -> None:
    """Alone, or as urllib wraps it."""
    for error in (cause, urllib.error.URLError(cause)):
        failure = slack.silence(error)

        assert isinstance(failure, slack.NotSent)
        assert failure.retry_after_s is None
        assert str(failure).startswith("no connection to Slack: ")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("timed out"), "no answer from Slack: TimeoutError timed out"),
        (ConnectionResetError(104, "reset"), "ConnectionResetError [Errno 104] reset"),
        (BrokenPipeError(32, "broken"), "BrokenPipeError [Errno 32] broken"),
        (ssl.SSLEOFError(8, "EOF"), "SSLEOFError"),
        (http.client.RemoteDisconnected("closed"), "RemoteDisconnected closed"),
        (http.client.IncompleteRead(b"{"), "IncompleteRead"),
        (urllib.error.URLError(TimeoutError("timed out")), "TimeoutError timed out"),
        # urllib gives a bare text, too.
        (urllib.error.URLError("no host given"), "str no host given"),
    ],
)
def test_a_connection_that_broke_may_have_sent_everything(
    error: OSError | http.client.HTTPException, words: str
) -> None:
    failure = slack.silence(error)

    assert isinstance(failure, slack.Unclear)
    assert words in str(failure)


def test_an_error_without_words_is_named_and_ends_in_no_blank() -> None:
    assert str(slack.silence(TimeoutError())) == "no answer from Slack: TimeoutError"


def test_a_refusal_was_not_sent_so_it_needs_no_lookup() -> None:
    later = deliver.after(slack.Refused("channel_not_found"), 1)

    assert isinstance(later, deliver.Later)
    assert messages.Delivery.of(later.error) is messages.Delivery.NOT_SENT


def test_a_wait_that_slack_asks_for_stays_under_five_minutes_whatever_it_asks() -> None:
    forever = slack.refusal(429, headers(Retry_After="9" * 400), "ratelimited")

    later = deliver.after(forever, 1)

    assert isinstance(later, deliver.Later)
    assert later.after_s == deliver.LONGEST_WAIT_S


def test_two_rows_of_the_outbox_have_two_marks_and_a_row_has_one() -> None:
    mark = slack.Mark(7, "decision:d_1")

    assert mark.metadata() == {
        "event_type": "intentwatch_outbox",
        "event_payload": {"outbox_id": 7, "dedupe_key": "decision:d_1"},
    }
    assert mark.metadata() == slack.Mark(7, "decision:d_1").metadata()
    assert mark.metadata() != slack.Mark(8, "decision:d_1").metadata()
    assert mark.metadata() != slack.Mark(7, "decision:d_2").metadata()


@given(st.sampled_from([slack.NotSent("x"), slack.Unclear("x")]), st.integers(1, 118))
def test_a_later_attempt_never_waits_less(failure: Exception, attempt: int) -> None:
    sooner, later = deliver.after(failure, attempt), deliver.after(failure, attempt + 1)

    assert isinstance(sooner, deliver.Later)
    assert isinstance(later, deliver.Later)
    assert 0 < sooner.after_s <= later.after_s <= deliver.LONGEST_WAIT_S
