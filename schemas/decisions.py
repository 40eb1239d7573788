"""Pure. What was decided and why. "No" has a name: every hold carries its reason."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What is to be done."""

    RETRAIN = "retrain"
    ROLLBACK = "rollback"
    FIX_UPSTREAM = "fix_upstream"
    REWEIGHT = "reweight"
    HOLD = "hold"


class HoldReason(StrEnum):
    """Why nothing is to be done now."""

    HEALTHY = "HEALTHY"
    WATCHING = "WATCHING"
    TOO_FEW_LOGS = "TOO_FEW_LOGS"
    TOO_FEW_LABELS = "TOO_FEW_LABELS"
    COOLING_DOWN = "COOLING_DOWN"
    RUN_IN_PROGRESS = "RUN_IN_PROGRESS"
    LATENCY_ONLY = "LATENCY_ONLY"
    MIX_ONLY = "MIX_ONLY"
    STALE_WINDOWS = "STALE_WINDOWS"
    PAUSED = "PAUSED"
    NOT_WORTH_IT = "NOT_WORTH_IT"
    INTENT_LOST = "INTENT_LOST"
    LEVEL_MISSED = "LEVEL_MISSED"
    EXPECTED = "EXPECTED"
    LABELS_BIASED = "LABELS_BIASED"


class Told(StrEnum):
    """What a person may tell the trigger. Another word than one of these would be a pause that
    arms, or a witness that is none.
    """

    PAUSE = "pause"  # stops every action until it is closed
    WRONG_ROUTE = "wrong_route"  # messages reach the wrong desk
    COMPLAINTS = "complaints"  # customers complain of answers
    ESCALATIONS = "escalations"  # people take over what was to be answered


# Business incidents: evidence of worse answers.
WITNESSES: Final = tuple(kind for kind in Told if kind is not Told.PAUSE)


class Cause(StrEnum):
    """What the evidence says has happened."""

    MIX = "mix"
    LANGUAGE = "language"
    PIPELINE = "pipeline"
    BAD_RELEASE = "bad_release"
    UNKNOWN = "unknown"


class Clause(StrEnum):
    """Which clause of the rule answered, in the order in which they are asked:
    retrain/decide/trigger.py.
    """

    STALE = "stale"
    BAD_RELEASE = "bad_release"
    UPSTREAM = "upstream"
    DRIFTED = "drifted"
    COLLAPSE = "collapse"
    INTENT_LOST = "intent_lost"
    LABELS_BIASED = "labels_biased"
    MIX_MOVED = "mix_moved"
    SLOW = "slow"
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Reason:
    """One signal the decision looked at, breached or not, and since when (RFC 3339). `roles`: what
    the policy in force hears it say; `intents`: of which it is proven, or labels are needed;
    `strata`: the messages that annotators leave out; `age_hours`: how long ago the stretch ended
    that labels tell of.

    decided: whether the clause that answered rests on it. reference: what the version was at its
    promotion. labels_needed: so many more would tell.
    """

    signal: str
    value: float | None
    limit: float
    n: int
    low: float | None
    high: float | None
    breached: bool
    roles: tuple[str, ...] = ()
    since: str | None = None
    intents: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    age_hours: int = 0
    decided: bool = False
    reference: float | None = None
    labels_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """An annotator who is not believed: of `n` labels the share that agrees, by how much that is
    more than others' of the same hours (ratio), and how surely (z-score).

    since: of which messages on (RFC 3339; None: all). intent: of messages the classifier calls so
    (None: of all) the annotator said `named` `times` times, others `others_times` of `others`.
    gold: of messages whose intent is verified to be `intent`, where all should have agreed.
    """

    annotator: str
    n: int
    right: float
    gap: float
    z: float
    since: str | None = None
    intent: str | None = None
    named: str | None = None
    times: int = 0
    others: int = 0
    others_times: int = 0
    gold: bool = False

    @property
    def said(self) -> str:
        """Why, for a person.

        >>> Aside("a3", 61, 0.2, -0.77, -9.0, None, "faq", "chitchat", 48, 120, 2).said
        'calls faq chitchat, 48 of 61; others 2 of 120'
        """
        seen = f"{self.times} of {self.n}; others {self.others_times} of {self.others}"
        if self.intent is None:
            points = f"{self.gap * 100:+.0f} points to all others of the same hours"
            return f"agrees with the classifier in {self.right:.0%} of {self.n}, {points}"
        if self.gold:
            return f"calls {self.intent} {self.named} where gold is verified, {seen}"
        if self.intent == self.named:
            return f"confirms the classifier's {self.intent}, {seen}"
        return f"calls {self.intent} {self.named}, {seen}"


@dataclass(frozen=True, slots=True)
class Costs:
    """In the policy's currency. waiting: wrong routes of a week beyond those of the reference, and
    between what its accuracy's interval leaves open. retraining: labels and machine.
    """

    waiting: float
    retraining: float
    waiting_low: float | None = None
    waiting_high: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of one model at one instant of the stream's clock. `sha256` covers the evidence,
    what waiting would cost, the policy and the outcome; `clause`, the reasons and `expected`, the
    names of the calendar's events in the day before, follow from these. `under_new_reference`: of a
    reweight, what would have been decided had the reference moved already. `aside`: whose labels it
    does not rest on.
    """

    id: str
    at: dt.datetime
    model: str
    decision: Kind
    hold_reason: HoldReason | None
    cause: Cause | None
    reasons: tuple[Reason, ...]
    policy_sha256: str
    sha256: str
    clause: Clause | None = None  # None: recorded before decisions named it
    expected: tuple[str, ...] = ()
    under_new_reference: str | None = None
    aside: tuple[Aside, ...] = ()
    costs: Costs | None = None  # None: nothing is claimed


@dataclass(frozen=True, slots=True)
class Past:
    """What the trigger needs to know of history: what was decided last, whether a run is under way,
    open business incidents.

    last_fix: when something before the model was last found broken. well_before, ill_before: the
    signals that stood well, and those in breach, when the model before this one was judged last.
    well: those that have stood well since this one serves.
    """

    last_retrain: dt.datetime | None = None
    run_in_progress: bool = False
    promoted_at: dt.datetime | None = None
    incidents: int = 0
    last_reweight: dt.datetime | None = None
    paused: bool = False
    well_before: tuple[str, ...] = ()
    well: tuple[str, ...] = ()
    ill_before: tuple[str, ...] = ()
    last_fix: dt.datetime | None = None
