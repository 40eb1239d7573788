"""From counts to verdicts, on the seed's own figures."""

import dataclasses
import math

import builders
import numpy as np
import pytest

from schemas import policy, present, runs, verdicts, windows
from streams.signals import judge, measure
from streams.stats import proportion

SEED_MIX = builders.SEED_MIX
SIGNALS = policy.Policy().signals


REFERENCE = builders.reference(builders.counts(100_000))


def day(
    n: int, shares: dict[str, float] = SEED_MIX, *, low: float = 0.0, errors: int = 0
) -> windows.Window:
    """n answers of a day in these shares, `low` of them unsure."""
    answers, unsure = builders.counts(n, shares), builders.counts(n * low, shares)
    return builders.window(builders.tally(answers, low=unsure, errors=errors), "1d")


def measured(of: windows.Window, known: runs.Reference | None) -> dict[str, verdicts.Signal]:
    return {
        signal.signal: signal for signal in (*measure.signals(of, known), *measure.mix(of, known))
    }


def test_every_number_carries_its_n_and_interval() -> None:
    signals = measured(day(1000, low=0.1, errors=10), REFERENCE)
    assert list(signals) == [
        "p95_latency_ms",
        "error_rate",
        "low_confidence_rate",
        "low_confidence_rise",
        "tokenizer_mismatch",
        "tokens_lost",
        "intent_mix_kl",
        "intent_mix_shift",
    ]
    assert signals["error_rate"].n == signals["p95_latency_ms"].n == 1010
    assert signals["low_confidence_rate"].n == signals["intent_mix_kl"].n == 1000
    for name in ("low_confidence_rate", "error_rate", "intent_mix_kl", "intent_mix_shift"):
        signal = signals[name]
        assert signal.low is not None
        assert signal.value is not None
        assert signal.high is not None
        assert signal.low <= signal.value <= signal.high
        assert signal.low < signal.high
    assert signals["p95_latency_ms"].value == pytest.approx(8.0, rel=windows.ALPHA)


def test_without_a_reference_there_is_no_mix_signal() -> None:
    assert "intent_mix_kl" not in measured(day(1000), None)


def test_an_empty_window_measures_nothing() -> None:
    assert all(signal.value is None for signal in measured(day(0), REFERENCE).values())


MOVED = SEED_MIX | {"escalation": 9.0, "product_discovery": 16.1}


@pytest.mark.parametrize(
    ("n", "shares", "level"),
    [
        (200, MOVED, verdicts.Level.BLIND),
        (2000, MOVED, verdicts.Level.BREACH),
        (2000, SEED_MIX, verdicts.Level.OK),
        (2000, SEED_MIX | {"escalation": 7.2, "product_discovery": 17.9}, verdicts.Level.WATCH),
    ],
)
def test_the_kl_levels_count_only_beyond_chance(
    n: int, shares: dict[str, float], level: verdicts.Level
) -> None:
    signal = measured(day(n, shares), REFERENCE)["intent_mix_kl"]
    assert judge.verdict(signal, SIGNALS.intent_mix_kl, ()).verdict is level


def test_no_drift_at_a_small_n_is_not_an_alarm_although_the_kl_is_over_the_level() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(225, np.array(list(SEED_MIX.values())) / 100)
    shares = dict(zip(present.INTENTS, (drawn / 225 * 100).tolist(), strict=True))
    signal = measured(day(225, shares), REFERENCE)["intent_mix_kl"]
    rule = policy.Level(
        horizon="1d", enter=0.028, leave=0.02, min_n=100, watch=0.0, alert=0.0, alpha=0.001
    )
    assert signal.value is not None
    assert judge.verdict(signal, rule, ()).verdict is verdicts.Level.OK


def rate(value: float, n: int = 2000) -> verdicts.Signal:
    return measured(day(n, low=value), REFERENCE)["low_confidence_rate"]


def test_a_rate_over_the_line_by_chance_alone_is_watched() -> None:
    rule = SIGNALS.low_confidence_rate
    assert judge.verdict(rate(0.085), rule, ()).verdict is verdicts.Level.WATCH
    assert judge.verdict(rate(0.12), rule, ()).verdict is verdicts.Level.BREACH
    assert judge.verdict(rate(0.05), rule, ()).verdict is verdicts.Level.OK


def test_k_of_n_and_hysteresis() -> None:
    rule = policy.Level(horizon="1d", enter=0.08, leave=0.07, min_n=100, k=2, of=3)
    past: list[verdicts.Verdict] = []
    states = []
    for value in (0.12, 0.05, 0.12, 0.075, 0.05):
        past.append(judge.verdict(rate(value), rule, past))
        states.append(past[-1].in_breach)
    assert states == [False, False, True, True, False]


def accuracy(
    value: float | None, low: float, high: float, n: int, known: float | None = 0.921
) -> verdicts.Signal:
    return builders.signal(
        "live_accuracy", value, horizon="7d", n=n, low=low, high=high, reference=known
    )


