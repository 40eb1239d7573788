"""Verdicts to decisions: each clause of the rule has a named case, and the record of a decision is
its identity.
"""

import dataclasses
import datetime as dt
import functools
import random

import builders
import pytest

from retrain.decide import trigger
from schemas import decisions, policy, verdicts

AT = builders.AT
RULES = policy.Policy()
Kind, Hold, Cause, Level = decisions.Kind, decisions.HoldReason, decisions.Cause, verdicts.Level
judged = functools.partial(builders.verdict, reference=0.92)


EVERY = sorted({*trigger.TRAFFIC, *RULES.trigger.quality, *RULES.trigger.drift})


def all_ok(**changed: verdicts.Level) -> list[verdicts.Verdict]:
    return [judged(name, changed.get(name, Level.OK), high=0.88) for name in EVERY]


NOTHING = decisions.Past()


def decide(evidence: list[verdicts.Verdict], past: decisions.Past = NOTHING) -> decisions.Decision:
    return trigger.decision(evidence, past, RULES, model=builders.MODEL, at=AT)


GRAVE = [
    dataclasses.replace(v, level="grave") if v.signal.signal == trigger.INTENT else v
    for v in all_ok(intent_recall_lost=Level.BREACH)
]


def left_out(evidence: list[verdicts.Verdict]) -> list[verdicts.Verdict]:
    """The same, with messages left unlabelled where a loss may hide."""
    biased = judged("worst_case_accuracy", Level.BREACH)
    named = dataclasses.replace(biased, strata=("confidence 0 to 0.6",))
    return [*evidence, named]


