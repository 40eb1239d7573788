"""Pure. Which labels are missing: what the champion's newest verdicts ask for, of which intents,
and in what words people are told.

A figure that is blind says how many labels it waits for. The queue asks first what may be of the
intents that are waited for, by the intent that was predicted and by nothing else of a message: the
estimate corrects for how often messages of a predicted intent are answered, not for more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import present, signals, verdicts

ONE_BY_ONE: Final = signals.INTENT_RECALL_LOST.name  # counts the intents one by one
# Of which intents a figure is, where its verdict names none.
_ABOUT: Final[Mapping[str, tuple[str, ...]]] = {signals.RARE_RECALL.name: tuple(present.RARE)}
_NOTHING_MISSING: Final = {
    "measure": "drawn to measure by: every message has a known chance",
    "train": "drawn to train on: unsure, close or new",
}


@dataclass(frozen=True, slots=True)
class Need:
    """So many `labels` more of `intents`, of any where none is named: until `signal` can be judged
    where it is `blind`, else until its loss would be proven.
    """

    signal: str
    intents: tuple[str, ...]
    labels: int
    blind: bool

    @property
    def sentence(self) -> str:
        """What an annotator reads.

        >>> Need("intent_recall_lost", ("escalation",), 135, blind=True).sentence
        '135 more of escalation are needed to see whether it is still understood'
        >>> Need("intent_recall_lost", ("faq",), 41, blind=False).sentence
        '41 more of faq would prove that it is understood worse'
        >>> Need("live_accuracy", (), 60, blind=True).sentence
        '60 more of any intent are needed to judge live accuracy'
        """
        if not self.intents:
            words = signals.of(self.signal).words
            rest = f"are needed to judge {words}" if self.blind else f"would prove a loss: {words}"
            return f"{self.labels:,} more of any intent {rest}"

        several = len(self.intents) > 1
        named = " or ".join(self.intents)
        they = "they are" if several else "it is"
        rest = f"would prove that {they} understood worse"
        if self.blind:
            rest = f"are needed to see whether {they} still understood"
        return f"{self.labels:,} more of {named} {rest}"

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON carries it."""
        level = verdicts.Level.BLIND if self.blind else verdicts.Level.WATCH
        return {
            "signal": self.signal,
            "intents": list(self.intents),
            "labels": self.labels,
            "verdict": str(level),
            "sentence": self.sentence,
        }


def needs(
    judged: Iterable[Mapping[str, Any]],
    labels_of: Mapping[str, int],
    least: int,
) -> tuple[Need, ...]:
    """What is missing: of the verdicts of a decision, as its evidence has them, and of each intent
    of `labels_of`, whose recall was known and now has so many labels, up to `least`. Those that
    name intents first, the blind before the watched, then by how many are missing.

    >>> blind = {"signal": {"signal": "rare_recall"}, "verdict": "blind", "labels_needed": 135}
    >>> [need.labels for need in needs([blind], {"faq": 19}, least=20)]
    [135, 1]
    """
    told = [_need(verdict) for verdict in judged if verdict.get("labels_needed")]
    named = {intent for need in told if need.signal == ONE_BY_ONE for intent in need.intents}
    for intent, labels in labels_of.items():
        if labels < least and intent not in named:
            told.append(Need(ONE_BY_ONE, (intent,), least - labels, blind=True))
    return tuple(sorted(told, key=_urgency))


def _need(verdict: Mapping[str, Any]) -> Need:
    """Of a verdict that says how many labels it waits for."""
    signal = str(verdict["signal"]["signal"])
    intents = tuple(verdict.get("intents") or ()) or _ABOUT.get(signal, ())
    return Need(
        signal,
        intents,
        int(verdict["labels_needed"]),
        blind=verdict["verdict"] == verdicts.Level.BLIND,
    )


def _urgency(need: Need) -> tuple[bool, bool, int, str, tuple[str, ...]]:
    return not need.intents, not need.blind, -need.labels, need.signal, need.intents


def wanted(missing: Iterable[Need]) -> list[str]:
    """The intents of which labels are missing, each once, in the taxonomy's order."""
    named = {intent for need in missing for intent in need.intents}
    return [intent for intent in present.INTENTS if intent in named]


def table(missing: Sequence[Need]) -> str:
    """What an annotator reads before the first message; nothing where nothing is missing."""
    if not missing:
        return ""
    lines = ["labels are missing:", *(f"  {need.sentence}" for need in missing)]
    return "\n".join(lines) + "\n"


def why(queue: str, likely: Sequence[str], missing: Iterable[Need]) -> str:
    """Why a message is asked about: the most urgent need of an intent that it may be, else of any
    that the queue serves. It does not tell which of the two likely intents was predicted.
    """
    if queue == "measure":
        for need in missing:
            if not need.intents or set(need.intents) & set(likely):
                return need.sentence
    return _NOTHING_MISSING[queue]
