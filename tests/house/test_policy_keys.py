"""Every policy key changes something.

Each is turned in a few invented situations: in one of them the verdicts, the decision, who is
asked, the labels that hold or the gates must come out otherwise. What only a shell reads (SQL, a
process's wiring) must at least be read. A key of one allowed value cannot be turned.
"""

import ast
import dataclasses
import datetime as dt
import functools
import typing
from collections.abc import Callable, Iterator
from typing import Any

import alerting
import builders
import numpy as np
import pytest
import silence
import syntax

from retrain.decide import evaluate, trigger, unanswered
from retrain.decide.view import History, View
from retrain.evaluation import live, samples
from retrain.labels import labelled as labels_that_hold
from retrain.labels import votes
from retrain.train import gate
from schemas import decisions, policy, present, runs, seasons, signals, verdicts, windows
from streams import sample
from streams.stats import histogram

AT = dt.datetime(2026, 4, 27, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
INTENTS = present.INTENTS
OURS, THEIRS = 100, 200  # codes of tokenizers
Level = verdicts.Level

# Read where a pure function cannot be asked: by SQL, by the scheduler, by the gateway, by the
# retrain worker and its comparisons.
READ_BY_SHELLS = {
    "costs.monthly",
    "gateway.spool_mib",
    "labels.gold_share",
    "labels.twice_share",
    "runs.keep_days",
    "trigger.autonomy.retrain",
    "trigger.promotion",
}


# Situations: a champion's week, invented


@dataclasses.dataclass(frozen=True)
class World:
    """How far what is measured lies from what is usual, as shares of logs or labels."""

    wrong: float = 0.09
    unsure: float = 0.03
    moved: float = 0.0  # to escalation, from all others
    errors: float = 0.0001
    odd: float = 0.0  # other tokenizer, no known script, cut, fallen back, missing
    latency_ms: float = 8.0
    unlabelled: float = 0.02
    faq_wrong: float = 0.0  # beside what is wrong everywhere
    known: bool = True  # what the model was at its promotion


CALM = World()
SLIGHT = World(moved=0.02, unsure=0.06, errors=0.002, odd=0.008, latency_ms=12.0, wrong=0.105)
MILD = World(moved=0.06, unsure=0.075, errors=0.004, odd=0.008, latency_ms=14.5, wrong=0.15)
WORSE = World(moved=0.2, unsure=0.2, wrong=0.13)
COLLAPSED = World(wrong=0.3)
FORGOTTEN = World(faq_wrong=0.3)
STRANGE = World(wrong=0.13, known=False)
BROKEN = World(errors=0.1, odd=0.7, latency_ms=40.0, unlabelled=0.7)

ESCALATION = present.INDEX["escalation"]


def tally(world: World, n: int) -> windows.Tally:
    """A window of n logs."""
    errors = round(n * world.errors)
    answers = n - errors
    odd, unread = round(world.odd * n), round(world.odd * answers)
    shares = np.full(len(INTENTS), 0.1 - world.moved / 9)
    shares[ESCALATION] = 0.1 + world.moved
    counts = np.floor(shares * answers).astype(np.int64)
    counts[0] += answers - counts.sum()
    latencies = np.full(n, world.latency_ms)
    return windows.Tally(
        n=n,
        errors=errors,
        confidence_sum_micro=round(0.9 * windows.MICRO * answers),
        tokens_sum=round(20 * answers * (1 - world.odd)),
        tokenizer_n=n,
        tokenizer_sum=(n - odd) * OURS + odd * THEIRS,
        tokenizer_square_sum=(n - odd) * OURS**2 + odd * THEIRS**2,
        intent_count=counts,
        intent_low=np.round(counts * world.unsure).astype(np.int64),
        intent_fallback=np.round(counts * world.odd).astype(np.int64),
        script_count=np.array([answers - unread, 0, 0, unread]),
        latency_bins=np.bincount(histogram.latency_bins(latencies), minlength=windows.LATENCY_BINS),
    )


def labelled(world: World) -> samples.Sample:
    """A week of 4,200 answers of which every second one is sampled."""
    n = 2_100
    rng = np.random.default_rng(7)
    meant = rng.integers(0, len(INTENTS), n)
    chance = world.wrong + world.faq_wrong * (meant == present.INDEX["faq"])
    wrong, silent = rng.random(n) < chance, rng.random(n) < world.unlabelled
    answered = np.where(wrong, (meant + 1) % len(INTENTS), meant)
    rows = []
    for i in range(n):
        at = AT - 7 * DAY + i * (7 * DAY / n)
        label = None if silent[i] else INTENTS[meant[i]]
        rows.append((at, INTENTS[answered[i]], 0.9, 0.5, label))
    return samples.sample(rows)


REFERENCE = runs.Reference(
    "v1",
    100_000,
    dict.fromkeys(INTENTS, 10_000),
    accuracy=0.91,
    accuracy_n=5_000,
    recall=dict.fromkeys(INTENTS, 0.91),
    script_counts={"latin": 100_000},
    mean_tokens=20.0,
    tokenizer=OURS,
    low_confidence_rate=0.03,
)


@functools.cache
def here(world: World) -> View:
    """The moment at which that world is judged."""
    usual = {"1h": 8_000, "1d": 20_000, "7d": 100_000}
    ends = {}
    for horizon, n in usual.items():
        start = AT - windows.HORIZONS[horizon]
        logs = tally(world, round(n * (1 - world.odd)))
        ends[horizon] = windows.Window("v1", "champion", horizon, start, AT, logs, complete=True)
    hours = {AT - (back + 1) * HOUR: live.Hour(25, 22.5) for back in range(168)}
    earlier = tally(CALM, 4 * usual["1h"])
    reference = REFERENCE if world.known else None
    return View("v1", AT, ends, reference, labelled(world), hours, earlier, 4)


def history(*levels: verdicts.Level, in_breach: bool) -> History:
    """Of every signal, verdicts on disjoint windows before, newest last; `in_breach` is the last
    one's.
    """
    seen: dict[str, list[verdicts.Verdict]] = {}
    for field in dataclasses.fields(policy.Signals):
        rule = getattr(policy.Signals(), field.name)
        for back, level in enumerate(reversed(levels), start=1):
            signal = verdicts.Signal(
                "v1",
                rule.horizon,
                AT - back * windows.HORIZONS[rule.horizon],
                field.name,
                rule.enter,
                10_000,
            )
            verdict = verdicts.Verdict(signal, level, rule.enter, in_breach and back == 1)
            seen.setdefault(field.name, []).insert(0, verdict)
    return seen


NOTHING: History = {}
STANDING = history(Level.BREACH, in_breach=True)
ONCE = history(Level.BREACH, Level.OK, in_breach=False)
TWICE = history(Level.BREACH, Level.BREACH, in_breach=False)
ANY = decisions.Past()
NEW = decisions.Past(promoted_at=AT - 100 * HOUR, well_before=("error_rate", "p95_latency_ms"))
COOLING = decisions.Past(last_retrain=AT - 71 * HOUR)

# What is made of them


def judged(world: World, before: History, past: decisions.Past, rules: policy.Policy) -> object:
    """The verdicts and the decision, without the identity of the policy."""
    evaluated = evaluate.evaluate(dataclasses.replace(here(world), history=before), past, rules)
    taken = evaluated.decision
    said = (taken.clause, taken.decision, taken.hold_reason, taken.cause, taken.reasons)
    return evaluated.fresh, *said


def asked(rules: policy.Policy) -> object:
    """Who is asked what a message meant, with which chance."""
    labels = rules.labels
    return [
        sample.choice(
            f"r{i}",
            "faq",
            0.9,
            0.8,
            0.0,
            volume_per_day=volume,
            budget_per_day=labels.budget_per_day,
            min_p=labels.min_p,
        )
        for volume in (1_000, 10_000_000)
        for i in range(2_000)
    ]


def held(rules: policy.Policy) -> object:
    """Which labels hold where one of three annotators is often wrong, in no intent so often that it
    proves something alone.
    """
    n = 450
    named = [INTENTS[i // 3 % len(INTENTS)] for i in range(n)]
    answers = samples.sample(
        [(AT - DAY + i * dt.timedelta(seconds=60), named[i], 0.9, 0.5, None) for i in range(n)]
    )
    entries = []
    for i in range(n):
        for annotator in range(3):
            wrong = annotator == 2 and i % 3 == 0
            at = AT - DAY + i * dt.timedelta(seconds=60) + dt.timedelta(microseconds=1 + annotator)
            label = INTENTS[(i // 3 + 1) % len(INTENTS)] if wrong else named[i]
            entries.append(votes.Entry(f"r{i}", "abc"[annotator], at, f"{i} {annotator}", label))
    given = votes.latest(votes.said([f"r{i}" for i in range(n)], entries))
    return labels_that_hold.labelled(answers, given, rules.labels).label.tolist()


@functools.cache
def evidence() -> tuple[gate.Answers, gate.Answers, gate.Evidence]:
    """A candidate a little worse than its champion on the same rows."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, len(INTENTS), 400)

    def answers(accuracy: float, confidence: float) -> gate.Answers:
        right = rng.random(len(labels)) < accuracy
        predicted = np.where(right, labels, (labels + 1) % len(INTENTS))
        return gate.Answers(predicted, np.full(len(labels), confidence))

    return (
        answers(0.88, 0.99),
        answers(0.9, 0.9),
        gate.Evidence(labels, [f"g{i}" for i in range(len(labels))]),
    )


def gated(first: bool, rules: policy.Policy) -> object:
    """The gates of a candidate, first of all or against a champion."""
    candidate, champion, rows = evidence()
    serving = gate.Serving(12.0, 0.0001, 1_000, parity=True, agreement=0.99, parity_n=400)
    return gate.report(candidate, None if first else champion, rows, serving, rules.gates)


JUDGED = [
    functools.partial(judged, world, before, past)
    for world, before, past in (
        (MILD, NOTHING, ANY),
        (CALM, STANDING, ANY),
        (SLIGHT, STANDING, ANY),
        (MILD, STANDING, ANY),
        (BROKEN, ONCE, ANY),
        (BROKEN, TWICE, NEW),
        (WORSE, ONCE, ANY),
        (WORSE, ONCE, COOLING),
        (COLLAPSED, ONCE, ANY),
        (STRANGE, NOTHING, ANY),
        (FORGOTTEN, NOTHING, ANY),
    )
]


def one_thing(breached: str, days: int, rules: policy.Policy) -> object:
    """What is decided where accuracy is well and this alone has been in breach for days."""
    verdicts_now = [
        builders.verdict(trigger.ACCURACY),
        builders.verdict(breached, Level.BREACH, days=days),
    ]
    past = decisions.Past()
    taken = trigger.decision(verdicts_now, past, rules, model="v1", at=builders.AT)
    return taken.decision, taken.hold_reason


def silent(rules: policy.Policy) -> object:
    """What is made of more messages without a label than in the days before, and twice today."""
    view = silence.known(silence.days(0.78, 0.6), *silence.USUAL)
    history = dict(view.history)
    for hours, level in ((3, Level.BREACH), (1, Level.OK)):
        last = history["unanswered_share"][-1]
        signal = dataclasses.replace(last.signal, end=silence.AT - hours * silence.HOUR)
        then = dataclasses.replace(last, signal=signal, verdict=level)
        history["unanswered_share"] = [*history["unanswered_share"], then]
    return unanswered.more_than_usual(dataclasses.replace(view, history=history), rules)


def heard(rules: policy.Policy) -> object:
    """What a person hears of slow answers and of a missed level that last for days, and end."""
    shop = alerting.Shop(rules)
    missed = alerting.breach("low_confidence_rate", 0.136, limit=0.08, hours=0)
    for hours in (3, 5, 30):
        shop.hours((*alerting.slow(), missed), hours)
        shop.hours(alerting.CALM, hours)
    return shop.called


SITUATIONS: dict[str, list[Callable[[policy.Policy], object]]] = {
    "labels": [asked, held, *JUDGED],
    "signals": [silent, *JUDGED],
    "trigger": [
        *JUDGED,
        functools.partial(one_thing, trigger.MIX, 3),
        functools.partial(one_thing, trigger.INTENT, 0),
    ],
    "costs": [*JUDGED],
    "calendar": [functools.partial(one_thing, trigger.MIX, 3)],
    "telling": [heard],
    "gates": [functools.partial(gated, True), functools.partial(gated, False)],
}


# Keys


def keys(of: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that has a value, with the type of it."""
    kinds = typing.get_type_hints(type(of))
    for field in dataclasses.fields(of):
        value = getattr(of, field.name)
        if dataclasses.is_dataclass(value):
            yield from keys(value, f"{prefix}{field.name}.")
        elif value is not None:
            yield prefix + field.name, kinds[field.name]


KEYS = dict(keys(policy.Policy()))


def turned(of: Any, key: str, value: Any) -> Any:
    """The policy, or a part of it, with another value of a key."""
    name, _, rest = key.partition(".")
    return dataclasses.replace(
        of, **{name: turned(getattr(of, name), rest, value) if rest else value}
    )


def valued(of: Any, key: str) -> Any:
    """What a key says."""
    return functools.reduce(getattr, key.split("."), of)


def values(key: str) -> list[Any]:
    """Other values of a key, far from its own."""
    kind, now = KEYS[key], valued(policy.Policy(), key)
    if typing.get_origin(kind) is typing.Literal:
        return [option for option in typing.get_args(kind) if option != now]
    if key == "calendar":
        return [(seasons.Event("sale", builders.AT - DAY, builders.AT),)]
    if isinstance(now, tuple):
        return [(), tuple(field.name for field in dataclasses.fields(policy.Signals))]
    if isinstance(now, str):
        return [horizon for horizon in windows.HORIZONS if horizon != now]
    if key.endswith((".k", ".of")):
        return [count for count in (1, 2, 3, 4) if count != now]
    return [0 * now, now / 2, 2 * now, 10_000 * now]


@functools.cache
def usual(situation: Callable[[policy.Policy], object]) -> object:
    """What comes out under the default policy."""
    return situation(policy.Policy())


def changes(key: str) -> bool:
    """Whether another value of the key changes what comes out in any situation."""
    rules = policy.Policy()
    if key.endswith(".of"):  # one of one is one of three as well: two tell them apart
        rules = turned(rules, key.removesuffix("of") + "k", 2)
    for situation in SITUATIONS[key.partition(".")[0]]:
        before = usual(situation) if rules == policy.Policy() else situation(rules)
        for value in values(key):
            if situation(turned(rules, key, value)) != before:
                return True
    return False


# Windows of what falls overlap: one of one alone is judged, and the parser refuses any other.
FIXED = {
    f"signals.{signal.name}.{key}" for signal in signals.ALL if signal.falls for key in ("k", "of")
}
LIVELY = sorted(key for key in KEYS.keys() - READ_BY_SHELLS - FIXED if values(key))


@pytest.mark.parametrize("key", LIVELY)
def test_a_policy_key_changes_what_comes_out(key: str) -> None:
    assert changes(key)


@pytest.mark.parametrize("key", sorted(FIXED))
def test_a_key_that_cannot_be_turned_is_refused(key: str) -> None:
    table, _, name = key.rpartition(".")
    with pytest.raises(policy.PolicyError, match=f"{table}: k and of cannot be"):
        policy.parse(f"[{table}]\n{name} = 2")


def test_what_shells_read_is_read() -> None:
    read = set()
    for path in syntax.modules("streams", "retrain", "services"):
        read |= {node.attr for node in syntax.nodes(path) if isinstance(node, ast.Attribute)}
    assert KEYS.keys() >= READ_BY_SHELLS
    assert {key.rpartition(".")[2] for key in READ_BY_SHELLS} <= read
