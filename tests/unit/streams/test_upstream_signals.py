"""What is broken before the model, and what is unusual for the hour: another tokenizer, unreadable
texts, spikes, one intent that moved.
"""

import dataclasses
from typing import Any

import builders
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events, policy, present, tallies, times, verdicts, windows
from streams.count import columns
from streams.signals import judge, measure

RULES = policy.Policy().signals
OWN = "9b2a1"


def tally(*logs: dict[str, Any]) -> windows.Tally:
    known = [
        msgspec.convert(builders.log(i, script="other") | log, events.ServingLog)
        for i, log in enumerate(logs)
    ]
    at = np.full(len(known), times.micros(builders.AT), dtype=np.int64)
    _, counts = columns.by_key(columns.of(known, at), np.zeros(len(known), dtype=np.bool_))
    return tallies.one(counts, 0)


REFERENCE = builders.reference(tokenizer=windows.tokenizer_code(OWN))


def hashed(*names: str | None) -> windows.Tally:
    return tally(*({"tokenizer_hash": name} for name in names))


@given(st.lists(st.sampled_from([OWN, "aaaa", "bbbb", "cccc", None]), min_size=1, max_size=60))
def test_the_share_of_foreign_tokenizers_is_never_overstated_and_exact_for_one(
    names: list[str | None],
) -> None:
    told = [name for name in names if name is not None]
    signal = measure.tokenizer_mismatch(builders.window(hashed(*names)), REFERENCE)
    assert signal.n == len(told)
    if not told:
        assert signal.value is None
        return
    share = sum(name != OWN for name in told) / len(told)
    assert signal.value is not None
    assert signal.value <= share + 1e-12
    if len(set(told) - {OWN}) <= 1:
        assert signal.value == pytest.approx(share)


def test_a_tokenizer_of_another_model_is_a_breach_and_its_own_is_not() -> None:
    own = judge.verdict(
        measure.tokenizer_mismatch(builders.window(hashed(*[OWN] * 100)), REFERENCE),
        RULES.tokenizer_mismatch,
        (),
    )
    foreign = measure.tokenizer_mismatch(
        builders.window(hashed(*[OWN] * 95, *["other"] * 5)), REFERENCE
    )
    once = judge.verdict(foreign, RULES.tokenizer_mismatch, ())
    twice = judge.verdict(foreign, RULES.tokenizer_mismatch, [once])
    silent = judge.verdict(
        measure.tokenizer_mismatch(builders.window(hashed(*[None] * 100)), REFERENCE),
        RULES.tokenizer_mismatch,
        [once, twice],
    )
    assert (own.verdict, own.signal.value) == (verdicts.Level.OK, 0.0)
    assert (once.verdict, once.in_breach, twice.in_breach) == (verdicts.Level.BREACH, False, True)
    assert (silent.verdict, silent.in_breach) == (verdicts.Level.BLIND, False), (
        "who stops telling the tokenizer does not stay in breach for ever"
    )


def test_without_a_known_tokenizer_nothing_is_said() -> None:
    unknown = builders.reference()
    assert measure.tokenizer_mismatch(builders.window(hashed(OWN, "other")), unknown).value is None
    assert hashed(OWN, OWN, None).tokenizer == windows.tokenizer_code(OWN)
    assert hashed(OWN, "other").tokenizer is None
    assert hashed(None).tokenizer is None


def test_unreadable_texts_count_above_what_is_usual() -> None:
    counted = tally(
        *({"script": "other"} for _ in range(36)), *({"script": "latin"} for _ in range(164))
    )
    signal = measure.other_script_excess(builders.window(counted), {"latin": 95, "other": 5})
    assert signal.value == pytest.approx(0.13)
    assert signal.low is not None
    assert signal.high is not None
    assert signal.low < 0.13 < signal.high
    # Its interval reaches under a tenth.
    assert judge.verdict(signal, RULES.other_script_excess, ()).verdict is verdicts.Level.WATCH
    silent = tally(*({} for _ in range(200)))  # a producer that does not tell the script
    assert (
        measure.other_script_excess(builders.window(silent), {"latin": 95, "other": 5}).value
        is None
    )


