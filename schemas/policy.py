"""Pure but for load(). Every threshold, cadence, cool-down and minimum sample, each with its why. A
TOML file may override; its sha256 is in every decision.

Rates are ratios, latencies milliseconds, KL nats. The seed's figures are kept where it gives one
(section 9-H, 6.9, gate table).
"""

import dataclasses
import hashlib
import json
import math
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from schemas import events, overlay, present, seasons, times
from schemas import signals as catalogue

Role = catalogue.Role
_ROLES = (Role.QUALITY, Role.DRIFT, Role.UPSTREAM, Role.RELEASE)

# What grows with the number of intents: logs in which chance alone shows a KL of 0.015, and 30
# labels an intent.
_MIX_N: Final = math.ceil((len(present.INTENTS) - 1) * 300 / 9)
_RECALLS_N: Final = 30 * len(present.INTENTS)


class PolicyError(ValueError):
    """A policy file that cannot be used; the message names the key and the nearest known one."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Whom to ask and when labels are enough."""

    # What the seed's 9-A labelling team can do; half-width +-2.4 points on live accuracy.
    budget_per_day: int = 500
    min_p: float = 0.002  # every request keeps a chance, so the estimator stays unbiased
    # Labels that arrive later than this are rare; before it a window is immature.
    maturity_hours: float = 48
    min_to_train: int = 300  # below this a fine-tune moves less than the noise of its own seed
    # More labels of one source in a day train nothing: two days' budget, so a person may catch up
    # and a script gets no further.
    per_annotator_per_day: int = 1000
    # A source that finds the classifier right this much more or less often than others of the same
    # hours is not believed.
    source_gap: float = 0.3
    # Of the queue goes to a second annotator: 50 a day show in a week whether people agree, for a
    # tenth of the labels.
    twice_share: float = 0.1
    # Of what is handed out are gold questions: ten a day of the budget, in four weeks ninety for
    # each of three annotators. Six wrong answers in an intent are proof.
    gold_share: float = 0.02


@dataclass(frozen=True, slots=True)
class Level:
    """One signal's rule: in breach when `k` of the last `of` disjoint windows are beyond `enter`;
    out again at `leave`.
    """

    horizon: str
    enter: float
    leave: float
    min_n: int
    k: int = 1
    of: int = 1
    watch: float | None = None
    alert: float | None = None
    alpha: float | None = None


@dataclass(frozen=True, slots=True)
class Signals:
    """The seed's stage-H thresholds, with the sample each needs before it may speak."""

    p95_latency_ms: Level = Level(horizon="1h", enter=15, leave=14, k=2, of=3, min_n=200)
    error_rate: Level = Level(horizon="1h", enter=0.005, leave=0.003, k=2, of=3, min_n=1000)
    # What customers are promised, whichever model answers. A model that has always been less sure
    # misses it and has not changed.
    low_confidence_rate: Level = Level(horizon="1d", enter=0.08, leave=0.07, k=1, of=1, min_n=500)
    # Points more than when this version was promoted: its weekends and its harder hours differ by
    # one or two.
    low_confidence_rise: Level = Level(horizon="1d", enter=0.03, leave=0.02, min_n=500)
    # With no drift at all KL of K intents averages (K - 1)/(2n): below min_n its three levels are
    # noise, and alpha decides whether it counts.
    intent_mix_kl: Level = Level(
        horizon="1d", enter=0.028, leave=0.02, min_n=_MIX_N, watch=0.012, alert=0.02, alpha=0.001
    )
    # For whoever looks into it: a campaign moves an intent by this much, weekdays against weekends
    # do not.
    intent_mix_shift: Level = Level(
        horizon="1d", enter=0.10, leave=0.08, min_n=_MIX_N, watch=0.05, alpha=0.001
    )
    # The seed's share of escalations is 3 %: twice that.
    escalation_spike: Level = Level(horizon="1h", enter=0.03, leave=0.02, k=2, of=3, min_n=200)
    fallback_spike: Level = Level(horizon="1h", enter=0.05, leave=0.03, k=2, of=3, min_n=200)
    # Holidays take a third of a shop's traffic, not half.
    data_missing: Level = Level(horizon="1h", enter=0.5, leave=0.3, k=2, of=3, min_n=200)
    # One tokenizer belongs to one model: a log of another is never chance, but some come while
    # servers are changed over, within the hour.
    tokenizer_mismatch: Level = Level(horizon="1h", enter=0.01, leave=0.005, k=2, of=3, min_n=50)
    # A tenth of the texts unreadable all of a sudden.
    other_script_excess: Level = Level(horizon="1h", enter=0.10, leave=0.05, k=2, of=3, min_n=100)
    # New language shortens messages by a third, a broken pipeline by half.
    tokens_lost: Level = Level(horizon="1h", enter=0.5, leave=0.4, k=2, of=3, min_n=30)
    # Of these two the levels are the limit only where nothing is known of before.
    live_accuracy: Level = Level(horizon="7d", enter=0.90, leave=0.91, min_n=100)
    rare_recall: Level = Level(horizon="7d", enter=0.85, leave=0.87, min_n=60)
    # What customers are promised, whichever model answers: missing it is said, and is no change.
    live_accuracy_level: Level = Level(horizon="7d", enter=0.90, leave=0.91, min_n=100)
    rare_recall_level: Level = Level(horizon="7d", enter=0.85, leave=0.87, min_n=60)
    # What accuracy would be at the reference's mix: a mix that moves to easy intents hides a loss
    # in all of them. Many recalls need more labels than one mean.
    mix_adjusted_accuracy: Level = Level(horizon="7d", enter=0.90, leave=0.91, min_n=_RECALLS_N)
    # What accuracy would be if all messages were wrong that annotators leave out, as far as some
    # strata are answered less often than the others.
    worst_case_accuracy: Level = Level(horizon="7d", enter=0.90, leave=0.91, min_n=100)
    # Live accuracy of the last day, or of two or three where a day has too few labels: a week of
    # good days hides a bad one.
    recent_accuracy: Level = Level(horizon="1d", enter=0.90, leave=0.91, min_n=200)
    # Held-out rows flatter by a point or two; five are another world.
    offline_live_gap: Level = Level(horizon="7d", enter=0.05, leave=0.03, min_n=100)
    # Of many intents one always looks worst: its whole interval beyond this, and beyond the chance
    # that any of them does. It may act alone, so of the some 200 independent looks of a year chance
    # errs once in 25 years.
    intent_recall_lost: Level = Level(horizon="7d", enter=0.10, leave=0.07, min_n=20, alpha=0.0002)
    # With half of the labels missing those that came may be the easy ones.
    label_starved: Level = Level(horizon="7d", enter=0.5, leave=0.4, min_n=50)
    # Points more than at this hour of the days before, and only where a loss may hide behind them:
    # people are not equally busy every day.
    unanswered_share: Level = Level(horizon="1d", enter=0.02, leave=0.01, min_n=100)
    # Decimal logarithm of the evidence against "accuracy is where it should be"; 3 is one false
    # alarm in a thousand however often one looks.
    accuracy_e_value: Level = Level(horizon="7d", enter=3, leave=2, min_n=30)