BIASED = left_out(all_ok(live_accuracy=Level.BLIND))
CASES = {
    "labels leave messages out": (BIASED, Kind.HOLD, Hold.LABELS_BIASED, None),
    "and the mix moves": (
        left_out(all_ok(live_accuracy=Level.BLIND, intent_mix_kl=Level.BREACH)),
        Kind.HOLD,
        Hold.LABELS_BIASED,
        None,
    ),
    "and a loss is proven all the same": (
        left_out(all_ok(live_accuracy=Level.BREACH, low_confidence_rise=Level.BREACH)),
        Kind.RETRAIN,
        None,
        Cause.LANGUAGE,
    ),
    "at worst as bad as it is": (
        [*all_ok(), judged("worst_case_accuracy", Level.BREACH)],
        Kind.HOLD,
        Hold.WATCHING,
        None,
    ),
    "nothing known": ([], Kind.HOLD, Hold.STALE_WINDOWS, None),
    "all well": (all_ok(), Kind.HOLD, Hold.HEALTHY, None),
    "a watch": (all_ok(intent_mix_kl=Level.WATCH), Kind.HOLD, Hold.WATCHING, None),
    "drift and accuracy": (
        all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BREACH),
        Kind.RETRAIN,
        None,
        Cause.LANGUAGE,
    ),
    "low confidence and rare recall": (
        all_ok(low_confidence_rise=Level.BREACH, rare_recall=Level.BREACH),
        Kind.RETRAIN,
        None,
        Cause.LANGUAGE,
    ),
    "the mix alone, answers as good": (
        all_ok(intent_mix_kl=Level.BREACH),
        Kind.REWEIGHT,
        None,
        Cause.MIX,
    ),
    "the mix alone, for two days": (
        [
            judged(name, Level.BREACH, days=1) if name == trigger.MIX else judged(name)
            for name in EVERY
        ],
        Kind.HOLD,
        Hold.MIX_ONLY,
        Cause.MIX,
    ),
    "one intent, neither critical nor common": (
        all_ok(intent_recall_lost=Level.BREACH),
        Kind.HOLD,
        Hold.INTENT_LOST,
        Cause.LANGUAGE,
    ),
    "one intent, critical or common": (
        GRAVE,
        Kind.RETRAIN,
        None,
        Cause.LANGUAGE,
    ),
    "one intent, and a mix that moved": (
        all_ok(intent_mix_kl=Level.BREACH, intent_recall_lost=Level.BREACH),
        Kind.RETRAIN,
        None,
        Cause.LANGUAGE,
    ),
    "the mix alone, answers unknown": (
        all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BLIND),
        Kind.HOLD,
        Hold.MIX_ONLY,
        Cause.MIX,
    ),
    "drift and evidence of labels one by one": (
        all_ok(intent_mix_kl=Level.BREACH, accuracy_e_value=Level.BREACH),
        Kind.RETRAIN,
        None,
        Cause.LANGUAGE,
    ),
    "accuracy alone, not collapsed": (
        all_ok(live_accuracy=Level.BREACH),
        Kind.HOLD,
        Hold.WATCHING,
        None,
    ),
    "confidence alone": (all_ok(low_confidence_rise=Level.BREACH), Kind.HOLD, Hold.WATCHING, None),
    "latency alone": (all_ok(p95_latency_ms=Level.BREACH), Kind.HOLD, Hold.LATENCY_ONLY, None),
    "latency, and held-out rows that flatter": (
        [*all_ok(p95_latency_ms=Level.BREACH), judged("offline_live_gap", Level.BREACH)],
        Kind.HOLD,
        Hold.LATENCY_ONLY,
        None,
    ),
    "errors": (
        all_ok(error_rate=Level.BREACH, live_accuracy=Level.BREACH),
        Kind.FIX_UPSTREAM,
        None,
        Cause.PIPELINE,
    ),
    "no label": (all_ok(live_accuracy=Level.BLIND), Kind.HOLD, Hold.TOO_FEW_LABELS, None),
    "labels that do not come": (
        [*all_ok(), judged(trigger.STARVED, Level.BREACH)],
        Kind.HOLD,
        Hold.TOO_FEW_LABELS,
        None,
    ),
    "a loss that a moved mix hides": (
        [
            *all_ok(intent_mix_kl=Level.BREACH),
            judged("mix_adjusted_accuracy", Level.BREACH, high=0.6),
        ],
        Kind.RETRAIN,
        None,
        Cause.LANGUAGE,
    ),
    "no log": (
        [judged(name, Level.BLIND) for name in trigger.TRAFFIC],
        Kind.HOLD,
        Hold.TOO_FEW_LOGS,
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_evidence_has_its_answer(case: str) -> None:
    evidence, *wanted = CASES[case]
    taken = decide(evidence)
    assert [taken.decision, taken.hold_reason, taken.cause] == wanted


def test_a_proven_collapse_needs_no_second_witness() -> None:
    assert decide(COLLAPSE).decision is Kind.RETRAIN


def test_a_collapse_is_blamed_on_the_language_unless_the_model_is_new() -> None:
    assert decide(COLLAPSE).cause is Cause.LANGUAGE
    new = decisions.Past(promoted_at=AT - dt.timedelta(hours=100))
    assert decide(COLLAPSE, new).cause is Cause.UNKNOWN
    assert (
        decide(COLLAPSE, dataclasses.replace(new, well=("live_accuracy",))).cause is Cause.LANGUAGE
    )


def test_a_bad_day_collapses_by_itself_and_a_week_that_holds_one_does_not() -> None:
    day = judged(trigger.RECENT, Level.BREACH, value=0.75, high=0.8)
    assert decide([*all_ok(), day]).decision is Kind.RETRAIN
    back = judged(trigger.RECENT, Level.OK, value=0.93, high=0.95)
    assert decide([*COLLAPSE, back]).hold_reason is Hold.WATCHING


def test_drift_seen_while_something_before_the_model_was_broken_is_none() -> None:
    evidence = all_ok(low_confidence_rise=Level.BREACH, accuracy_e_value=Level.BREACH)
    assert (
        decide(evidence, decisions.Past(last_fix=AT - dt.timedelta(hours=3))).hold_reason
        is Hold.WATCHING
    )
    assert (
        decide(evidence, decisions.Past(last_fix=AT - dt.timedelta(hours=30))).decision
        is Kind.RETRAIN
    )
    moved = all_ok(intent_mix_kl=Level.BREACH)
    assert decide(moved, decisions.Past(last_fix=AT - dt.timedelta(hours=3))).decision is Kind.HOLD


def test_rare_recall_alone_rolls_back_only_beyond_doubt() -> None:
    past = decisions.Past(promoted_at=AT - dt.timedelta(hours=30), well_before=("rare_recall",))

    def rare(value: float) -> list[verdicts.Verdict]:
        return [v for v in all_ok() if v.signal.signal != "rare_recall"] + [
            judged("rare_recall", Level.BREACH, value=value, high=value + 0.06)
        ]

    assert decide(rare(0.82), past).decision is Kind.HOLD
    assert decide(rare(0.7), past).decision is Kind.ROLLBACK


def test_a_business_incident_counts_as_evidence_on_quality() -> None:
    evidence = all_ok(low_confidence_rise=Level.BREACH)
    assert decide(evidence, decisions.Past(incidents=1)).decision is Kind.RETRAIN


@pytest.mark.parametrize(
    ("past", "hold"),
    [
        (decisions.Past(run_in_progress=True), Hold.RUN_IN_PROGRESS),
        (decisions.Past(last_retrain=AT - dt.timedelta(hours=71)), Hold.COOLING_DOWN),
        (decisions.Past(promoted_at=AT - dt.timedelta(hours=1)), Hold.COOLING_DOWN),
        (decisions.Past(last_retrain=AT - dt.timedelta(hours=73)), None),
    ],
)
def test_a_retrain_waits_and_keeps_its_cause(
    past: decisions.Past, hold: decisions.HoldReason | None
) -> None:
    taken = decide(all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BREACH), past)
    assert taken.hold_reason is hold
    assert taken.cause is Cause.LANGUAGE


