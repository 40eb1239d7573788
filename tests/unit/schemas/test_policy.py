"""A policy file is laid over the defaults; anything unknown or of the wrong kind is named, with the
nearest known key.
"""

import re
from pathlib import Path

import pytest

from schemas import policy


def test_the_defaults_are_the_contract() -> None:
    default = policy.load(None)
    assert default.labels == policy.Labels(
        budget_per_day=500, min_p=0.002, maturity_hours=48, min_to_train=300
    )
    assert default.signals.p95_latency_ms == policy.Level(
        horizon="1h", enter=15, leave=14, k=2, of=3, min_n=200
    )
    kl = default.signals.intent_mix_kl
    assert (kl.watch, kl.alert, kl.enter, kl.leave, kl.alpha) == (0.012, 0.02, 0.028, 0.02, 0.001)
    assert (default.trigger.cool_down_hours, default.trigger.promotion) == (72, "approve")


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[signals.live_accuracy]\nmin_n = 40\n")
    changed = policy.load(file)
    assert changed.signals.live_accuracy.min_n == 40
    assert changed.signals.rare_recall == policy.Policy().signals.rare_recall
    assert changed.sha256 != policy.Policy().sha256


def test_the_hash_is_of_the_values_not_of_the_text() -> None:
    assert (
        policy.parse("# a comment\n[labels]\nbudget_per_day = 500\n").sha256
        == policy.Policy().sha256
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[labels]\nbudget = 1",
            "unknown key labels.budget; the nearest known one is labels.budget_per_day",
        ),
        ("[label]\n", "unknown key label; the nearest known one is labels"),
        ("[labels]\nmin_p = 'x'", "labels.min_p cannot be 'x'"),
        ("[labels]\nmin_p = -1", "labels.min_p cannot be -1"),
        (
            "[trigger]\ncool_down_hours = 1e13",
            "cool_down_hours cannot be 10000000000000.0; expected a number from 0 to 8784",
        ),
        (
            "[trigger]\nrelease_hours = -1",
            "release_hours cannot be -1; expected a number from 0 to 8784",
        ),
        ("[labels]\nmaturity_hours = inf", "maturity_hours cannot be inf; expected a number"),
        (f"[costs]\nlabel = {10**400}", "costs.label cannot be 1000"),
        ("[costs]\nmonthly = 3", "costs.monthly must be a table"),
        ("[costs.monthly]\nminilm = -1", "costs.monthly.minilm cannot be -1; expected a number"),
        ("[costs.monthly]\nminilm = 'x'", "costs.monthly.minilm cannot be 'x'"),
        (f"[labels]\nbudget_per_day = {2**63}", "expected a whole number from 0 to 1e+09"),
        ("[signals.error_rate]\nk = 4", "k and of cannot be 4 and 3; expected 1 <= k <= of"),
        ("[signals.error_rate]\nk = 0", "k and of cannot be 0 and 3; expected 1 <= k <= of"),
        ("[labels]\nbudget_per_day = true", "labels.budget_per_day cannot be True"),
        ("[trigger]\npromotion = 'yes'", "trigger.promotion cannot be 'yes'"),
        ("[signals.live_accuracy]\nhorizon = '2d'", "horizon cannot be '2d'"),
        ("labels = 3", "labels must be a table"),
        ("=", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(policy.PolicyError, match=re.escape(says)) as caught:
        policy.parse(text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xff\xfe[labels]")
    with pytest.raises(policy.PolicyError, match=r"cannot read policy .*policy\.toml: .*utf-8"):
        policy.load(path)


def test_what_serving_costs_is_told_by_any_name_and_decides_nothing() -> None:
    told = policy.parse("[costs.monthly]\nminilm = 95\ntinybert = 80\n")
    assert told.costs.monthly == {
        "tinybert": 80.0,
        "distilbert": 178.0,
        "roberta_base": 348.0,
        "minilm": 95.0,
    }
    assert policy.Policy().costs.monthly["tinybert"] == 89.0
    assert told.sha256 == policy.Policy().sha256
    assert hash(told.costs) == hash(policy.Policy().costs)
