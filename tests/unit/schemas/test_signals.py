"""The catalogue says what each signal is, and nothing else does: the policy, the documents and the
code name the same ones.
"""

import dataclasses
import re
from pathlib import Path

import pytest

from schemas import decisions, policy, signals
from services.local.demo import report

ROOT = Path(__file__).parents[3]
NAMES = [signal.name for signal in signals.ALL]


def test_the_policy_judges_exactly_the_signals_of_the_catalogue() -> None:
    assert sorted(NAMES) == sorted(field.name for field in dataclasses.fields(policy.Signals))


def test_every_signal_is_told_apart_by_each_of_its_names() -> None:
    for attribute in ("name", "words", "short"):
        given = [getattr(signal, attribute) for signal in signals.ALL]
        assert len(set(given)) == len(given)
        assert all(given)


@pytest.mark.parametrize("signal", signals.ALL, ids=NAMES)
def test_a_signal_stands_in_the_documents_and_in_the_legend(signal: signals.Signal) -> None:
    assert re.search(rf"\| .*\b{signal.name}\b.* \|", (ROOT / "docs/signals.md").read_text())
    assert f"{signal.short} ({signal.words})" in report.LEGEND


def test_a_value_is_bad_on_the_side_the_policy_leaves_it_by() -> None:
    """A rule is left again on the good side of its limit."""
    rules = policy.Signals()
    for signal in signals.ALL:
        level = getattr(rules, signal.name)
        assert not signal.beyond(level.leave, level.enter), signal.name


def test_a_role_is_what_the_policy_in_force_says() -> None:
    rules = policy.parse('[trigger]\nquality = ["recent_accuracy"]').trigger
    assert rules.roles("recent_accuracy") == ("quality",)
    assert rules.roles("live_accuracy") == ("release",)
    assert policy.Trigger().roles("error_rate") == ("upstream", "release")


def test_a_signal_nobody_knows_any_more_still_has_words() -> None:
    old = signals.of("yesterdays_signal")
    assert (old.words, old.unit, old.alert) == (
        "yesterdays signal",
        signals.Unit.RATIO,
        "yesterdays signal",
    )
    assert signals.alert_words(["yesterdays_signal", "error_rate"]) == [
        "errors",
        "yesterdays signal",
    ]


def test_each_clause_of_the_rule_has_a_name() -> None:
    from retrain.decide import trigger

    assert [clause.__name__ for clause in trigger.CLAUSES] == [str(one) for one in decisions.Clause]


def test_no_other_module_lists_signals() -> None:
    """Three names of signals in one literal would be a second catalogue; the policy's levels and
    the rule's clauses name one each.
    """
    listed = {}
    for path in sorted(
        path
        for folder in ("schemas", "streams", "retrain", "services")
        for path in (ROOT / folder).rglob("*.py")
    ):
        if path.name == "signals.py" and path.parent.name == "schemas":
            continue
        quoted = [re.findall(r'"(\w+)"', line) for line in path.read_text().splitlines()]
        runs = [sum(name in NAMES for name in line) for line in quoted]
        if max(runs, default=0) > 2:
            listed[str(path.relative_to(ROOT))] = max(runs)
    assert listed == {}
