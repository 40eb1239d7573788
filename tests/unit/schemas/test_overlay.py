"""A table of a file laid over frozen dataclasses: it changes what it names, and whatever does not
fit is refused in one line with the key's whole name.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import overlay, signals


@dataclasses.dataclass(frozen=True)
class Rule:
    horizon: str = "1h"
    enter: float = 0.1
    k: int = 1
    alpha: float | None = None


@dataclasses.dataclass(frozen=True)
class Rules:
    name: str = "plain"
    mode: Literal["act", "ask"] = "ask"
    watched: tuple[str, ...] = ("error_rate",)
    rule: Rule = Rule()


@dataclasses.dataclass(frozen=True)
class Shop:
    rules: Rules = Rules()


def test_nothing_changes_nothing() -> None:
    assert overlay.overlaid(Rules(), {}) == Rules()


def test_only_what_is_named_changes_however_deep_it_lies() -> None:
    changed = overlay.overlaid(Rules(), {"rule": {"k": 2}})

    assert changed == Rules(rule=Rule(k=2))
    assert Rules() == Rules(rule=Rule(k=1)), "the defaults stay as they were"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"name": ""}, Rules(name="")),
        ({"mode": "act"}, Rules(mode="act")),
        ({"watched": []}, Rules(watched=())),
        (
            {"watched": ["live_accuracy", "error_rate"]},
            Rules(watched=("live_accuracy", "error_rate")),
        ),
        ({"rule": {"horizon": "7d", "enter": 0, "k": 0}}, Rules(rule=Rule("7d", 0.0, 0))),
        ({"rule": {"alpha": 1}}, Rules(rule=Rule(alpha=1.0))),
        ({"rule": {}}, Rules()),
    ],
)
def test_what_fits_is_taken(changes: Mapping[str, Any], wanted: Rules) -> None:
    assert overlay.overlaid(Rules(), changes) == wanted


@given(st.integers(0, 10**9))
def test_a_whole_number_for_a_ratio_is_held_as_a_float_so_that_both_hash_alike(n: int) -> None:
    changed = overlay.overlaid(Rule(), {"enter": n})

    assert type(changed.enter) is float
    assert changed == overlay.overlaid(Rule(), {"enter": float(n)})


@pytest.mark.parametrize("horizon", ["5m", "1h", "1d", "7d"])
def test_a_horizon_is_one_of_the_four(horizon: str) -> None:
    assert overlay.overlaid(Rule(), {"horizon": horizon}).horizon == horizon


NUMBERS = [-1, -0.5, math.nan, math.inf, -math.inf, True, "1", None, [1], {"a": 1}]


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("key", ["enter", "alpha"])
def test_a_number_is_finite_and_not_below_nothing(key: str, value: Any) -> None:
    with pytest.raises(
        overlay.Refused, match=rf"^rule.{key} cannot be .*; expected a number from 0 to 1e\+09$"
    ):
        overlay.overlaid(Rules(), {"rule": {key: value}})


@pytest.mark.parametrize("value", [*NUMBERS, 1.0, 2.5])
def test_a_count_is_a_whole_number(value: Any) -> None:
    with pytest.raises(
        overlay.Refused, match=r"^rule.k cannot be .*; expected a whole number from 0 to 1e\+09$"
    ):
        overlay.overlaid(Rules(), {"rule": {"k": value}})


@pytest.mark.parametrize("value", ["2d", "", "1H", "1h ", 1, None, ["1h"]])
def test_another_horizon_is_refused(value: Any) -> None:
    with pytest.raises(
        overlay.Refused, match=r"^rule.horizon cannot be .*; expected 5m or 1h or 1d or 7d$"
    ):
        overlay.overlaid(Rules(), {"rule": {"horizon": value}})


@pytest.mark.parametrize("value", ["ACT", "", "act ", None, True, 1])
def test_a_word_outside_the_list_is_refused_with_the_list(value: Any) -> None:
    with pytest.raises(overlay.Refused, match=r"^mode cannot be .*; expected act or ask$"):
        overlay.overlaid(Rules(), {"mode": value})


@pytest.mark.parametrize("value", ["error_rate", ["error_rat"], [1], [["error_rate"]], None, {}])
def test_a_list_holds_names_of_signals_and_the_refusal_tells_them_all(value: Any) -> None:
    with pytest.raises(overlay.Refused) as caught:
        overlay.overlaid(Rules(), {"watched": value})

    message = str(caught.value)
    assert message.startswith("watched cannot be ")
    assert all(signal.name in message for signal in signals.ALL)


@pytest.mark.parametrize("value", [3, None, True, [], {}])
def test_text_is_text(value: Any) -> None:
    with pytest.raises(overlay.Refused, match=r"^name cannot be .*; expected text$"):
        overlay.overlaid(Rules(), {"name": value})


@pytest.mark.parametrize("value", [3, "x", None, [], True])
def test_a_table_cannot_be_replaced_by_a_value(value: Any) -> None:
    with pytest.raises(overlay.Refused, match=r"^rule must be a table, not "):
        overlay.overlaid(Rules(), {"rule": value})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"nme": "x"}, "unknown key nme; the nearest known one is name"),
        ({"rule": {"entre": 1}}, "unknown key rule.entre; the nearest known one is rule.enter"),
        ({"rule": {"": 1}}, "unknown key rule.; the nearest known one is rule."),
        ({"RULE": {}}, "unknown key RULE; the nearest known one is "),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_one_and_where_it_stands(
    changes: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(overlay.Refused, match=f"^{re.escape(says)}"):
        overlay.overlaid(Rules(), changes)


def test_a_refusal_names_every_table_on_the_way_down() -> None:
    with pytest.raises(overlay.Refused, match=r"^rules\.rule\.k cannot be -1; "):
        overlay.overlaid(Shop(), {"rules": {"rule": {"k": -1}}})


def test_of_two_faults_the_first_in_the_file_is_told() -> None:
    with pytest.raises(overlay.Refused, match=r"^rule.k "):
        overlay.overlaid(Rules(), {"rule": {"k": -1}, "name": 3})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["name", "mode", "watched", "rule", "x"]), JSON))
def test_no_file_raises_anything_else(changes: dict[str, Any]) -> None:
    try:
        changed = overlay.overlaid(Rules(), changes)
    except overlay.Refused:
        return
    assert isinstance(changed, Rules)