def test_every_signal_is_a_reason_with_its_numbers() -> None:
    taken = decide(all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BREACH))
    assert [r.signal for r in taken.reasons] == EVERY
    assert {r.signal for r in taken.reasons if r.breached} == {"intent_mix_kl", "live_accuracy"}
    assert all(r.n == 1000 for r in taken.reasons)


def test_the_hash_is_of_the_evidence_not_of_its_order_or_zone() -> None:
    evidence = all_ok(intent_mix_kl=Level.BREACH)
    shuffled = random.Random(1).sample(evidence, len(evidence))
    tokyo = dt.timezone(dt.timedelta(hours=9))
    same = trigger.decision(
        shuffled, decisions.Past(), RULES, model=builders.MODEL, at=AT.astimezone(tokyo)
    )
    assert (same.id, same.sha256) == (decide(evidence).id, decide(evidence).sha256)


def test_one_count_one_threshold_or_the_past_change_the_hash() -> None:
    evidence = all_ok()
    changed = [
        dataclasses.replace(evidence[0], signal=dataclasses.replace(evidence[0].signal, n=1001)),
        *evidence[1:],
    ]
    hashes = {
        decide(evidence).sha256,
        decide(changed).sha256,
        decide(evidence, decisions.Past(incidents=1)).sha256,
    }
    hashes.add(
        trigger.decision(
            evidence,
            decisions.Past(),
            policy.parse("[labels]\nmin_p = 0.003"),
            model=builders.MODEL,
            at=AT,
        ).sha256
    )
    assert len(hashes) == 4


SINCE_RELEASE = decisions.Past(
    promoted_at=AT - dt.timedelta(hours=30), well_before=("error_rate", "live_accuracy")
)
RELEASE_CASES = {
    "bad since the release": (SINCE_RELEASE, Kind.ROLLBACK),
    "well at first, bad later": (
        dataclasses.replace(SINCE_RELEASE, well=("live_accuracy",)),
        Kind.RETRAIN,
    ),
    "the model before was worse in another way": (
        dataclasses.replace(SINCE_RELEASE, ill_before=("rare_recall",)),
        Kind.RETRAIN,
    ),
    "bad before the release too": (
        dataclasses.replace(SINCE_RELEASE, well_before=("error_rate",)),
        Kind.RETRAIN,
    ),
    "a release of last month": (
        dataclasses.replace(SINCE_RELEASE, promoted_at=AT - dt.timedelta(days=30)),
        Kind.RETRAIN,
    ),
}


@pytest.mark.parametrize("case", RELEASE_CASES)
def test_a_release_is_blamed_for_what_began_with_it_and_for_nothing_else(case: str) -> None:
    past, kind = RELEASE_CASES[case]
    rules = policy.parse("[trigger]\ncool_down_hours = 0")
    evidence = all_ok(live_accuracy=Level.BREACH, low_confidence_rise=Level.BREACH)
    taken = trigger.decision(evidence, past, rules, model=builders.MODEL, at=AT)
    assert taken.decision is kind
    assert (taken.cause is Cause.BAD_RELEASE) == (kind is Kind.ROLLBACK)


