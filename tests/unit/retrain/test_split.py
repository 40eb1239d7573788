"""Splits: nothing leaks, machine rows prove nothing, what was held out stays held out."""

import pandas as pd
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


@settings(max_examples=50)
@given(
    st.lists(
        st.text(alphabet="abcdefgh", min_size=3, max_size=8), min_size=2, max_size=40, unique=True
    ),
    st.integers(1, 39),
)
def test_a_row_keeps_its_part_when_others_come(texts: list[str], cut: int) -> None:
    rows: list[dict[str, object]] = [
        {"text": text, "intent": "faq", "kind": "human", "conversation": None, "cluster": None}
        for text in texts
    ]
    before, after = split.split(frame(rows[: cut + 1])), split.split(frame(rows))
    parts = dict(zip(after["text"], after["part"], strict=True))
    assert all(
        parts[text] == part for text, part in zip(before["text"], before["part"], strict=True)
    )


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
