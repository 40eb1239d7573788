"""The rule where several clauses could answer: which one does, what stands in its way, and what a
decision is the identity of.
"""

import dataclasses
import datetime as dt
import json
import random
from typing import Any

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.decide import proof, record, trigger
from schemas import decisions, policy, signals, verdicts

CHANCES = st.integers(0, 9_999).map(random.Random)

AT = builders.AT
HOUR = dt.timedelta(hours=1)
RULES = policy.Policy()
Kind, Hold, Cause, Level = decisions.Kind, decisions.HoldReason, decisions.Cause, verdicts.Level
Clause = decisions.Clause
INSTANT = dt.timedelta(microseconds=1)

MIX, UNSURE, ERRORS, SLOW = "intent_mix_kl", "low_confidence_rise", "error_rate", "p95_latency_ms"
ACCURACY, RARE = "live_accuracy", "rare_recall"
EVERYTHING = (MIX, UNSURE, ERRORS, SLOW, ACCURACY, RARE)


def judged(*breached: str, **levels: verdicts.Level) -> list[verdicts.Verdict]:
    """The verdicts of an hour: these in breach, those at the levels given, the others well."""
    every = dict.fromkeys(EVERYTHING, Level.OK) | dict.fromkeys(breached, Level.BREACH) | levels
    return [builders.verdict(name, level, reference=0.92) for name, level in every.items()]


def decide(
    evidence: list[verdicts.Verdict], rules: policy.Policy = RULES, **past: Any
) -> decisions.Decision:
    return trigger.decision(evidence, decisions.Past(**past), rules, model=builders.MODEL, at=AT)


COLLAPSED = builders.verdict(ACCURACY, Level.BREACH, value=0.7, high=0.75, reference=0.92)
# A release of yesterday, after a model that stood well.
RELEASED: dict[str, Any] = {"promoted_at": AT - 24 * HOUR, "well_before": (ERRORS, ACCURACY)}


# Which clause answers


@pytest.mark.parametrize(
    ("breached", "past", "clause"),
    [
        ((ERRORS, ACCURACY, MIX, SLOW), RELEASED, Clause.BAD_RELEASE),
        ((ERRORS, ACCURACY, MIX, SLOW), {}, Clause.UPSTREAM),
        ((ACCURACY, MIX, SLOW), {}, Clause.DRIFTED),
        ((MIX, SLOW), {}, Clause.MIX_MOVED),
        ((SLOW,), {}, Clause.SLOW),
        ((SLOW, ACCURACY), {}, Clause.COLLAPSE),
        ((SLOW, RARE), {}, Clause.CALM),
        ((MIX, UNSURE), {}, Clause.CALM),
        ((), {}, Clause.CALM),
    ],
)
def test_of_several_things_that_are_wrong_the_first_of_the_rule_is_answered(
    breached: tuple[str, ...], past: dict[str, Any], clause: decisions.Clause
) -> None:
    assert decide(judged(*breached), **past).clause is clause


def test_with_drift_a_loss_is_drift_and_without_it_a_collapse() -> None:
    others = [each for each in judged(MIX) if each.signal.signal != ACCURACY]
    calm = [each for each in judged() if each.signal.signal != ACCURACY]

    assert decide([*others, COLLAPSED]).clause is Clause.DRIFTED
    assert decide([*calm, COLLAPSED]).clause is Clause.COLLAPSE


def test_nothing_judged_is_stale_whatever_happened_before() -> None:
    decision = decide([], incidents=3, **RELEASED)

    assert (decision.clause, decision.hold_reason) == (Clause.STALE, Hold.STALE_WINDOWS)
    assert decision.reasons == ()


def test_both_drifts_together_are_no_mix_that_moved_alone() -> None:
    assert decide(judged(MIX)).decision is Kind.REWEIGHT
    assert decide(judged(MIX, UNSURE)).hold_reason is Hold.WATCHING


def test_a_mix_that_moves_while_complaints_come_in_is_language() -> None:
    decision = decide(judged(MIX), incidents=1)

    assert (decision.decision, decision.cause) == (Kind.RETRAIN, Cause.LANGUAGE)