COLLAPSE = [v for v in all_ok() if v.signal.signal != "live_accuracy"]
COLLAPSE.append(judged("live_accuracy", Level.BREACH, value=0.7, high=0.75))
WITNESSES = {
    trigger.stale: ([], decisions.Past()),
    trigger.bad_release: (all_ok(error_rate=Level.BREACH), SINCE_RELEASE),
    trigger.upstream: (all_ok(error_rate=Level.BREACH), decisions.Past()),
    trigger.drifted: (
        all_ok(low_confidence_rise=Level.BREACH, rare_recall=Level.BREACH),
        decisions.Past(),
    ),
    trigger.collapse: (COLLAPSE, decisions.Past()),
    trigger.intent_lost: (GRAVE, decisions.Past()),
    trigger.labels_biased: (BIASED, decisions.Past()),
    trigger.mix_moved: (all_ok(intent_mix_kl=Level.BREACH), decisions.Past()),
    trigger.slow: (all_ok(p95_latency_ms=Level.BREACH), decisions.Past()),
}


@pytest.mark.parametrize("clause", WITNESSES, ids=lambda clause: clause.__name__)
def test_no_clause_of_the_rule_can_go_unnoticed(
    clause: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence, past = WITNESSES[clause]  # type: ignore[index]
    before = decide(evidence, past)
    monkeypatch.setattr(
        trigger, "CLAUSES", tuple(other for other in trigger.CLAUSES if other is not clause)
    )
    after = decide(evidence, past)
    assert (before.decision, before.hold_reason, before.cause) != (
        after.decision,
        after.hold_reason,
        after.cause,
    )


def test_every_clause_but_the_last_has_a_witness() -> None:
    assert [*WITNESSES, trigger.calm] == list(trigger.CLAUSES)


def test_a_pause_stops_every_action_and_nothing_else() -> None:
    paused = decisions.Past(paused=True)
    assert decide(all_ok(error_rate=Level.BREACH), paused).hold_reason is Hold.PAUSED
    assert decide(all_ok(), paused).hold_reason is Hold.HEALTHY


def test_a_reference_that_was_moved_is_given_time() -> None:
    evidence = all_ok(intent_mix_kl=Level.BREACH)
    assert (
        decide(evidence, decisions.Past(last_reweight=AT - dt.timedelta(hours=71))).hold_reason
        is Hold.MIX_ONLY
    )
    assert (
        decide(evidence, decisions.Past(last_reweight=AT - dt.timedelta(hours=73))).decision
        is Kind.REWEIGHT
    )


@pytest.mark.parametrize(("answers_a_day", "hold"), [(10, Hold.NOT_WORTH_IT), (5000, None)])
def test_a_retrain_that_costs_more_than_waiting_a_week_waits(
    answers_a_day: int, hold: decisions.HoldReason | None
) -> None:
    evidence = all_ok(low_confidence_rise=Level.BREACH, live_accuracy=Level.BREACH)
    evidence = [
        dataclasses.replace(v, signal=dataclasses.replace(v.signal, n=answers_a_day))
        if v.signal.signal == "low_confidence_rate"
        else v
        for v in evidence
    ]
    assert decide(evidence).hold_reason is hold


def test_which_signals_count_as_what_is_data() -> None:
    rules = policy.parse('[trigger]\ndrift = ["low_confidence_rise"]')
    evidence = all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BREACH)
    assert (
        trigger.decision(evidence, decisions.Past(), rules, model=builders.MODEL, at=AT).decision
        is Kind.HOLD
    )
    with pytest.raises(policy.PolicyError, match=r"trigger\.drift .* expected a list of"):
        policy.parse('[trigger]\ndrift = ["vibes"]')


def test_where_labels_take_long_a_release_is_blamed_for_as_much_longer() -> None:
    """Nine days after the release labels tell of its second day."""
    late = [
        dataclasses.replace(v, signal=dataclasses.replace(v.signal, age_hours=168))
        for v in all_ok(live_accuracy=Level.BREACH)
    ]
    nine_days = decisions.Past(
        promoted_at=AT - dt.timedelta(days=9), well_before=("live_accuracy",)
    )
    assert decide(late, nine_days).decision is Kind.ROLLBACK
    assert decide(all_ok(live_accuracy=Level.BREACH), nine_days).decision is not Kind.ROLLBACK
