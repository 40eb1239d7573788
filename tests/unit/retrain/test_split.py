"""Splits: nothing leaks, machine rows prove nothing, what was held out stays held out."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.train import split
from schemas import present

row = st.fixed_dictionaries(
    {
        "text": st.text(alphabet="abcde ", min_size=1, max_size=6),
        "intent": st.sampled_from(present.INTENTS),
        "kind": st.sampled_from(["human", "machine", "live"]),
        "conversation": st.one_of(st.none(), st.sampled_from(["c1", "c2", "c3"])),
        "cluster": st.one_of(st.none(), st.integers(0, 20).map(lambda i: f"k{i}")),
    }
)


def frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"id": str(i), **r} for i, r in enumerate(rows)], columns=list(split.COLUMNS)
    )


@given(st.lists(row, min_size=1, max_size=60))
def test_no_group_cluster_conversation_or_text_stands_on_two_sides(
    rows: list[dict[str, object]],
) -> None:
    parts = split.split(frame(rows))
    used = parts[parts["part"] != "left_out"]
    for key in ("group", "cluster", "conversation"):
        sides = used.dropna(subset=[key]).groupby(key)["part"].nunique()
        assert not (sides > 1).any(), key
    assert len(parts) == len(rows)


@given(st.lists(row, min_size=1, max_size=60))
def test_machine_rows_never_validate_or_test(rows: list[dict[str, object]]) -> None:
    parts = split.split(frame(rows))
    assert not ((parts["kind"] == "machine") & parts["part"].isin(["val", "test"])).any()


def recorded(parts: pd.DataFrame) -> dict[str, str]:
    """The sides that a split dealt, as they are on record afterwards."""
    return dict(zip(parts["anchor"], parts["side"], strict=True))


def lively(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The same as messages of production: these have no cluster."""
    return [each | {"kind": "live", "cluster": None} for each in rows]


@settings(max_examples=100)
@given(st.lists(row, min_size=1, max_size=40), st.lists(row, max_size=40))
def test_nothing_that_anybody_says_to_the_gateway_moves_an_imported_row(
    imported: list[dict[str, object]], said: list[dict[str, object]]
) -> None:
    rows = [each | {"kind": "human"} if each["kind"] == "live" else each for each in imported]
    before = split.split(frame(rows))

    after = split.split(frame(rows + lively(said)), known=recorded(before))

    assert after["part"].tolist()[: len(rows)] == before["part"].tolist()


@settings(max_examples=100)
@given(st.lists(row, min_size=1, max_size=40), st.lists(row, max_size=40))
def test_whatever_comes_a_row_keeps_its_side_or_is_left_out(
    rows: list[dict[str, object]], more: list[dict[str, object]]
) -> None:
    before = split.split(frame(rows))

    after = split.split(frame(rows + more), known=recorded(before)).head(len(rows))

    assert after["side"].tolist() == before["side"].tolist()
    moved = after[after["part"].to_numpy() != before["part"].to_numpy()]
    assert set(moved["part"]) <= {"left_out"}


def corpus(n: int = 640) -> list[dict[str, object]]:
    """People's rows of all intents, each alone."""
    return [
        {
            "text": f"{present.INTENTS[i % 10]} {i}",
            "intent": present.INTENTS[i % 10],
            "kind": "human",
            "conversation": None,
            "cluster": None,
        }
        for i in range(n)
    ]


@pytest.mark.parametrize("on_record", [True, False])
def test_three_hundred_messages_of_one_conversation_capture_no_group(on_record: bool) -> None:
    """They repeat half of what is known: joined by them, it would go to one side, and what was
    held out would train.
    """
    known = corpus()
    before = split.split(frame(known))
    captured = [each | {"kind": "live", "conversation": "one"} for each in known[:600:2]]

    sides = recorded(before) if on_record else {}
    after = split.split(frame(known + captured), known=sides)

    assert after["part"].tolist()[:640] == before["part"].tolist()
    assert before["part"].value_counts()["test"] >= 128
    # They say nothing new: those that would stand beside others of their own are left out.
    assert set(after["part"][640:]) <= {"test", "left_out"}


def test_a_conversation_joins_two_held_out_groups_for_nobody() -> None:
    rows = corpus(40)
    before = split.split(frame(rows))
    test = before[before["part"] == "test"]["text"].tolist()[:2]
    bridge = [{**rows[0], "text": text, "kind": "live", "conversation": "x"} for text in test]

    after = split.split(frame(rows + bridge), known=recorded(before))

    assert after["part"].tolist()[:40] == before["part"].tolist()
    names = after[after["text"].isin(test) & (after["kind"] == "human")]["group"]
    assert names.nunique() == 2


def test_two_imported_clusters_that_a_new_row_joins_keep_their_sides_and_one_is_left_out() -> None:
    rows = [each | {"cluster": f"k{i // 4}"} for i, each in enumerate(corpus(400))]
    before = split.split(frame(rows))
    a_test, a_train = (before[before["part"] == part].iloc[0] for part in ("test", "train"))
    joins = {**rows[0], "text": a_test["text"] + "!", "cluster": a_train["cluster"]}

    after = split.split(frame([*rows, joins]), known=recorded(before))

    parts = after.set_index("id")["part"]
    assert parts[a_test["id"]] == "test"
    assert after["part"].iloc[-1] == "left_out"  # it is the test's own text
    assert parts[a_train["id"]] == "train"


def test_every_intents_groups_are_dealt_in_its_own_shares() -> None:
    parts = split.split(frame(corpus(1000)))

    for intent, of in parts.groupby("intent"):
        counts = of["part"].value_counts()
        assert counts["test"] >= 20, intent
        assert counts["val"] >= 10, intent
        assert counts["train"] >= 45, intent


@given(st.lists(row, min_size=1, max_size=60), st.lists(st.integers(0, 5), min_size=60))
def test_no_input_of_the_model_stands_on_two_sides(
    rows: list[dict[str, object]], ids: list[int]
) -> None:
    """Tokens need not follow from the text: whatever is equal to the model is on one side."""
    inputs = [str(each) for each in ids[: len(rows)]]

    parts = split.split(frame(rows), inputs)

    used = parts.assign(input=inputs)[parts["part"] != "left_out"]
    assert not (used.groupby("input")["part"].nunique() > 1).any()


def test_a_cap_keeps_the_newest_live_rows_and_every_intent() -> None:
    old = [
        {"text": f"{intent} {i}", "intent": intent, "kind": "human"}
        for intent in present.INTENTS
        for i in range(5 if intent == "escalation" else 200)
    ]
    live = [{"text": f"live {i}", "intent": "faq", "kind": "live"} for i in range(500)]
    capped = split.capped(pd.DataFrame([*old, *live]), 600, seed=1)
    assert 590 <= len(capped) <= 600
    assert (capped["kind"] == "live").sum() == 360
    assert "live 499" in set(capped["text"])
    assert "live 0" not in set(capped["text"])
    assert set(capped["intent"]) == set(present.INTENTS)