@pytest.mark.parametrize(
    ("accuracy", "kind", "hold"),
    [
        (Level.OK, Kind.REWEIGHT, None),
        (Level.WATCH, Kind.HOLD, Hold.MIX_ONLY),
        (Level.BLIND, Kind.HOLD, Hold.MIX_ONLY),
    ],
)
def test_a_reference_moves_only_where_labels_show_that_the_answers_are_as_good(
    accuracy: verdicts.Level, kind: decisions.Kind, hold: decisions.HoldReason | None
) -> None:
    decision = decide(judged(MIX, live_accuracy=accuracy))

    assert (decision.decision, decision.hold_reason, decision.cause) == (kind, hold, Cause.MIX)


# A collapse


@pytest.mark.parametrize(
    ("changes", "collapsed"),
    [
        ({}, True),
        ({"high": 0.87}, False),
        ({"high": 0.8699}, True),
        ({"high": None}, False),
        ({"reference": None}, False),
        ({"signal": "recent_accuracy"}, True),
        ({"signal": "rare_recall"}, False),
    ],
)
def test_a_collapse_is_a_whole_interval_more_than_five_points_under_its_reference(
    changes: dict[str, Any], collapsed: bool
) -> None:
    signal = dataclasses.replace(COLLAPSED.signal, **changes)
    verdict = dataclasses.replace(COLLAPSED, signal=signal)

    assert proof.collapsed(verdict, 0.92 - 0.87) is collapsed


def test_a_collapse_that_labels_do_not_show_any_more_is_none() -> None:
    blind = dataclasses.replace(COLLAPSED, verdict=Level.BLIND)
    over = dataclasses.replace(COLLAPSED, in_breach=False)

    assert not proof.collapsed(blind, 0.05)
    assert not proof.collapsed(over, 0.05)


# What stands in the way

RETRAIN = judged(ACCURACY, UNSURE)
COOL_DOWN = 72 * HOUR


@pytest.mark.parametrize(
    ("past", "hold"),
    [
        ({"paused": True, "run_in_progress": True, "last_retrain": AT}, Hold.PAUSED),
        ({"run_in_progress": True, "last_retrain": AT}, Hold.RUN_IN_PROGRESS),
        ({"last_retrain": AT - COOL_DOWN + INSTANT}, Hold.COOLING_DOWN),
        ({"last_retrain": AT - COOL_DOWN}, None),
        ({"promoted_at": AT - COOL_DOWN + INSTANT}, Hold.COOLING_DOWN),
        ({"promoted_at": AT - COOL_DOWN}, None),
        ({"last_reweight": AT}, None),
    ],
)
def test_of_several_obstacles_to_a_retrain_the_one_a_person_set_is_named_first(
    past: dict[str, Any], hold: decisions.HoldReason | None
) -> None:
    decision = decide(RETRAIN, **past)

    assert decision.hold_reason is hold
    assert (decision.decision is Kind.RETRAIN) == (hold is None)
    assert (decision.cause, decision.clause) == (Cause.LANGUAGE, Clause.DRIFTED)


@pytest.mark.parametrize("past", [{"run_in_progress": True}, {"last_retrain": AT}])
def test_only_a_retrain_waits_for_a_run_and_for_the_cool_down(past: dict[str, Any]) -> None:
    assert decide(judged(ERRORS), **past).decision is Kind.FIX_UPSTREAM
    assert decide(judged(MIX), **past).decision is Kind.REWEIGHT
    assert decide(judged(ERRORS), **RELEASED, **past).decision is Kind.ROLLBACK


@pytest.mark.parametrize("breached", [(ERRORS,), (MIX,), (ACCURACY, UNSURE)])
def test_a_pause_stops_each_action_and_keeps_its_cause(breached: tuple[str, ...]) -> None:
    free, paused = decide(judged(*breached)), decide(judged(*breached), paused=True)

    assert free.decision is not Kind.HOLD
    assert (paused.decision, paused.hold_reason) == (Kind.HOLD, Hold.PAUSED)
    assert paused.cause is free.cause


