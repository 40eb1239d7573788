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
        self._clock, self._last = clock, 0.0
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

    def _post(self, said: Answer) -> Answer:
        channel = self._named(str(said.get("channel") or ""))
        thread = said.get("thread_ts")
        if thread is not None and thread not in channel.messages:
            raise Refused("thread_not_found")
        body = _body(said)
        if "metadata" in said:
            if not blocks.metadata_fits(said["metadata"]):
                raise Refused("invalid_metadata_format")
            body["metadata"] = said["metadata"]
        ts = self._ts()
        message = {
            "type": "message",
            "user": USER,
            "bot_id": "B0SANDBOX",
            "ts": ts,
            **body,
            **({"thread_ts": thread} if thread else {}),
        }
        channel.messages[ts] = message
        while len(channel.messages) > _KEPT:
            del channel.messages[next(iter(channel.messages))]
        return {"channel": channel.id, "ts": ts, "message": message}

    def _update(self, said: Answer) -> Answer:
        channel = self._known(said)
        message = channel.messages.get(str(said.get("ts") or ""))
        if message is None:
            raise Refused("message_not_found")
        message.update(_body(said))
        if "metadata" in said:
            message["metadata"] = said["metadata"]
        message["edited"] = {"user": USER, "ts": f"{self._clock():.6f}"}
        return {
            "channel": channel.id,
            "ts": message["ts"],
            "text": message["text"],
            "message": message,
        }

    def _list(self, _: Answer) -> Answer:
        found = [
            {"id": channel.id, "name": channel.name, "is_channel": True}
            for channel in self.channels.values()
        ]
        return {"channels": found, "response_metadata": {"next_cursor": ""}}

    def _history(self, asked: Answer) -> Answer:
        roots = [
            message
            for message in self._known(asked).messages.values()
            if message.get("thread_ts", message["ts"]) == message["ts"]
        ]
        return _page(roots[::-1], asked)

    def _replies(self, asked: Answer) -> Answer:
        channel, ts = self._known(asked), str(asked.get("ts") or "")
        if ts not in channel.messages:
            raise Refused("thread_not_found")
        replies = [
            message for message in channel.messages.values() if message.get("thread_ts") == ts
        ]
        return _page(replies, asked, first=channel.messages[ts])

    def _named(self, name: str) -> Channel:
        """A channel by name or id; the sandbox opens the one that is named."""
        if not name.strip("# "):
            raise Refused("channel_not_found")
        bare = name.removeprefix("#")
        known = self.channels.get(bare) or next(
            (channel for channel in self.channels.values() if channel.id == name), None
        )
        if known is None:
            known = self.channels[bare] = Channel(
                "C" + hashlib.sha256(bare.encode()).hexdigest()[:10].upper(), bare
            )
        return known

    def _known(self, asked: Answer) -> Channel:
        """By id only: Slack reads and edits by nothing else."""
        for channel in self.channels.values():
            if channel.id == asked.get("channel"):
                return channel
        raise Refused("channel_not_found")

    def _ts(self) -> str:
        """A message's time stamp, which is its id in the channel: it never comes twice."""
        self._last = max(self._clock(), self._last + 1e-6)
        return f"{self._last:.6f}"


def _body(said: Answer) -> Answer:
    """The text and blocks of a message, or Slack's refusal of them."""
    text, given = said.get("text") or "", said.get("blocks")
    if not isinstance(text, str) or (not text.strip() and not given):
        raise Refused("no_text")
    if given is not None:
        wrong = blocks.problems(given)
        if wrong:
            raise Refused(
                "invalid_blocks",
                errors=wrong,
                response_metadata={"messages": [f"[ERROR] {problem}" for problem in wrong]},
            )
        if blocks.too_long(text, given):
            raise Refused("msg_blocks_too_long")
    elif len(text) > 40_000:
        raise Refused("msg_too_long")
    return {"text": text, "blocks": given or []}


def _page(messages: list[Answer], asked: Answer, first: Answer | None = None) -> Answer:
    """One page of messages; metadata only for who asks for it."""
    oldest, limit = float(asked.get("oldest") or 0), min(int(asked.get("limit") or 100), 999)
    begin = int(asked.get("cursor") or 0)
    found = ([first] if first else []) + [
        message for message in messages if float(message["ts"]) >= oldest
    ]
    page, more = found[begin : begin + limit], len(found) > begin + limit
    if str(asked.get("include_all_metadata") or "").lower() not in ("1", "true"):
        page = [
            {name: value for name, value in message.items() if name != "metadata"}
            for message in page
        ]
    return {
        "messages": page,
        "has_more": more,
        "response_metadata": {"next_cursor": str(begin + limit) if more else ""},
    }