@dataclass(frozen=True, slots=True)
class Autonomy:
    """What may happen without a person: act: it is done; ask: a person does it with the command in
    the message.
    """

    # A run only trains and gates; whether its model serves is `promotion`.
    retrain: Literal["act", "ask"] = "act"
    rollback: Literal["ask"] = "ask"
    reweight: Literal["ask"] = "ask"


@dataclass(frozen=True, slots=True)
class Trigger:
    """When evidence becomes a run. The lists name the signals that each clause of the rule looks
    at; schemas/signals.py has their defaults.
    """

    # One of these and one of `drift`: retrain.
    quality: tuple[str, ...] = catalogue.in_role(Role.QUALITY)
    drift: tuple[str, ...] = catalogue.in_role(Role.DRIFT)
    # What no training cures: somebody must mend what feeds the model.
    upstream: tuple[str, ...] = catalogue.in_role(Role.UPSTREAM)
    release: tuple[str, ...] = catalogue.in_role(Role.RELEASE)  # bad since a release: roll it back
    release_hours: float = 168  # after a week with a model, what goes wrong is not its release
    cool_down_hours: float = 72  # a new champion needs three days of labels before it can be judged
    # How often a year chance alone may pass for a loss of accuracy or recall; says how sure such a
    # loss must be.
    unneeded_per_year: float = 1
    # A person promotes unless the policy says otherwise.
    promotion: Literal["approve", "auto"] = "approve"
    # A loss counts only as far as its whole interval lies further than this under what the version
    # was: people who label held-out rows and live ones differ by about as much.
    accuracy_margin: float = 0.01
    # A proven loss beyond this needs no second witness: answers that are wrong and sure move no
    # other signal.
    collapse_margin: float = 0.05
    # An intent of this share of the messages or more is a common one: its proven loss asks for a
    # retrain alone, as that of a critical one does. Ten intents alike would have 0.1 each.
    common_share: float = 0.05
    # What the proven loss of any other intent asks for alone: ask for labels of it, or a retrain.
    other_intent: Literal["ask", "retrain"] = "ask"
    # Days in a row that show the moved mix before a new reference is asked for: a sale lasts one, a
    # weekend two.
    reweight_days: int = 3
    autonomy: Autonomy = Autonomy()

    def roles(self, name: str) -> tuple[str, ...]:
        """What this policy hears a signal say: quality, drift, upstream, release."""
        return tuple(str(role) for role in _ROLES if name in getattr(self, role))


@dataclass(frozen=True, slots=True)
class Gates:
    """What a candidate must show. Margins of paired differences; minimums are for a first model
    without a champion.
    """

    accuracy_margin: float = 0.005
    macro_f1_margin: float = 0.005
    ece_margin: float = 0.01
    # Held-out rows of one intent are few: 0.05 is what about 200 of them can show.
    critical_recall_margin: float = 0.05
    p95_latency_ms: float = 15
    load_error_rate: float = 0.0002
    # Absolute gates of a first model: under the seed's "out of the box" 83.2 % less sampling noise.
    min_accuracy: float = 0.80
    min_macro_f1: float = 0.70
    max_ece: float = 0.10