def test_a_hold_is_not_held_for_another_reason() -> None:
    for past in ({"paused": True}, {"run_in_progress": True}, {"last_retrain": AT}):
        assert decide(judged(), **past).hold_reason is Hold.HEALTHY
        assert decide(judged(SLOW), **past).hold_reason is Hold.LATENCY_ONLY


# Calm


@pytest.mark.parametrize("name", [*EVERYTHING, "tokens_lost", "a_signal_of_next_year"])
def test_whatever_is_watched_is_watched(name: str) -> None:
    others = [each for each in judged() if each.signal.signal != name]

    decision = decide([*others, builders.verdict(name, Level.WATCH)])

    assert (decision.clause, decision.hold_reason) == (Clause.CALM, Hold.WATCHING)


PROMISED = ("low_confidence_rate", "live_accuracy_level", "rare_recall_level")


@pytest.mark.parametrize("level", PROMISED)
def test_a_service_level_that_is_missed_is_said_and_is_no_change(level: str) -> None:
    taken = decide(judged(level))
    assert (taken.hold_reason, taken.cause) == (Hold.LEVEL_MISSED, None)
    # Together they are no two witnesses, either.
    assert decide(judged(*PROMISED)).hold_reason is Hold.LEVEL_MISSED
    # Merely under it, unproven: a champion that swings about its level is no news.
    assert decide(judged(**{level: Level.WATCH})).hold_reason is Hold.HEALTHY


@pytest.mark.parametrize(
    ("levels", "hold"),
    [
        ({MIX: Level.WATCH}, Hold.WATCHING),
        ({ACCURACY: Level.BLIND}, Hold.TOO_FEW_LABELS),
    ],
)
def test_a_missed_level_hides_neither_a_change_nor_that_nobody_can_see(
    levels: dict[str, verdicts.Level], hold: decisions.HoldReason
) -> None:
    assert decide(judged("low_confidence_rate", **levels)).hold_reason is hold


def test_one_figure_of_traffic_that_can_be_told_is_enough_to_see_the_traffic() -> None:
    blind = dict.fromkeys(signals.in_role(signals.Role.TRAFFIC), Level.BLIND)

    assert decide(judged(**blind)).hold_reason is Hold.TOO_FEW_LOGS
    assert decide(judged(**blind | {SLOW: Level.OK})).hold_reason is Hold.HEALTHY


def test_too_few_logs_come_before_too_few_labels() -> None:
    traffic = dict.fromkeys(signals.in_role(signals.Role.TRAFFIC), Level.BLIND)

    decision = decide(judged(**traffic, live_accuracy=Level.BLIND))

    assert decision.hold_reason is Hold.TOO_FEW_LOGS


# The identity of a decision


@given(st.permutations(judged(MIX, ACCURACY)), st.integers(-12, 14))
def test_neither_order_nor_zone_changes_a_bit_of_a_decision(
    evidence: list[verdicts.Verdict], offset: int
) -> None:
    there = AT.astimezone(dt.timezone(offset * HOUR))
    past = decisions.Past(promoted_at=there - 9 * HOUR)

    decision = trigger.decision(evidence, past, RULES, model=builders.MODEL, at=there)

    assert decision == decide(judged(MIX, ACCURACY), promoted_at=AT - 9 * HOUR)


def test_the_id_is_of_model_instant_and_policy_and_the_hash_of_the_evidence_too() -> None:
    calm, moved = decide(judged()), decide(judged(MIX))
    other = decide(judged(), policy.parse("[costs]\nlabel = 0.5"))
    later = trigger.decision(
        judged(), decisions.Past(), RULES, model=builders.MODEL, at=AT + INSTANT
    )
    model = trigger.decision(judged(), decisions.Past(), RULES, model="v2", at=AT)

    assert calm.id == moved.id
    assert len({each.id for each in (calm, other, later, model)}) == 4
    assert len({each.sha256 for each in (calm, moved, other, later, model)}) == 5


