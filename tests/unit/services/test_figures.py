"""A signal and a gate in Slack's words: every figure with its unit, its limit and its n, and why
what is beyond a limit does not count yet.
"""

import dataclasses

import builders
import pytest

from schemas import decisions, runs, why
from services.notifier import figures

PASS, FAIL, OPEN = runs.GateVerdict.PASS, runs.GateVerdict.FAIL, runs.GateVerdict.INCONCLUSIVE


def gate(name: str = "accuracy", verdict: runs.GateVerdict = PASS, **more: object) -> runs.Gate:
    """A gate that was measured on 612 rows; of its sides only what is given."""
    sides: dict[str, object] = dict.fromkeys(("value", "champion", "margin", "low", "high"))
    return runs.Gate(name, verdict, **(sides | {"n": 612} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        (
            builders.reason("live_accuracy", 0.651, limit=0.9, n=327),
            "live accuracy 65.1 % (limit 90.0 %, n = 327)",
        ),
        (
            builders.reason("p95_latency_ms", 1234.56, limit=15.0, n=12_000),
            "p95 latency 1234.6 ms (limit 15.0 ms, n = 12,000)",
        ),
        (
            builders.reason("intent_mix_kl", 0.0291, limit=0.028),
            "intent mix KL 0.029 nats (limit 0.028 nats, n = 1,000)",
        ),
        # Odds are stored as their decimal logarithm.
        (
            builders.reason("accuracy_e_value", 4.0, limit=3.0),
            "evidence of lost accuracy 10,000 to one (limit 1,000 to one, n = 1,000)",
        ),
        (
            builders.reason("error_rate", None, limit=0.005, n=0),
            "error rate no value (limit 0.5 %, n = 0)",
        ),
        # One that this version does not know is a ratio in its own words.
        (
            builders.reason("strange_rate", 0.25, limit=0.2),
            "strange rate 25.0 % (limit 20.0 %, n = 1,000)",
        ),
    ],
)
def test_a_signal_in_one_breath_has_its_value_limit_and_n(
    reason: decisions.Reason, short: str
) -> None:
    assert why.short(reason) == short


def test_a_field_says_name_value_limit_n_and_interval() -> None:
    low = builders.reason("live_accuracy", 0.65, breached=True, n=327, half=0.06)

    assert figures.field(low) == (
        "*Live accuracy*: BREACH\n"
        "65.0 %, limit at least 90.0 %\n"
        "n = 327 labels, 95 % interval 59.0 % to 71.0 %"
    )


@pytest.mark.parametrize(
    ("breached", "state"), [(False, "no value"), (True, "no value, BREACH since before")]
)
def test_a_signal_without_a_value_keeps_its_breach_and_has_no_interval(
    breached: bool, state: str
) -> None:
    silent = builders.reason("rare_recall", None, breached=breached, limit=0.85, n=0)

    assert figures.field(silent) == (
        f"*Rare recall*: {state}\nno value yet, limit at least 85.0 %\nn = 0 labels, no interval"
    )


@pytest.mark.parametrize(
    ("value", "half", "state"),
    [
        # Bad is above 15 ms.
        (14.9, 1.0, "within limit"),
        (15.0, 1.0, "within limit"),  # at the limit is within it
        (15.5, 1.0, "above its limit, not surely"),  # 14.5 to 16.5 reaches across
        (16.0, 1.0, "above its limit, not surely"),  # the near end is the limit itself
        (16.5, 1.0, "above its limit, not for long enough to count"),
    ],
)
def test_what_is_above_its_limit_and_no_breach_says_why(
    value: float, half: float, state: str
) -> None:
    slow = builders.reason("p95_latency_ms", value, limit=15.0, half=half)

    assert figures.field(slow).splitlines()[0] == f"*P95 latency*: {state}"


@pytest.mark.parametrize(
    ("value", "half", "state"),
    [
        (0.91, 0.05, "within limit"),
        (0.88, 0.05, "below its limit, not surely"),
        (0.8, 0.05, "below its limit, not for long enough to count"),
    ],
)
def test_of_what_should_not_fall_the_upper_end_is_the_near_one(
    value: float, half: float, state: str
) -> None:
    fallen = builders.reason("live_accuracy", value, half=half)

    assert figures.field(fallen).splitlines()[0] == f"*Live accuracy*: {state}"


def test_a_breach_that_is_back_within_its_limit_is_recovering() -> None:
    better = builders.reason("live_accuracy", 0.905, breached=True)

    assert figures.field(better).startswith("*Live accuracy*: BREACH, recovering\n")