@dataclass(frozen=True, slots=True)
class Costs:
    """Money, in one currency; inputs of the cost figures, not claims."""

    wrong_route: float = 0.5
    label: float = 0.08
    training_hour: float = 2.0
    # Of a month of serving, by encoder: the seed's figures (9-C), and whatever a file names.
    monthly: Mapping[str, float] = field(
        default_factory=lambda: {"tinybert": 89.0, "distilbert": 178.0, "roberta_base": 348.0},
        hash=False,
    )


@dataclass(frozen=True, slots=True)
class Runs:
    """What of a run stays."""

    # The artefact of one that was rejected or has failed: long enough to look into it after a
    # holiday. Its numbers stay for ever.
    keep_days: float = 30


@dataclass(frozen=True, slots=True)
class Telling:
    """When a person is told of what nobody acts on. What acts is told at once."""

    # Answers that have been slow for so many hours: a deployment's hour is over by then.
    slow_after_hours: float = 2
    # Anything else that stands in breach, or a retrain that is called for and held: once a day is
    # how often somebody looks at it. Blind accuracy waits for `labels.maturity_hours` besides.
    after_hours: float = 24
    # Nothing of it in breach for so long: over. What comes back earlier is the same incident.
    over_after_hours: float = 6


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a gateway keeps."""

    # Of serving logs that Kafka has not taken yet, on disk: an hour and a quarter of the seed's 500
    # requests a second. Beyond it the oldest go. 0: none on disk.
    spool_mib: int = 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a decision depends on besides the evidence, and when it is told."""

    labels: Labels = Labels()
    signals: Signals = Signals()
    trigger: Trigger = Trigger()
    gates: Gates = Gates()
    costs: Costs = Costs()
    runs: Runs = Runs()
    telling: Telling = Telling()
    gateway: Gateway = Gateway()
    # Sales and holidays: in these a mix that moves was to be expected.
    calendar: tuple[seasons.Event, ...] = ()

    @property
    def sha256(self) -> str:
        """Identity of the policy: of its values, not of the file's text; without those that decide
        nothing: the share of gold questions, what serving costs, how long what a run has made
        stays, and what a gateway keeps.
        """
        values = dataclasses.asdict(self)
        del values["labels"]["gold_share"]
        del values["costs"]["monthly"]
        del values["runs"]
        del values["gateway"]
        text = json.dumps(values, sort_keys=True, default=times.rfc3339)
        return hashlib.sha256(text.encode()).hexdigest()


def load(path: Path | None) -> Policy:
    """The default policy, or `path` laid over it. Raises PolicyError with one line that names cause
    and remedy.
    """
    if path is None:
        return Policy()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise PolicyError(f"cannot read policy {path}: {why}") from error
    return parse(text, str(path))


def parse(text: str, name: str = "policy") -> Policy:
    """A policy from TOML text.

    >>> parse("[labels]\\nbudget_per_day = 40").labels.budget_per_day
    40
    """
    try:
        changes = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{name} is not TOML: {error}") from error

    _of_this_taxonomy(changes.pop("taxonomy", present.TAXONOMY.version), name)
    try:
        events_known = seasons.parse(changes.pop("calendar", []))
        parsed = typing.cast(Policy, overlay.overlaid(Policy(calendar=events_known), changes))
    except (overlay.Refused, seasons.Refused) as error:
        raise PolicyError(f"{name}: {error}") from None

    min_p = parsed.labels.min_p
    if not events.P_FLOOR <= min_p <= 1:  # a log with less is no serving log
        expected = f"expected {events.P_FLOOR} to 1"
        raise PolicyError(f"{name}: labels.min_p cannot be {min_p:g}; {expected}")
    for signal in catalogue.ALL:
        level = getattr(parsed.signals, signal.name)
        _can_be_reached(signal, level, name)
        _once_if_overlapping(signal, level, name)
    return parsed


def _of_this_taxonomy(meant: Any, name: str) -> None:
    mine = present.TAXONOMY.version
    if meant != mine:
        cause = f"is for taxonomy {meant!r}, and this process has {mine!r}"
        remedy = f"set {present.VARIABLE}, or name another policy"
        raise PolicyError(f"{name}: {cause}; {remedy}")


def _can_be_reached(signal: catalogue.Signal, level: Level, name: str) -> None:
    """Three of the last two windows are never beyond anything, none of them always."""
    if not 1 <= level.k <= level.of:
        given = f"k and of cannot be {level.k} and {level.of}"
        raise PolicyError(f"{name}: signals.{signal.name}: {given}; expected 1 <= k <= of")


def _once_if_overlapping(signal: catalogue.Signal, level: Level, name: str) -> None:
    """Whatever falls is measured over windows that overlap: k of them would be one counted k
    times.
    """
    if signal.falls and (level.k, level.of) != (1, 1):
        given = f"k and of cannot be {level.k} and {level.of}"
        expected = "its windows overlap, expected 1 and 1"
        raise PolicyError(f"{name}: signals.{signal.name}: {given}; {expected}")
