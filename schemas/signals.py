"""Pure. One literal a signal: all that is judged, in the order in which people are told of it.

This is the only place that says what a signal is. When it speaks (limit, horizon, sample) is the
policy's; how it is measured stands in streams/signals/measure.py and retrain/decide/quality.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """What a value is measured in. A ratio is shown as percent, odds are stored as their log10."""

    MS = "ms"
    RATIO = "ratio"
    NATS = "nats"
    ODDS = "odds"


class Side(StrEnum):
    """On which side of its limit a value is bad."""

    ABOVE = "above"
    BELOW = "below"


class Counted(StrEnum):
    """What its n counts: serving logs, or labels that people gave."""

    LOGS = "logs"
    LABELS = "labels"


class Role(StrEnum):
    """What a signal says in a decision. The policy may give the first four to other signals."""

    QUALITY = "quality"  # the answers are worse
    DRIFT = "drift"  # the messages are other ones
    UPSTREAM = "upstream"  # something before or around the model is broken
    RELEASE = "release"  # bad since a release: roll it back
    TRAFFIC = "traffic"  # what any hour of traffic tells: with none of these there are too few logs
    LEVEL = "level"  # what customers were promised, whichever model answers: no witness of change


@dataclass(frozen=True, slots=True)
class Signal:
    """A judged number. `words`: as board and Slack call it; `short`: in a table of the demo;
    `alert`: in the seed's [ALERT], where figures of the same thing share their words; `phrase`: in
    a sentence, with its {value} or, of a shift, its {points}; else the words and the value.
    """

    name: str
    words: str
    short: str
    alert: str
    unit: Unit = Unit.RATIO
    bad: Side = Side.ABOVE
    counted: Counted = Counted.LOGS
    roles: tuple[Role, ...] = ()
    phrase: str = ""

    @property
    def sentence(self) -> str:
        """A template of `{value}` and `{points}`."""
        return self.phrase or f"{self.words} {{value}}"

    @property
    def labelled(self) -> bool:
        """Whether people's labels are behind it."""
        return self.counted is Counted.LABELS

    @property
    def falls(self) -> bool:
        """Whether small is bad."""
        return self.bad is Side.BELOW

    def beyond(self, value: float, limit: float) -> bool:
        """Whether a value lies on the bad side of a limit."""
        return value < limit if self.falls else value > limit