def test_a_spike_is_held_against_the_same_hours_of_earlier_weeks() -> None:
    def answers(escalations: int, fallbacks: int, n: int) -> windows.Tally:
        return tally(
            *(
                {
                    "intent": "escalation" if i < escalations else "faq",
                    "fallback_rerank": i < fallbacks,
                }
                for i in range(n)
            )
        )

    _, escalation, fallback = measure.against_earlier(
        builders.window(answers(30, 10, 300)), answers(12, 16, 400), 1
    )
    assert (escalation.signal, escalation.value, escalation.reference) == (
        "escalation_spike",
        pytest.approx(0.07),
        pytest.approx(0.03),
    )
    assert escalation.low is not None
    # Newcombe 1998, method 10: 0.1 of 300 against 0.03 of 400 gives [0.034, 0.110].
    assert 0.03 < escalation.low < 0.07
    assert escalation.low == pytest.approx(0.0340, abs=0.0005)
    assert escalation.high == pytest.approx(0.1105, abs=0.001)
    assert judge.verdict(escalation, RULES.escalation_spike, ()).verdict is verdicts.Level.BREACH
    assert fallback.value == pytest.approx(10 / 300 - 16 / 400)
    assert judge.verdict(fallback, RULES.fallback_spike, ()).verdict is verdicts.Level.OK


def test_without_earlier_weeks_or_answers_no_spike_is_known() -> None:
    assert [
        signal.value
        for signal in measure.against_earlier(builders.window(windows.Tally()), windows.Tally(), 1)
    ] == [None, None, None]
    assert [
        signal.value
        for signal in measure.against_earlier(builders.window(tally({})), windows.Tally(), 1)
    ] == [None, None, None]


def test_logs_that_do_not_come_are_a_share_of_the_usual_ones() -> None:
    def logs(n: int) -> windows.Tally:
        return windows.Tally(n=n)

    signal = measure.data_missing(builders.window(logs(100)), 4 * 400, 4)
    assert (signal.value, signal.n, signal.reference) == (pytest.approx(0.75), 1700, 400)
    # Of 100 in 1700 Wilson gives [0.0486, 0.0710]: odds [0.0511, 0.0764].
    assert signal.low == pytest.approx(1 - 4 * 0.07580, abs=0.02)
    assert judge.verdict(signal, RULES.data_missing, ()).verdict is verdicts.Level.BREACH
    # More than usual is nothing missing.
    assert measure.data_missing(builders.window(logs(500)), 400, 1).value == 0.0
    assert (
        judge.verdict(
            measure.data_missing(builders.window(logs(300)), 4 * 400, 4), RULES.data_missing, ()
        ).verdict
        is verdicts.Level.OK
    )
    assert (
        judge.verdict(
            measure.data_missing(builders.window(logs(3)), 30, 1), RULES.data_missing, ()
        ).verdict
        is verdicts.Level.BLIND
    )


def test_the_intent_that_moved_most_is_corrected_for_having_been_chosen() -> None:
    each = [present.INTENTS[i % 10] for i in range(400)]
    moved = measure.intent_mix_shift(
        builders.window(
            tally(*({"intent": intent} for intent in [*each, *["promotion"] * 100])), "1d"
        ),
        REFERENCE,
    )
    assert moved.value == pytest.approx(140 / 500 - 0.1)
    assert judge.verdict(moved, RULES.intent_mix_shift, ()).verdict is verdicts.Level.BREACH
    still = measure.intent_mix_shift(
        builders.window(tally(*({"intent": intent} for intent in each)), "1d"), REFERENCE
    )
    assert (still.value, still.p_value) == (pytest.approx(0.0), 1.0)


def test_of_a_few_texts_all_may_be_broken_by_chance_and_a_breach_stays() -> None:
    def broken(n: int) -> verdicts.Signal:
        return measure.other_script_excess(
            builders.window(tally(*({"script": "other"} for _ in range(n)))),
            {"latin": 95, "other": 5},
        )

    rule = RULES.other_script_excess
    before = verdicts.Verdict(broken(20), verdicts.Level.BREACH, rule.enter, in_breach=True)
    assert judge.verdict(broken(20), rule, [before]).in_breach
    # So many and no other: the producer no longer tells.
    assert not judge.verdict(broken(200), rule, [before]).in_breach


def test_texts_that_lose_half_of_their_tokens_are_cut_and_a_third_is_new_language() -> None:
    known = dataclasses.replace(REFERENCE, mean_tokens=12.0)
    cut, shorter, longer = (
        measure.tokens_lost(
            builders.window(tally(*({"tokens": tokens} for _ in range(200)))), known
        )
        for tokens in (5, 8, 15)
    )
    assert (cut.value, cut.reference) == (pytest.approx(7 / 12), 12.0)
    assert judge.verdict(cut, RULES.tokens_lost, ()).verdict is verdicts.Level.BREACH
    assert judge.verdict(shorter, RULES.tokens_lost, ()).verdict is verdicts.Level.OK
    assert longer.value == 0.0
    assert measure.tokens_lost(builders.window(tally({})), REFERENCE).value is None
