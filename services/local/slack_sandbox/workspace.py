"""A Slack workspace in memory: channels, messages, threads, and the answers of the Web API's
methods. No network, no clock of its own.

Refused is an answer too: Slack says no with `{"ok": false, "error": ...}` at status 200.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from services.local.slack_sandbox import blocks

Answer = dict[str, Any]
_KEPT: Final = 2000  # messages a channel; the oldest go first
USER: Final = "U0INTENTWATCH"


class Refused(Exception):
    """Slack's error code, and what it adds."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.answer: Answer = {"ok": False, "error": code, **more}


@dataclass(slots=True)
class Channel:
    """A channel and its messages by time stamp, replies included, oldest first."""

    id: str
    name: str
    messages: dict[str, Answer] = field(default_factory=dict)


class Workspace:
    """Every method takes the arguments of one call and returns Slack's answer or raises Refused."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0.0
        self.channels: dict[str, Channel] = {}
        self.methods: dict[str, Callable[[Answer], Answer]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.list": self._list,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
        }

    def call(self, method: str, token: str | None, arguments: Answer) -> Answer:
        """What Slack would answer."""
        try:
            if not token:
                raise Refused("not_authed")
            if not token.startswith("xoxb-"):
                raise Refused("invalid_auth")
            if method not in self.methods:
                raise Refused("unknown_method", req_method=method)
            return {"ok": True, **self.methods[method](arguments)}
        except Refused as refused:
            return refused.answer

    def _auth_test(self, _: Answer) -> Answer:
        return {
            "url": "https://sandbox.slack.com/",
            "team": "sandbox",
            "user": "intentwatch",
            "team_id": "T0SANDBOX",
            "user_id": USER,
            "bot_id": "B0SANDBOX",
        }

    def _post(self, asked: Answer) -> Answer:
        channel = self._opened(_text(asked, "channel"))
        thread = asked.get("thread_ts")
        if thread is not None and thread not in channel.messages:
            raise Refused("thread_not_found")
        body = _body(asked)
        if "metadata" in asked:
            if not blocks.metadata_fits(asked["metadata"]):
                raise Refused("invalid_metadata_format")
            body["metadata"] = asked["metadata"]

        ts = self._ts()
        message = {
            "type": "message",
            "user": USER,
            "bot_id": "B0SANDBOX",
            "ts": ts,
            **body,
        }
        if thread:
            message["thread_ts"] = thread
        channel.messages[ts] = message
        while len(channel.messages) > _KEPT:
            oldest = next(iter(channel.messages))
            del channel.messages[oldest]
        return {
            "channel": channel.id,
            "ts": ts,
            "message": message,
        }

    def _update(self, asked: Answer) -> Answer:
        channel = self._by_id(asked)
        message = channel.messages.get(_text(asked, "ts"))
        if message is None:
            raise Refused("message_not_found")
        message.update(_body(asked))
        if "metadata" in asked:
            message["metadata"] = asked["metadata"]
        message["edited"] = {
            "user": USER,
            "ts": f"{self._clock():.6f}",
        }
        return {
            "channel": channel.id,
            "ts": message["ts"],
            "text": message["text"],
            "message": message,
        }

    def _list(self, _: Answer) -> Answer:
        channels = []
        for channel in self.channels.values():
            channels.append(
                {
                    "id": channel.id,
                    "name": channel.name,
                    "is_channel": True,
                }
            )
        return {
            "channels": channels,
            "response_metadata": {"next_cursor": ""},
        }

    def _history(self, asked: Answer) -> Answer:
        roots = []
        for message in self._by_id(asked).messages.values():
            ts = message["ts"]
            if message.get("thread_ts", ts) == ts:
                roots.append(message)
        return _page(roots[::-1], asked)

    def _replies(self, asked: Answer) -> Answer:
        messages = self._by_id(asked).messages
        ts = _text(asked, "ts")
        if ts not in messages:
            raise Refused("thread_not_found")
        replies = [reply for reply in messages.values() if reply.get("thread_ts") == ts]
        return _page(replies, asked, first=messages[ts])

    def _opened(self, name: str) -> Channel:
        """A channel by name or id; the sandbox opens the one that is named."""
        if not name.strip("# "):
            raise Refused("channel_not_found")
        bare = name.removeprefix("#")
        if bare in self.channels:
            return self.channels[bare]
        for channel in self.channels.values():
            if channel.id == name:
                return channel

        digest = hashlib.sha256(bare.encode()).hexdigest()
        channel = Channel("C" + digest[:10].upper(), bare)
        self.channels[bare] = channel
        return channel

    def _by_id(self, asked: Answer) -> Channel:
        """By id only: Slack reads and edits by nothing else."""
        for channel in self.channels.values():
            if channel.id == asked.get("channel"):
                return channel
        raise Refused("channel_not_found")

    def _ts(self) -> str:
        """A message's time stamp, which is its id in the channel: it never comes twice."""
        self._last = max(self._clock(), self._last + 1e-6)
        return f"{self._last:.6f}"


def _text(asked: Answer, name: str) -> str:
    """An argument as text; empty where it is missing."""
    return str(asked.get(name) or "")


def _body(asked: Answer) -> Answer:
    """The text and blocks of a message, or Slack's refusal of them."""
    text = asked.get("text") or ""
    given = asked.get("blocks")
    if not isinstance(text, str) or (not text.strip() and not given):
        raise Refused("no_text")
    if given is not None:
        errors = blocks.problems(given)
        if errors:
            lines = [f"[ERROR] {error}" for error in errors]
            raise Refused(
                "invalid_blocks",
                errors=errors,
                response_metadata={"messages": lines},
            )
        if blocks.too_long(text, given):
            raise Refused("msg_blocks_too_long")
    elif len(text) > 40_000:
        raise Refused("msg_too_long")
    return {"text": text, "blocks": given or []}


def _page(
    messages: list[Answer],
    asked: Answer,
    first: Answer | None = None,
) -> Answer:
    """One page of messages, `first` however old it is; metadata only for who asks for it."""
    oldest = float(asked.get("oldest") or 0)
    limit = min(int(asked.get("limit") or 100), 999)
    begin = int(asked.get("cursor") or 0)
    end = begin + limit

    listed = [first] if first else []
    for message in messages:
        if float(message["ts"]) >= oldest:
            listed.append(message)
    page = listed[begin:end]
    more = len(listed) > end
    if _text(asked, "include_all_metadata").lower() not in ("1", "true"):
        page = [_without_metadata(message) for message in page]
    return {
        "messages": page,
        "has_more": more,
        "response_metadata": {"next_cursor": str(end) if more else ""},
    }


def _without_metadata(message: Answer) -> Answer:
    return {name: value for name, value in message.items() if name != "metadata"}