@pytest.mark.parametrize("model", ["", "v'1\"", "v1\n", "\u202ev1", "日本", "v1|2026", "a" * 500])
def test_a_model_of_any_name_has_a_decision_of_its_own(model: str) -> None:
    decision = trigger.decision(judged(), decisions.Past(), RULES, model=model, at=AT)

    assert decision.model == model
    assert decision.id.startswith("d_")
    assert len(decision.id) == 18
    assert decision.id != decide(judged()).id


def test_every_change_of_the_past_is_another_hash() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"run_in_progress": True},
        {"paused": True},
        {"incidents": 1},
        {"incidents": 2},
        {"last_retrain": AT},
        {"last_reweight": AT},
        {"last_fix": AT},
        {"promoted_at": AT},
        {"well": (ERRORS,)},
        {"well_before": (ERRORS,)},
        {"ill_before": (ERRORS,)},
    ]

    assert len({decide(judged(), **change).sha256 for change in changes}) == len(changes)


def test_the_second_coming_of_an_hour_is_another_instant() -> None:
    """Berlin, 25 October 2026: 02:30 comes twice, an hour apart."""
    first = dt.datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    second = dt.datetime.fromisoformat("2026-10-25T02:30:00+01:00")

    ids = set()
    for at in (first, second, first.astimezone(dt.UTC)):
        decision = trigger.decision(judged(), decisions.Past(), RULES, model="v1", at=at)
        ids.add(decision.id)

    assert len(ids) == 2


def test_the_evidence_is_plain_json_in_utc() -> None:
    tokyo = AT.astimezone(dt.timezone(9 * HOUR))
    past = decisions.Past(last_fix=tokyo, well=(ERRORS,))

    body = record.plain(record.evidence(judged(), past, model="v1", at=tokyo, costs=None))

    assert json.loads(json.dumps(body)) == body
    assert body["at"] == "2026-04-20T00:00:00+00:00"
    assert body["past"]["last_fix"] == "2026-04-20T00:00:00+00:00"
    assert [each["signal"]["signal"] for each in body["verdicts"]] == [*EVERYTHING]


def test_reasons_say_what_the_policy_in_force_hears_each_signal_say() -> None:
    mute = policy.parse("[trigger]\ndrift = []\nupstream = []")

    usual = {each.signal: each.roles for each in decide(judged()).reasons}
    muted = {each.signal: each.roles for each in decide(judged(), mute).reasons}

    assert usual[ACCURACY] == ("quality", "release")
    assert usual[ERRORS] == ("upstream", "release")
    assert usual[MIX] == ("drift",)
    assert (muted[MIX], muted[ERRORS]) == ((), ("release",))


LEVELS = st.fixed_dictionaries({name: st.sampled_from(list(Level)) for name in EVERYTHING})
PASTS = st.fixed_dictionaries(
    {
        "paused": st.booleans(),
        "run_in_progress": st.booleans(),
        "incidents": st.integers(0, 2),
        "promoted_at": st.sampled_from([None, AT - HOUR, AT - 100 * HOUR, AT - 900 * HOUR]),
        "last_fix": st.sampled_from([None, AT - HOUR, AT - 50 * HOUR]),
    }
)


@given(LEVELS, PASTS, CHANCES)
def test_whatever_the_evidence_there_is_one_decision_with_its_reason(
    levels: dict[str, verdicts.Level], past: dict[str, Any], chance: random.Random
) -> None:
    evidence = judged(**levels)
    chance.shuffle(evidence)

    decision = decide(evidence, **past)

    assert (decision.hold_reason is not None) == (decision.decision is Kind.HOLD)
    assert decision.cause is not None or decision.decision is Kind.HOLD
    assert decision.decision is Kind.HOLD or not past["paused"]
    assert [each.signal for each in decision.reasons] == sorted(EVERYTHING)


@given(LEVELS, PASTS)
def test_latency_never_retrains_and_errors_never_do_either(
    levels: dict[str, verdicts.Level], past: dict[str, Any]
) -> None:
    healthy = dict.fromkeys(EVERYTHING, Level.OK)
    servers = healthy | {name: levels[name] for name in (ERRORS, SLOW)}

    assert decide(judged(**servers), **past).decision is not Kind.RETRAIN
