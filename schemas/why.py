"""Pure. Why a decision was taken, in words: the clause that answered and the numbers it rests on,
and no others. Slack, the replay and its report say the same.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas import decisions, signals, units

Clause, Hold = decisions.Clause, decisions.HoldReason
Reason = decisions.Reason
Role = signals.Role

# What each clause has seen, and what it asks for.
GROUNDS: Final = {
    Clause.STALE: "nothing was judged",
    Clause.BAD_RELEASE: "bad ever since this model serves, and well under the one before:"
    " the release is to blame",
    Clause.UPSTREAM: "something before or around the model is broken; no training cures it",
    Clause.DRIFTED: "worse answers and changed messages together ask for a retrain",
    Clause.COLLAPSE: "accuracy has collapsed, which asks for a retrain alone",
    Clause.INTENT_LOST: "the recall of an intent is proven lost",
    Clause.LABELS_BIASED: "labels do not speak for the messages that annotators leave out, and a"
    " loss may hide there",
    Clause.MIX_MOVED: "the mix of intents alone has moved",
    Clause.SLOW: "answers are slow, and nothing else counts",
    Clause.CALM: "nothing asks for an action",
}
_INCIDENT: Final = "changed messages and an open business incident ask for a retrain"
_RETRAIN: Final = (Clause.DRIFTED, Clause.COLLAPSE, Clause.INTENT_LOST)  # what may ask for one
# Why what was asked for waits, or what is merely looked at.
HELD: Final = {
    Hold.HEALTHY: "all is well",
    Hold.WATCHING: "it is watched",
    Hold.TOO_FEW_LOGS: "there are too few logs to judge anything",
    Hold.TOO_FEW_LABELS: "labels are too few to judge the answers",
    Hold.COOLING_DOWN: "held, as the last retrain or promotion is too recent",
    Hold.RUN_IN_PROGRESS: "held, as a run is in progress",
    Hold.LATENCY_ONLY: "no training makes it faster",
    Hold.MIX_ONLY: "held until it lasts and the answers are known to be as good",
    Hold.STALE_WINDOWS: "windows are stale",
    Hold.PAUSED: "held, as a person has paused every action",
    Hold.NOT_WORTH_IT: "held, as a week of waiting costs less than a retrain",
    Hold.INTENT_LOST: "labels of it are asked for, as it is neither critical nor common",
    Hold.LEVEL_MISSED: "a service level is missed, and nothing has changed",
    Hold.LABELS_BIASED: "nobody can say how good the answers are until these are labelled",
    Hold.EXPECTED: "it was to be expected",
}


def deciding(decision: decisions.Decision) -> list[Reason]:
    """The reasons that the clause rests on: a loss of quality first, and what is measured in a unit
    people know before mere odds.

    Of a decision from before reasons said so, what was in breach.
    """
    said = any(reason.decided for reason in decision.reasons)
    chosen = []
    for reason in decision.reasons:
        if reason.decided or (not said and reason.breached):
            chosen.append(reason)
    return foremost(chosen)


def telling(decision: decisions.Decision) -> list[Reason]:
    """The deciding reasons for a headline: odds that accuracy fell say less than accuracy itself,
    so it stands before them wherever it is known.
    """
    chosen = deciding(decision)
    names = {reason.signal for reason in chosen}
    accuracy = signals.LIVE_ACCURACY.name
    if signals.ACCURACY_E_VALUE.name not in names or accuracy in names:
        return chosen
    for reason in decision.reasons:
        if reason.signal == accuracy and reason.value is not None:
            return [reason, *chosen]
    return chosen


def foremost(reasons: Sequence[Reason]) -> list[Reason]:
    """In the order in which people are told of them."""
    names = [signal.name for signal in signals.ALL]

    def order(reason: Reason) -> tuple[bool, bool, bool, int]:
        place = names.index(reason.signal) if reason.signal in names else len(names)
        odds = signals.of(reason.signal).unit is signals.Unit.ODDS
        return Role.QUALITY not in reason.roles, Role.DRIFT not in reason.roles, odds, place

    return sorted(reasons, key=order)


def sentence(decision: decisions.Decision) -> str:
    """The clause in words, and why it is held where it is; empty for a decision from before clauses
    were named.
    """
    if decision.clause is None:
        return ""
    grounds = GROUNDS[decision.clause]
    if decision.clause is Clause.DRIFTED and not _worse(decision):
        grounds = _INCIDENT
    held = decision.hold_reason
    if held is None:
        return f"{grounds[:1].upper()}{grounds[1:]}."
    return f"{grounds[:1].upper()}{grounds[1:]}: {HELD[held]} ({held})."


def _worse(decision: decisions.Decision) -> bool:
    return any(Role.QUALITY in reason.roles for reason in deciding(decision))


def lines(decision: decisions.Decision) -> Iterator[str]:
    """The clause, then a line for each number that decided, then what acting or waiting would
    change.
    """
    grounds = sentence(decision)
    if grounds:
        yield grounds
    for reason in deciding(decision):
        yield f"{words(reason)}: {evidence(reason)}"
    if decision.expected:
        yield f"In the calendar: {', '.join(decision.expected)}."
    if decision.under_new_reference:
        yield f"Under the new reference it would be: {decision.under_new_reference}."
    if decision.costs is not None and decision.clause in _RETRAIN:
        yield costs(decision.costs)


def words(reason: Reason) -> str:
    """A signal as people call it, with the intents or the strata it is about, and its age."""
    named = signals.of(reason.signal).words
    about = ", ".join((*reason.intents, *reason.strata))
    if about:
        named += f" ({about})"
    if reason.age_hours:
        named += f", of labels that take {reason.age_hours // 24} days"
    return named


def evidence(reason: Reason) -> str:
    """Its value, limit, n, interval, what it was at the promotion, and the labels still needed.

    >>> evidence(Reason("live_accuracy", 0.77, 0.92, 400, 0.73, 0.81, True, reference=0.93))
    '77.0 %, limit at least 92.0 %, was 93.0 %, n = 400 labels, 95 % interval 73.0 % to 81.0 %'
    """
    parts = ["no value" if reason.value is None else amount(reason, reason.value)]
    parts.append(f"limit {limit(reason)}")
    if reason.reference is not None and _same_kind(reason):
        parts.append(f"was {amount(reason, reason.reference)}")
    parts.append(counted(reason))
    if reason.low is not None and reason.high is not None:
        low, high = amount(reason, reason.low), amount(reason, reason.high)
        parts.append(f"95 % interval {low} to {high}")
    if reason.labels_needed:
        parts.append(needed(reason))
    return ", ".join(parts)


def _same_kind(reason: Reason) -> bool:
    """Whether its reference is the same figure at the promotion; that of a difference is not."""
    signal = signals.of(reason.signal)
    rates = (signals.LOW_CONFIDENCE_RATE, signals.UNANSWERED_SHARE)
    return signal.falls or signal in rates


def needed(reason: Reason) -> str:
    """How many labels would tell, and of which intents.

    >>> needed(Reason("intent_recall_lost", None, 0.1, 3, None, None, False, (), None, ("faq",),
    ...     labels_needed=192))
    '192 more labels of faq would tell'
    """
    of = f" of {', '.join(reason.intents)}" if reason.intents else ""
    return f"{reason.labels_needed:,} more labels{of} would tell"


def costs(known: decisions.Costs) -> str:
    """What waiting a week costs against a retrain.

    >>> costs(decisions.Costs(1240.4, 46.0, 810.0, 1690.0))
    'Waiting a week costs about 1,240 (810 to 1,690), a retrain 46 (policy [costs]).'
    """
    interval = ""
    if known.waiting_low is not None and known.waiting_high is not None:
        interval = f" ({known.waiting_low:,.0f} to {known.waiting_high:,.0f})"
    return (
        f"Waiting a week costs about {known.waiting:,.0f}{interval},"
        f" a retrain {known.retraining:,.0f} (policy [costs])."
    )


def amount(reason: Reason, value: float) -> str:
    """A figure of a signal with its unit."""
    return units.amount(signals.of(reason.signal).unit, value)


def limit(reason: Reason) -> str:
    """A signal's limit with its direction."""
    direction = "at least" if signals.of(reason.signal).falls else "at most"
    return f"{direction} {amount(reason, reason.limit)}"


def counted(reason: Reason) -> str:
    """How much was looked at: labels or logs."""
    return f"n = {reason.n:,} {signals.of(reason.signal).counted}"


def short(reason: Reason) -> str:
    """A signal in one breath, for a headline.

    >>> short(Reason("p95_latency_ms", 42.91, 15.0, 220, None, None, True))
    'p95 latency 42.9 ms (limit 15.0 ms, n = 220)'
    """
    value = "no value" if reason.value is None else amount(reason, reason.value)
    allowed = amount(reason, reason.limit)
    return f"{words(reason)} {value} (limit {allowed}, n = {reason.n:,})"