LIVE_ACCURACY: Final = Signal(
    name="live_accuracy",
    words="live accuracy",
    short="acc",
    alert="live accuracy degradation",
    bad=Side.BELOW,
    counted=Counted.LABELS,
    roles=(Role.QUALITY, Role.RELEASE),
    phrase="accuracy {value}",
)
ACCURACY_E_VALUE: Final = Signal(
    name="accuracy_e_value",
    words="evidence of lost accuracy",
    short="bet",
    alert="live accuracy degradation",
    unit=Unit.ODDS,
    counted=Counted.LABELS,
    roles=(Role.QUALITY, Role.RELEASE),
)
RECENT_ACCURACY: Final = Signal(
    name="recent_accuracy",
    words="accuracy of the last days",
    short="day",
    alert="live accuracy degradation",
    bad=Side.BELOW,
    counted=Counted.LABELS,
)
MIX_ADJUSTED_ACCURACY: Final = Signal(
    name="mix_adjusted_accuracy",
    words="accuracy at the reference's mix",
    short="mixacc",
    alert="live accuracy degradation",
    bad=Side.BELOW,
    counted=Counted.LABELS,
    roles=(Role.QUALITY,),
)
WORST_CASE_ACCURACY: Final = Signal(
    name="worst_case_accuracy",
    words="accuracy if what is left unlabelled were wrong",
    short="worst",
    alert="live accuracy degradation",
    bad=Side.BELOW,
    counted=Counted.LABELS,
)
OFFLINE_LIVE_GAP: Final = Signal(
    name="offline_live_gap",
    words="live accuracy below that on held-out rows",
    short="gap",
    alert="live accuracy degradation",
    counted=Counted.LABELS,
)
RARE_RECALL: Final = Signal(
    name="rare_recall",
    words="rare recall",
    short="rare",
    alert="rare recall degradation",
    bad=Side.BELOW,
    counted=Counted.LABELS,
    roles=(Role.QUALITY, Role.RELEASE),
    phrase="recall of rare intents {value}",
)
LIVE_ACCURACY_LEVEL: Final = Signal(
    name="live_accuracy_level",
    words="live accuracy against its service level",
    short="acc level",
    alert="live accuracy degradation",
    bad=Side.BELOW,
    counted=Counted.LABELS,
    roles=(Role.LEVEL,),
    phrase="accuracy {value} is under its service level",
)
RARE_RECALL_LEVEL: Final = Signal(
    name="rare_recall_level",
    words="rare recall against its service level",
    short="rare level",
    alert="rare recall degradation",
    bad=Side.BELOW,
    counted=Counted.LABELS,
    roles=(Role.LEVEL,),
    phrase="recall of rare intents {value} is under its service level",
)
INTENT_RECALL_LOST: Final = Signal(
    name="intent_recall_lost",
    words="recall lost by one intent",
    short="intent lost",
    alert="intent recall degradation",
    counted=Counted.LABELS,
    roles=(Role.QUALITY,),
)
INTENT_MIX_KL: Final = Signal(
    name="intent_mix_kl",
    words="intent mix KL",
    short="kl",
    alert="drift",
    unit=Unit.NATS,
    roles=(Role.DRIFT, Role.TRAFFIC),
    phrase="the mix moved",
)
INTENT_MIX_SHIFT: Final = Signal(
    name="intent_mix_shift",
    words="largest shift of an intent's share",
    short="shift",
    alert="drift",
    phrase="one intent's share moved by {points} points",
)
LOW_CONFIDENCE_RATE: Final = Signal(
    name="low_confidence_rate",
    words="low-confidence rate",
    short="conf",
    alert="low confidence",
    roles=(Role.LEVEL, Role.TRAFFIC),
    phrase="{value} of the answers are unsure",
)
LOW_CONFIDENCE_RISE: Final = Signal(
    name="low_confidence_rise",
    words="low-confidence rate above the reference's",
    short="rise",
    alert="low confidence",
    roles=(Role.DRIFT,),
    phrase="unsure answers are up by {points} points",
)
ESCALATION_SPIKE: Final = Signal(
    name="escalation_spike",
    words="escalations above the same hour of earlier weeks",
    short="escal",
    alert="escalations",
)
FALLBACK_SPIKE: Final = Signal(
    name="fallback_spike",
    words="fallbacks above the same hour of earlier weeks",
    short="fall",
    alert="fallbacks",
)
OTHER_SCRIPT_EXCESS: Final = Signal(
    name="other_script_excess",
    words="texts in no known script above the reference",
    short="script",
    alert="unreadable texts",
    roles=(Role.UPSTREAM,),
)
TOKENS_LOST: Final = Signal(
    name="tokens_lost",
    words="mean tokens below the reference's",
    short="cut",
    alert="shortened texts",
    roles=(Role.UPSTREAM,),
)
TOKENIZER_MISMATCH: Final = Signal(
    name="tokenizer_mismatch",
    words="logs of another tokenizer",
    short="tok",
    alert="another tokenizer",
    roles=(Role.UPSTREAM,),
)
DATA_MISSING: Final = Signal(
    name="data_missing",
    words="logs missing against the same hour of earlier weeks",
    short="gone",
    alert="missing logs",
)
LABEL_STARVED: Final = Signal(
    name="label_starved",
    words="sampled messages without a label",
    short="starved",
    alert="missing labels",
    counted=Counted.LABELS,
)
UNANSWERED_SHARE: Final = Signal(
    name="unanswered_share",
    words="sampled messages of the last days without a label",
    short="silent",
    alert="missing labels",
    counted=Counted.LABELS,
)
P95_LATENCY_MS: Final = Signal(
    name="p95_latency_ms",
    words="p95 latency",
    short="p95",
    alert="latency",
    unit=Unit.MS,
    roles=(Role.RELEASE, Role.TRAFFIC),
    phrase="answers are slow",
)
ERROR_RATE: Final = Signal(
    name="error_rate",
    words="error rate",
    short="err",
    alert="errors",
    roles=(Role.UPSTREAM, Role.RELEASE, Role.TRAFFIC),
    phrase="{value} of the requests fail",
)

