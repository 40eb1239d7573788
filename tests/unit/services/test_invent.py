"""The demo's invented messages: the same for a seed, enough for two weeks, and no pattern on two
sides.
"""

import dataclasses
import random
import re
import unicodedata

import pytest

from schemas import normalise, present
from services.local.demo import invent, story

SEED = 20260420
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def tables() -> tuple[list[story.Row], list[story.Row]]:
    return invent.tables(SEED)


@pytest.fixture(scope="module")
def told(tables: tuple[list[story.Row], list[story.Row]]) -> story.Story:
    return story.plan(*tables, seed=SEED)


def test_a_seed_gives_the_same_messages_and_another_seed_others(
    tables: tuple[list[story.Row], list[story.Row]],
) -> None:
    assert invent.tables(SEED) == tables
    base, other = tables[0], invent.tables(SEED + 1)[0]
    assert [row["text"] for row in base] != [row["text"] for row in other]


def test_every_row_is_whole_and_no_text_comes_twice(
    tables: tuple[list[story.Row], list[story.Row]],
) -> None:
    rows = tables[0] + tables[1]
    assert all(set(row) == {"text", "intent", "kind", "conversation", "cluster"} for row in rows)
    assert {row["kind"] for row in rows} == {"human"}
    assert all(normalise.text(row["text"]) and not set(row["text"]) & set("{}(|\n") for row in rows)
    assert len({normalise.text(row["text"]) for row in rows}) == len(rows)
    assert max(len(row["text"]) for row in rows) < 300


def test_both_tables_speak_of_all_ten_intents_and_partly_in_japanese(
    tables: tuple[list[story.Row], list[story.Row]],
) -> None:
    shares = []
    for rows in tables:
        assert {row["intent"] for row in rows} == set(present.INTENTS)
        shares.append(sum(bool(JAPANESE.search(row["text"])) for row in rows) / len(rows))
    assert 0.05 < shares[0] < 0.4 < shares[1]


def test_the_mix_of_the_base_is_a_shops(tables: tuple[list[story.Row], list[story.Row]]) -> None:
    counts = {
        intent: sum(row["intent"] == intent for row in tables[0]) for intent in present.INTENTS
    }
    frequent = ("recommendation", "product_discovery", "product_question", "order_tracking")
    assert min(counts[intent] for intent in frequent) > 2 * max(
        counts[intent] for intent in present.RARE
    )


def test_base_and_later_share_no_pattern_and_a_pattern_means_one_thing(
    tables: tuple[list[story.Row], list[story.Row]],
) -> None:
    base, later = ({row["cluster"].split(": ", 1)[1] for row in rows} for rows in tables)
    assert not base & later
    cores = [
        {
            unicodedata.normalize("NFKC", core)
            for group in invent.language(name, {}).cores.values()
            for core in group
        }
        for name in ("base", "later")
    ]
    assert not cores[0] & cores[1]
    meanings: dict[str, set[str]] = {}
    for row in tables[0] + tables[1]:
        meanings.setdefault(row["cluster"], set()).add(row["intent"])
    assert all(len(intents) == 1 for intents in meanings.values())


def test_no_core_stands_twice_in_a_file() -> None:
    for name in ("base", "later"):
        cores = [core for group in invent.language(name, {}).cores.values() for core in group]
        assert len(set(cores)) == len(cores)


def test_the_tables_fill_two_weeks(told: story.Story) -> None:
    assert {len(day) for day in told.days} == {story.MOST_A_DAY}
    assert len(told.corpus) >= story.CORPUS_ROWS


def test_no_text_and_no_pattern_of_the_corpus_comes_in_traffic(told: story.Story) -> None:
    sent = [row for day in told.days for row in day]
    assert not {normalise.text(row["text"]) for row in told.corpus} & {
        normalise.text(row["text"]) for row in sent
    }
    assert not {row["cluster"] for row in told.corpus} & {row["cluster"] for row in sent}


def test_a_pattern_with_few_different_messages_gives_what_it_has() -> None:
    terse = dataclasses.replace(
        invent.language("base", {}),
        openings=1,
        cores={"chitchat": ["(hi|hi)"]},
        rows={"chitchat": 5},
        dress={"opening": ["{core}"], "closing": [], "aside": []},
        share={"typo": 0, "aside": 0, "closing": 0},
    )
    rows = list(invent.table(terse, random.Random(1), set()))
    assert [row["text"] for row in rows] == ["hi"]


def test_a_slip_changes_one_long_word_only() -> None:
    rng = random.Random(3)
    assert invent.misspelt("is it ok", rng) == "is it ok"
    for _ in range(50):
        first, second = invent.misspelt("where bananas", rng).split()
        assert (first == "where") != (second == "bananas") or (first, second) == (
            "where",
            "bananas",
        )