def test_a_name_others_chose_is_no_markup() -> None:
    hostile = builders.reason("<!channel>_rate", 0.5, breached=True)

    assert figures.field(hostile).startswith("*&lt;!channel&gt; rate*: BREACH")


@pytest.mark.parametrize(
    ("measured", "line"),
    [
        (
            gate(value=0.884, champion=0.801, low=0.05, high=0.12),
            "• *pass*: accuracy 88.4 % against 80.1 %"
            " (n = 612; difference +5.0 to +12.0 points, 95 %)",
        ),
        (
            gate("recall:escalation", FAIL, value=0.5, champion=0.9, low=-0.6, high=-0.2, n=20),
            "• *fail*: recall of escalation 50.0 % against 90.0 %"
            " (n = 20; difference -60.0 to -20.0 points, 95 %)",
        ),
        # The first champion has nothing before it: its limit, and the interval of the value.
        (
            gate("macro_f1", value=0.9, margin=0.85, low=0.88, high=0.92),
            "• *pass*: macro F1 90.0 %, limit 85.0 % (n = 612; 95 % interval 88.0 % to 92.0 %)",
        ),
        # A lone lower end is the noise floor.
        (
            gate("ece", value=0.03, margin=0.05, low=0.012),
            "• *pass*: calibration error 3.0 %, limit 5.0 % (n = 612; noise floor 1.2 %)",
        ),
        (
            gate("p95_latency_ms", FAIL, value=22.04, margin=15.0, n=5_000),
            "• *fail*: p95 latency 22.0 ms, limit 15.0 ms (n = 5,000)",
        ),
        (
            gate("load_error_rate", value=0.0, margin=0.001, n=5_000),
            "• *pass*: errors under load 0.0 %, limit 0.1 % (n = 5,000)",
        ),
        (
            gate("compiled_parity", OPEN, n=0, note="label 120 more"),
            "• *inconclusive*: compiled parity no value (n = 0; label 120 more)",
        ),
        (
            gate(verdict=OPEN, note="<!here> & `x`"),
            "• *inconclusive*: accuracy no value (n = 612; &lt;!here&gt; &amp; 'x')",
        ),
    ],
)
def test_a_gate_is_a_line_with_both_models_n_and_interval(measured: runs.Gate, line: str) -> None:
    assert figures.gate_line(measured) == line


def test_a_difference_of_nothing_has_a_sign_all_the_same() -> None:
    same = gate(value=0.9, champion=0.9, low=-0.0004, high=0.0)

    assert figures.gate_line(same).endswith("difference -0.0 to +0.0 points, 95 %)")


def test_what_does_not_pass_comes_first_in_the_order_in_which_it_was_measured() -> None:
    measured = [gate("a"), gate("b", FAIL), gate("c"), gate("d", OPEN)]

    lines = list(figures.gate_lines(measured))

    assert [line.split(" no value")[0] for line in lines] == [
        "• *fail*: b",
        "• *inconclusive*: d",
        "• *pass*: a",
        "• *pass*: c",
    ]


def test_of_two_hundred_gates_sixteen_are_listed_and_the_others_are_counted() -> None:
    many = [gate(f"recall:intent_{number}") for number in range(199)] + [gate("ece", FAIL)]

    lines = list(figures.gate_lines(many))

    assert len(lines) == 17
    assert lines[0].startswith("• *fail*: calibration error")
    assert lines[-1] == "… and 184 more: `python -m services.show runs --json`"
    assert len(list(figures.gate_lines(many[:16]))) == 16, "sixteen need no more"


def test_gates_in_one_breath() -> None:
    both = [gate(value=0.884, champion=0.801), gate("ece", value=0.03, margin=0.05, n=5)]

    assert figures.gates_short(both) == (
        "accuracy 88.4 % against 80.1 % (n = 612), calibration error 3.0 %, limit 5.0 % (n = 5)"
    )
    assert figures.gates_short([]) == "no gate was measured (n = 0)"


def test_a_breach_says_since_when_and_the_worst_it_has_been() -> None:
    slow = dataclasses.replace(
        builders.reason("p95_latency_ms", 42.9, breached=True, limit=15.0),
        since="2026-04-20T00:00:00Z",
    )

    first, second, _ = figures.field(slow, 51.0).splitlines()

    assert first.startswith("*P95 latency*: BREACH since <!date^1776643200^")
    assert second == "42.9 ms, worst 51.0 ms, limit at most 15.0 ms"