# In the order in which people are told of them.
ALL: Final = (
    LIVE_ACCURACY,
    ACCURACY_E_VALUE,
    RECENT_ACCURACY,
    MIX_ADJUSTED_ACCURACY,
    WORST_CASE_ACCURACY,
    OFFLINE_LIVE_GAP,
    RARE_RECALL,
    LIVE_ACCURACY_LEVEL,
    RARE_RECALL_LEVEL,
    INTENT_RECALL_LOST,
    INTENT_MIX_KL,
    INTENT_MIX_SHIFT,
    LOW_CONFIDENCE_RATE,
    LOW_CONFIDENCE_RISE,
    ESCALATION_SPIKE,
    FALLBACK_SPIKE,
    OTHER_SCRIPT_EXCESS,
    TOKENS_LOST,
    TOKENIZER_MISMATCH,
    DATA_MISSING,
    LABEL_STARVED,
    UNANSWERED_SHARE,
    P95_LATENCY_MS,
    ERROR_RATE,
)
# Of a day's messages in the measure queue, each for as many as it counts for, the most that one
# conversation makes up. Measured, not judged: a person sees whether a few speak for all.
CONVERSATION_SHARE: Final = "conversation_share"
_BY_NAME: Final = {signal.name: signal for signal in ALL}


def of(name: str) -> Signal:
    """The signal of this name. One that is measured only, or was judged once, is a ratio."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    words = name.replace("_", " ")
    return Signal(name, words, short=words, alert=words)


def repeats(name: str) -> bool:
    """Whether it is a second figure of what a signal before it tells already, and says no more: the
    rise of a rate is evidence of change, the rate alone is none.

    >>> [signal.name for signal in ALL if repeats(signal.name)][:2]
    ['accuracy_e_value', 'recent_accuracy']
    >>> repeats("low_confidence_rise")
    False
    """
    before = of(first(name))
    return before.name != name and set(of(name).roles) <= set(before.roles)


def first(name: str) -> str:
    """The name of the signal that tells the same first; its own where none does."""
    told = of(name).alert
    return next((signal.name for signal in ALL if signal.alert == told), name)


def family(name: str) -> set[str]:
    """The names of all signals that tell the same, its own too.

    >>> sorted(family("low_confidence_rise"))
    ['low_confidence_rate', 'low_confidence_rise']
    """
    told = of(name).alert
    return {name, *(signal.name for signal in ALL if signal.alert == told)}


def in_role(role: Role) -> tuple[str, ...]:
    """The names of the signals that have this role unless the policy says otherwise."""
    return tuple(signal.name for signal in ALL if role in signal.roles)


def alert_words(breached: Iterable[str]) -> list[str]:
    """What [ALERT] says of these signals, each thing once, in the order of ALL.

    >>> alert_words(["error_rate", "recent_accuracy", "live_accuracy", "intent_mix_kl"])
    ['live accuracy degradation', 'drift', 'errors']
    """
    names = set(breached)
    ordered = [signal for signal in ALL if signal.name in names]
    strange = [of(name) for name in sorted(names - _BY_NAME.keys())]
    words = [signal.alert for signal in (*ordered, *strange)]
    return list(dict.fromkeys(words))