@pytest.mark.parametrize(
    ("signal", "level"),
    [
        (accuracy(0.898, 0.868, 0.922, 500), verdicts.Level.OK),
        (accuracy(0.898, 0.885, 0.912, 2000), verdicts.Level.WATCH),
        (accuracy(0.898, 0.886, 0.910, 2200), verdicts.Level.BREACH),
        (accuracy(0.898, 0.885, 0.911, 2000, known=None), verdicts.Level.WATCH),
        (
            dataclasses.replace(accuracy(0.898, 0.885, 0.911, 2000), reference_n=1000),
            verdicts.Level.WATCH,
        ),
        (accuracy(0.912, 0.907, 0.917, 9000), verdicts.Level.OK),
        (accuracy(0.905, 0.900, 0.910, 9000), verdicts.Level.BREACH),
        (accuracy(0.70, 0.66, 0.74, 500), verdicts.Level.BREACH),
        (accuracy(0.70, 0.5, 0.85, 30), verdicts.Level.BLIND),
        (accuracy(None, 0, 1, 0), verdicts.Level.BLIND),
        (accuracy(0.85, 0.83, 0.87, 500, known=0.86), verdicts.Level.OK),
    ],
)
def test_accuracy_is_judged_by_its_interval_against_its_reference(
    signal: verdicts.Signal, level: verdicts.Level
) -> None:
    assert (
        judge.falling(
            signal=signal, rule=SIGNALS.live_accuracy, trigger=policy.Trigger(), past=()
        ).verdict
        is level
    )


@pytest.mark.parametrize(
    "signal", [accuracy(0.898, 0.884, 0.912, 1500), accuracy(0.86, 0.80, 0.92, 120, known=None)]
)
def test_with_the_labels_it_says_it_needs_a_watched_loss_is_proven(signal: verdicts.Signal) -> None:
    def judged(n: int) -> verdicts.Verdict:
        assert signal.value is not None
        assert signal.high is not None
        half = (signal.high - signal.value) * math.sqrt(signal.n / n)
        grown = dataclasses.replace(signal, n=n, low=signal.value - half, high=signal.value + half)
        return judge.falling(
            signal=grown,
            rule=dataclasses.replace(SIGNALS.live_accuracy, min_n=100),
            trigger=policy.Trigger(),
            past=(),
        )

    needed = judged(signal.n).labels_needed
    assert needed is not None
    assert judged(signal.n + needed // 2).verdict is verdicts.Level.WATCH
    assert judged(signal.n + needed + 1).verdict is verdicts.Level.BREACH
    assert judged(signal.n + needed + 1).labels_needed is None


def test_a_hair_under_its_limit_no_number_of_labels_that_anyone_gives_proves_a_loss() -> None:
    signal = accuracy(math.nextafter(0.9, 0), 0.87, 0.93, 300, known=None)
    verdict = judge.falling(
        signal=signal, rule=SIGNALS.live_accuracy, trigger=policy.Trigger(), past=()
    )
    assert (verdict.verdict, verdict.labels_needed) == (verdicts.Level.WATCH, None)


def test_a_mix_in_breach_stays_so_while_too_few_logs_say_nothing() -> None:
    first, few = (
        measured(day(n, shares), REFERENCE) for n, shares in ((2000, MOVED), (100, SEED_MIX))
    )
    for name in ("intent_mix_kl", "intent_mix_shift"):
        rule = dataclasses.replace(getattr(SIGNALS, name), k=1, of=1, enter=0.02, leave=0.01)
        breach = judge.verdict(first[name], rule, ())
        assert breach.in_breach
        assert not judge.clean(few[name], rule)
        assert judge.verdict(few[name], rule, [breach]).in_breach


def test_a_shift_that_may_be_none_begins_at_none() -> None:
    def shift(shares: dict[str, float]) -> verdicts.Signal:
        return measured(day(2000, shares), REFERENCE)["intent_mix_shift"]

    assert shift(SEED_MIX | {"escalation": 3.8, "product_discovery": 21.3}).low == 0
    moved = shift(MOVED)
    assert moved.low is not None
    assert moved.low > 0.03


def test_a_loss_within_the_references_own_error_no_label_can_prove() -> None:
    signal = dataclasses.replace(accuracy(0.898, 0.885, 0.911, 2000), reference_n=500)
    verdict = judge.falling(
        signal=signal, rule=SIGNALS.live_accuracy, trigger=policy.Trigger(), past=()
    )
    assert (verdict.verdict, verdict.labels_needed) == (verdicts.Level.WATCH, None)


def test_a_glaring_rate_needs_no_thousand_logs_to_enter_and_a_clean_hour_none_to_leave() -> None:
    rule = policy.Policy().signals.error_rate

    def hour(errors: int, n: int) -> verdicts.Signal:
        low, high = proportion.wilson(errors, n)
        return builders.signal("error_rate", errors / n, horizon="1h", n=n, low=low, high=high)

    assert judge.glaring(hour(6, 60), rule)
    # Chance: one of sixty is over a limit of a half percent.
    assert not judge.glaring(hour(1, 60), rule)
    # Nor are three of fifty anything that years do not bring.
    assert not judge.glaring(hour(3, 50), rule)
    assert judge.glaring(hour(4, 50), rule)
    assert not judge.glaring(hour(4, 40), rule)  # of under fifty logs nothing is said
    assert not judge.glaring(hour(100, 1_000), rule)  # enough logs: the rule as it stands
    broken = verdicts.Verdict(hour(6, 60), verdicts.Level.BREACH, rule.enter, in_breach=True)
    assert judge.verdict(hour(1, 60), rule, [broken]).in_breach
    clean = judge.verdict(hour(0, 60), rule, [broken])
    assert (clean.verdict, clean.in_breach) == (verdicts.Level.BLIND, False)
    assert judge.verdict(hour(0, 20), rule, [broken]).in_breach
