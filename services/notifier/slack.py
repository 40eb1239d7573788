"""The only door to Slack: slack_sdk's WebClient. Never retries by itself: a lost answer says
nothing about whether the message arrived.

Every failure is one of three: NotSent and Refused did not post, Unclear may have.
"""

import datetime as dt
import http.client
import logging
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from services.notifier import compose

SLACK: Final = "https://slack.com/api/"
SANDBOX_TOKEN: Final = "xoxb-sandbox"  # noqa: S105 - opens nothing but the local sandbox
TIMEOUT_S: Final = 10
_EVENT: Final = "intentwatch_outbox"
_PAGES: Final = 3
_SKEW: Final = dt.timedelta(minutes=10)  # Slack's clock against Postgres' clock
_CODE: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_CHANNEL_ID: Final = re.compile(r"[CDG][A-Z0-9]{8,}\Z")
# Slack's word: some of it may have succeeded.
_MAYBE_DONE: Final = ("fatal_error", "internal_error", "request_timeout", "service_unavailable")


class NotSent(RuntimeError):
    """It did not reach Slack, or Slack asked us to wait."""

    def __init__(self, cause: str, retry_after_s: float | None = None) -> None:
        super().__init__(cause)
        self.retry_after_s = retry_after_s


class Refused(NotSent):
    """Slack read it and said no, with a code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack says {code}")
        self.code = code


class Unclear(RuntimeError):
    """It may have been posted: look it up before trying again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: Slack's id of the channel, and the message's time stamp."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of the outbox as it is written into a message's metadata."""

    outbox_id: int
    dedupe_key: str

    def metadata(self) -> dict[str, Any]:
        """As Slack takes it."""
        payload = {
            "outbox_id": self.outbox_id,
            "dedupe_key": self.dedupe_key,
        }
        return {
            "event_type": _EVENT,
            "event_payload": payload,
        }


class Slack:
    """One workspace and one channel. `token` is read again for each call: it may be a new one."""

    def __init__(
        self,
        token: str | SecretStr,
        channel: str,
        base_url: str = SLACK,
        *,
        timeout_s: int = TIMEOUT_S,
    ) -> None:
        quiet = logging.getLogger("intentwatch.slack_sdk")
        quiet.setLevel(logging.CRITICAL)  # what it would log, the caller says once
        # retry_handlers=[]: the default one posts again after a lost answer, so one call can be two
        # messages.
        self._token = token
        self._web = WebClient(
            base_url=base_url,
            timeout=timeout_s,
            retry_handlers=[],
            logger=quiet,
        )
        self._channel = channel
        # slack_sdk reads HTTP_PROXY and knows no NO_PROXY.
        if urllib.parse.urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1"):
            self._web.proxy = None
            no_proxy = urllib.request.ProxyHandler({})
            urllib.request.install_opener(urllib.request.build_opener(no_proxy))

    def post(self, message: compose.Message, mark: Mark) -> Place:
        """A new message in the channel."""
        return self._say(message, mark, channel=self._channel)

    def reply(self, place: Place, message: compose.Message, mark: Mark) -> Place:
        """A line in a message's thread."""
        return self._say(message, mark, channel=place.channel, thread_ts=place.ts)

    def _say(self, message: compose.Message, mark: Mark, **where: str) -> Place:
        body = {
            "text": message.text,
            "blocks": message.blocks,
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": mark.metadata(),
        }
        answer = self._call("chat.postMessage", json=body | where)
        return Place(answer["channel"], answer["ts"])

    def update(self, place: Place, message: compose.Message) -> None:
        """Edit a message in place; its metadata stays."""
        body = {
            "channel": place.channel,
            "ts": place.ts,
            "text": message.text,
            "blocks": message.blocks,
        }
        self._call("chat.update", json=body)

    def find(
        self, marks: Collection[Mark], *, since: dt.datetime, thread: Place | None = None
    ) -> Place | None:
        """A message that carries one of these marks: in the channel, or in a thread of it."""
        wanted = [mark.metadata() for mark in marks]
        oldest = (since - _SKEW).timestamp()
        where: dict[str, Any] = {
            "oldest": f"{oldest:.6f}",
            "include_all_metadata": True,
            "limit": 200,
        }
        if thread:
            method, channel = "conversations.replies", thread.channel
            where["ts"] = thread.ts
        else:
            method, channel = "conversations.history", self._channel_id()
        for page in self._pages(method, where | {"channel": channel}):
            for message in page["messages"]:
                if message.get("metadata") in wanted:
                    return Place(channel, message["ts"])
        return None

    def _channel_id(self) -> str:
        """Slack posts to a name but reads only by id."""
        if _CHANNEL_ID.match(self._channel):
            return self._channel
        name = self._channel.removeprefix("#")
        where = {
            "types": "public_channel,private_channel",
            "exclude_archived": True,
            "limit": 1000,
        }
        for page in self._pages("conversations.list", where):
            for channel in page["channels"]:
                if channel["name"] == name:
                    return str(channel["id"])
        raise Refused("channel_not_found")

    def _pages(self, method: str, params: dict[str, Any]) -> Iterator[Any]:
        for _ in range(_PAGES):
            page = self._call(method, params=params)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
            params = params | {"cursor": cursor}

    def _call(self, method: str, **body: Any) -> Any:
        token = self._token
        self._web.token = token if isinstance(token, str) else token.get_secret_value()
        try:
            return self._web.api_call(method, **body).data
        except SlackApiError as error:
            answer = error.response
            code = str(answer.get("error"))
            raise refusal(answer.status_code, answer.headers, code) from error
        except (OSError, http.client.HTTPException) as error:
            raise silence(error) from error
        except (SlackClientError, ValueError) as error:
            raise NotSent(f"slack_sdk could not make the request: {error}") from error


def refusal(status: int, headers: Any, code: str) -> NotSent | Unclear:
    """Pure. What an answer that is not ok means."""
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        asked = str(headers.get("Retry-After", ""))
        seconds = float(asked) if asked.isdecimal() else 1.0
        return NotSent("Slack asks us to wait (429)", seconds)
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unclear(f"Slack answered with status {status}")
    if not _CODE.match(code):  # a page of something between us and Slack
        return Unclear(f"the answer with status {status} is not Slack's")
    if code in _MAYBE_DONE:
        return Unclear(f"Slack says {code}")
    return Refused(code)


def silence(error: OSError | http.client.HTTPException) -> NotSent | Unclear:
    """Pure. What no answer means: only a connection that never came about is surely not sent."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError):
        return NotSent(f"no connection to Slack: {cause}")
    return Unclear(f"no answer from Slack: {type(cause).__name__} {cause}".rstrip())
