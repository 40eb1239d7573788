"""The Slack that the demo and the tests talk to refuses what Slack refuses, so that nobody learns
it in production.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from services.local.slack_sandbox import blocks, workspace

TOKEN = "xoxb-of-a-workspace"
META = {"event_type": "seen", "event_payload": {"key": "k1"}}


@pytest.fixture
def slack() -> workspace.Workspace:
    """One whose clock stands still, as a clock may."""
    return workspace.Workspace(lambda: 1_000.0)


def call(slack: workspace.Workspace, method: str, **arguments: Any) -> dict[str, Any]:
    return slack.call(method, TOKEN, arguments)


def posted(
    slack: workspace.Workspace, text: str = "hello", channel: str = "#on-call", **more: Any
) -> dict[str, Any]:
    answer = call(slack, "chat.postMessage", channel=channel, text=text, **more)
    assert answer["ok"], answer
    return answer


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (None, "not_authed"),
        ("", "not_authed"),
        ("xoxp-a-person", "invalid_auth"),
        ("abc", "invalid_auth"),
    ],
)
def test_a_token_that_is_none_of_a_bot_is_refused(
    slack: workspace.Workspace, token: str | None, error: str
) -> None:
    assert slack.call("auth.test", token, {}) == {"ok": False, "error": error}


def test_an_unknown_method_is_named() -> None:
    assert workspace.Workspace(lambda: 0.0).call("chat.shout", TOKEN, {}) == {
        "ok": False,
        "error": "unknown_method",
        "req_method": "chat.shout",
    }


def test_time_stamps_are_ids_that_never_come_twice_even_while_the_clock_stands(
    slack: workspace.Workspace,
) -> None:
    stamps = [posted(slack)["ts"] for _ in range(50)]
    assert len(set(stamps)) == 50
    assert stamps == sorted(stamps)


def test_a_channel_is_opened_by_its_name_and_then_known_by_its_id(
    slack: workspace.Workspace,
) -> None:
    first = posted(slack, channel="#on-call")["channel"]
    assert (
        posted(slack, channel="on-call")["channel"]
        == posted(slack, channel=first)["channel"]
        == first
    )
    assert [
        (each["id"], each["name"]) for each in call(slack, "conversations.list")["channels"]
    ] == [(first, "on-call")]
    assert (
        call(slack, "conversations.history", channel="#on-call")["error"] == "channel_not_found"
    ), "to read it takes the id"


@pytest.mark.parametrize("channel", ["", "#", " # "])
def test_no_channel_is_not_found(slack: workspace.Workspace, channel: str) -> None:
    assert (
        call(slack, "chat.postMessage", channel=channel, text="x")["error"] == "channel_not_found"
    )


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({}, "no_text"),
        ({"text": "  \n"}, "no_text"),
        ({"text": 5}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [{"type": "carousel"}]}, "invalid_blocks"),
        ({"text": "x" * 12_000, "blocks": [{"type": "divider"}]}, "msg_blocks_too_long"),
        ({"text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_format"),
        ({"text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
    ],
)
def test_a_message_slack_would_not_take_is_refused_and_stands_nowhere(
    slack: workspace.Workspace, said: dict[str, Any], error: str
) -> None:
    channel = posted(slack)["channel"]
    assert call(slack, "chat.postMessage", channel=channel, **said)["error"] == error
    assert len(call(slack, "conversations.history", channel=channel)["messages"]) == 1


def test_history_has_the_newest_first_and_no_reply_and_a_thread_its_root_first(
    slack: workspace.Workspace,
) -> None:
    root = posted(slack, "one")
    channel = root["channel"]
    posted(slack, "a reply", thread_ts=root["ts"])
    posted(slack, "two")
    posted(slack, "another reply", thread_ts=root["ts"])
    assert [
        each["text"] for each in call(slack, "conversations.history", channel=channel)["messages"]
    ] == ["two", "one"]
    thread = call(slack, "conversations.replies", channel=channel, ts=root["ts"])["messages"]
    assert [each["text"] for each in thread] == ["one", "a reply", "another reply"]
    assert (
        call(slack, "conversations.replies", channel=channel, ts="9.9")["error"]
        == "thread_not_found"
    )


def pages(slack: workspace.Workspace, **asked: Any) -> Iterator[list[str]]:
    cursor = ""
    while True:
        answer = call(slack, "conversations.history", **asked, cursor=cursor)
        yield [each["text"] for each in answer["messages"]]
        cursor = answer["response_metadata"]["next_cursor"]
        assert answer["has_more"] == bool(cursor)
        if not cursor:
            return


def test_pages_hold_every_message_once(slack: workspace.Workspace) -> None:
    channel, *_ = (posted(slack, str(i))["channel"] for i in range(7))
    assert list(pages(slack, channel=channel, limit=3)) == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert list(pages(slack, channel=channel, limit=7)) == [["6", "5", "4", "3", "2", "1", "0"]]


def test_what_is_older_than_asked_for_is_left_out() -> None:
    now = iter([100.0, 200.0, 300.0])
    slack = workspace.Workspace(lambda: next(now))
    channel, *_ = (posted(slack, str(i))["channel"] for i in range(3))
    assert [
        each["text"]
        for each in call(slack, "conversations.history", channel=channel, oldest="200")["messages"]
    ] == ["2", "1"]


def test_a_mark_is_shown_to_who_asks_for_it_alone(slack: workspace.Workspace) -> None:
    channel = posted(slack, metadata=META)["channel"]
    plain = call(slack, "conversations.history", channel=channel)["messages"][0]
    marked = call(slack, "conversations.history", channel=channel, include_all_metadata="true")[
        "messages"
    ][0]
    assert "metadata" not in plain
    assert marked["metadata"] == META


def test_an_edit_changes_the_message_in_its_place(slack: workspace.Workspace) -> None:
    first, second = posted(slack, "one"), posted(slack, "two")
    edited = call(
        slack,
        "chat.update",
        channel=first["channel"],
        ts=first["ts"],
        text="one, mended",
        metadata=META,
    )
    assert (edited["ok"], edited["ts"], edited["text"]) == (True, first["ts"], "one, mended")
    shown = call(slack, "conversations.history", channel=first["channel"])["messages"]
    assert [(each["text"], "edited" in each) for each in shown] == [
        ("two", False),
        ("one, mended", True),
    ]
    assert (
        call(slack, "chat.update", channel=second["channel"], ts="9.9", text="x")["error"]
        == "message_not_found"
    )
    assert (
        call(slack, "chat.update", channel=first["channel"], ts=first["ts"], text="")["error"]
        == "no_text"
    )


def test_of_more_messages_than_a_channel_keeps_the_oldest_go(slack: workspace.Workspace) -> None:
    channel, *_ = (posted(slack, str(i))["channel"] for i in range(workspace._KEPT + 5))
    kept = slack.channels["on-call"].messages
    assert len(kept) == workspace._KEPT
    assert next(iter(kept.values()))["text"] == "5"
    assert channel == slack.channels["on-call"].id


def text(of: str, kind: str = "plain_text") -> dict[str, str]:
    return {"type": kind, "text": of}


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"type": "header", "text": text("x" * 150)}, ""),
        ({"type": "header", "text": text("x" * 151)}, "must be less than 151 characters"),
        ({"type": "header", "text": text("x", "mrkdwn")}, "text must be one of plain_text"),
        ({"type": "section", "text": text("x" * 3000, "mrkdwn")}, ""),
        (
            {"type": "section", "text": text("x" * 3001, "mrkdwn")},
            "must be less than 3001 characters",
        ),
        ({"type": "section", "text": text("")}, "must be more than 0 characters"),
        ({"type": "section"}, "missing required field: text"),
        ({"type": "section", "fields": []}, "fields must have 1 to 10 items"),
        ({"type": "section", "fields": [text("x")] * 11}, "fields must have 1 to 10 items"),
        ({"type": "section", "fields": [text("x" * 2001)]}, "must be less than 2001 characters"),
        ({"type": "section", "fields": [text("x")] * 10}, ""),
        ({"type": "context", "elements": [text("x")] * 10}, ""),
        ({"type": "context", "elements": "x"}, "elements must have 1 to 10 items"),
        ({"type": "context", "elements": [{"type": "image"}]}, "missing required field: text"),
        ({"type": "divider"}, ""),
        ({"type": "image"}, "unsupported type: image"),
        ("text", "unsupported type: None"),
    ],
)
def test_a_block_is_held_to_slacks_limits(block: Any, says: str) -> None:
    problems = blocks.problems([{"type": "divider"}, block])
    assert problems == ([f"{says} [json-pointer:/blocks/1]"] if says else [])


def test_at_most_fifty_blocks_and_a_list_of_them() -> None:
    assert blocks.problems([{"type": "divider"}] * 50) == []
    assert blocks.problems([{"type": "divider"}] * 51) == [
        "no more than 50 items allowed [json-pointer:/blocks]"
    ]
    assert blocks.problems({"type": "divider"}) == ["blocks must be an array"]
