"""Hours of one model, one after the other, as the scheduler would tell of them: verdicts ->
decision -> alerts -> messages, and the threads that come of these.
"""

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import Any

import builders

from retrain.decide import trigger
from schemas import alerts, decisions, messages, policy, verdicts
from services.alerts import lifecycle, standing
from services.notifier import compose, story

HOUR = dt.timedelta(hours=1)
RULES = policy.Policy()
Level = verdicts.Level
Judged = Sequence[verdicts.Verdict]

CALM: Judged = (builders.verdict("live_accuracy"), builders.verdict("p95_latency_ms", value=8.0))


def slow(value: float = 42.9, *, since: int = 0, at: dt.datetime = builders.AT) -> Judged:
    """Latency in breach, known to a millisecond, since so many hours before `at`."""
    return (
        builders.verdict("live_accuracy"),
        dataclasses.replace(
            builders.verdict(
                "p95_latency_ms",
                Level.BREACH,
                value=value,
                limit=15.0,
                horizon="1h",
                n=220,
                low=value - 1,
                high=value + 1,
            ),
            since=at - since * HOUR,
        ),
    )


def breach(name: str, value: float = 0.5, *, hours: float = 0, **more: Any) -> verdicts.Verdict:
    """A signal in breach since so many hours before the first hour."""
    judged = builders.verdict(name, Level.BREACH, value=value, **more)
    return dataclasses.replace(judged, since=builders.AT - hours * HOUR)


LOST = (
    breach("live_accuracy", 0.77, hours=30, reference=0.92, n=4_621),
    breach("intent_mix_kl", 0.2, hours=30, limit=0.028),
)


@dataclasses.dataclass
class Shop:
    """What the database holds of alerts: the rows, and the outbox by its keys."""

    rules: policy.Policy = RULES
    at: dt.datetime = builders.AT
    model: str = builders.MODEL
    known: dict[str, alerts.Alert] = dataclasses.field(default_factory=dict)
    outbox: dict[str, messages.Message] = dataclasses.field(default_factory=dict)
    heard: list[messages.Message] = dataclasses.field(default_factory=list)

    def hour(
        self,
        judged: Judged,
        past: decisions.Past = decisions.Past(),  # noqa: B008 - frozen
        history: dict[str, Judged] | None = None,
    ) -> decisions.Decision:
        """One hour, and the clock goes on."""
        taken = trigger.decision(judged, past, self.rules, model=self.model, at=self.at)
        never = standing.never_met(history or {}, judged)
        known = [alert for alert in self.known.values() if alert.ended is None]
        known.sort(key=lambda alert: (alert.since, alert.id))
        changes = list(lifecycle.after(known, standing.Hour(taken, judged, self.rules, never)))
        self.known |= {change.alert.id: change.alert for change in changes}
        run_id = f"ft_{self.at:%d_%H}" if taken.decision is decisions.Kind.RETRAIN else None
        for message in lifecycle.told(changes, taken, run_id):
            self.tell(message)
        self.at += HOUR
        return taken

    def tell(self, message: messages.Message) -> None:
        """As streams/outbox.py puts it."""
        if isinstance(message, messages.AlertChanged) and message.passes:
            for key in [key for key in self.outbox if key.startswith(message.passing)]:
                del self.outbox[key]
        if message.dedupe_key not in self.outbox:
            self.heard.append(message)
        self.outbox.setdefault(message.dedupe_key, message)

    def hours(self, judged: Judged, many: int, **more: Any) -> None:
        """The same for many hours."""
        for _ in range(many):
            self.hour(judged, **more)

    @property
    def threads(self) -> dict[str, list[compose.Told]]:
        """The rows of each thread, in order."""
        threads: dict[str, list[compose.Told]] = {}
        for message in self.outbox.values():
            threads.setdefault(message.thread_key, []).append(row(message, self.at))
        return threads

    @property
    def said(self) -> list[str]:
        """The headline of every thread."""
        return [compose.root(rows).text for rows in self.threads.values()]

    @property
    def called(self) -> list[str]:
        """Every line that called somebody, in order."""
        lines = [compose.reply(row(message, self.at)) for message in self.heard]
        return [line.text for line in lines if line is not None]


def row(message: messages.Message, at: dt.datetime = builders.AT) -> story.Told:
    """As it comes back from the outbox."""
    payload = json.loads(json.dumps(messages.payload(message), allow_nan=False))
    return story.Told(str(message.kind), payload, at)


_DATE = re.compile(r"<!date\^[^|]*\|([^>]*)>")


def _fields(block: dict[str, Any]) -> list[Any]:
    return list(block.get("fields") or block.get("elements") or ())


def text(message: compose.Message) -> str:
    """A message as a person reads it on a screen, a block a paragraph."""
    paragraphs = []
    for block in message.blocks:
        parts = [block["text"]] if "text" in block else _fields(block)
        shown = "\n".join(part["text"] for part in parts)
        paragraphs.append(f"## {shown}" if block["type"] == "header" else shown)
    return _DATE.sub(r"\1", "\n\n".join(paragraphs))
