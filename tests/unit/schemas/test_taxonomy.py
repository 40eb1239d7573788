"""Taxonomies: files good and hostile, what one has that the one before it has not, and the intents
of MangaAssist that ship as the default.
"""

import itertools
import json
import re
import typing

import pytest
import taxonomies
from hypothesis import given
from hypothesis import strategies as st

from schemas import events, present, succession, taxonomy

Kind = succession.Kind
TWO = taxonomies.text(["a", "b"])
MANGAASSIST = taxonomy.parse(present.DEFAULT.read_text())


def test_the_default_is_mangaassists_ten() -> None:
    assert typing.get_args(events.Intent) == present.INTENTS == MANGAASSIST.names
    assert set(present.RARE) == {"escalation", "checkout_help", "promotion"}
    assert set(present.CRITICAL) == {*present.RARE, "order_tracking", "return_request"}
    assert present.HANDOFF == ("escalation",)


def test_every_confusion_has_a_severity() -> None:
    severity = {
        (t.name, p.name): MANGAASSIST.severity(t, p)
        for t, p in itertools.product(MANGAASSIST.intents, repeat=2)
    }
    assert all(
        (value == 0) == (true == predicted) and 0 <= value <= 1
        for (true, predicted), value in severity.items()
    )
    assert severity["escalation", "faq"] == severity["order_tracking", "product_discovery"] == 1.0
    assert severity["product_discovery", "recommendation"] == 0.1
    assert (
        severity["order_tracking", "return_request"],
        severity["order_tracking", "faq"],
        severity["faq", "order_tracking"],
    ) == (0.3, 0.8, 0.5)


@pytest.mark.parametrize("count", [2, 10, 77, 200])
def test_two_to_two_hundred_intents_are_read_in_order(count: int) -> None:
    assert taxonomy.parse(taxonomies.text(taxonomies.names(count))).names == tuple(
        taxonomies.names(count)
    )


HOSTILE = {
    "": "version",
    'version = "x"': "2 to 200 intents",
    taxonomies.text(["a"]): "[intents] has 1",
    taxonomies.text(taxonomies.names(201)): "[intents] has 201",
    TWO.replace("test-1", ""): "version",
    TWO.replace('"test-1"', "7"): "version cannot be 7",
    TWO.replace("[intents.a]", "[intents.Card_Lost]"): "'Card_Lost' is no name",
    TWO.replace("[intents.a]", '[intents."a\\nb"]'): "is no name",
    TWO.replace("[intents.a]", "[intents.b]"): "is not TOML",
    TWO.replace('destination = "desk_0"', "destination = 5"): (
        "intents.a.destination cannot be 5; write text"
    ),
    TWO.replace('destination = "desk_0"', ""): "intents.a.destination is missing",
    TWO.replace("[merged]", 'critcal = true\n[merged]'): (
        "unknown key intents.b.critcal; the nearest known one is intents.b.critical"
    ),
    TWO.replace("[merged]", 'critical = "yes"\n[merged]'): (
        "intents.b.critical cannot be 'yes'; write true or false"
    ),
    TWO + '[severty]\n"a -> b" = 1\n': "the nearest known one is severity",
    TWO + '[severity]\n"a -> b" = 1.5\n': "a number from 0 to 1",
    TWO + '[severity]\n"a -> b" = nan\n': "a number from 0 to 1",
    TWO + '[severity]\n"a -> b" = true\n': "a number from 0 to 1",
    TWO + '[severity]\n"a -> c" = 0.5\n': "must name two of [intents]",
    TWO + '[severity]\n"a to b" = 0.5\n': "must name two of [intents]",
    TWO + '[between]\n"a, b" = 3\n': "between.'a, b' cannot be 3",
    TWO + 'a = "b"\n': "still one of [intents]",
    TWO + 'c = "d"\n': "merged.c leads to 'd'",
    TWO + 'c = 4\n': "merged.c cannot be 4",
    TWO + 'c = "d"\nd = "c"\n': "merged.c leads to",
    TWO + 'c = "c"\n': "merged.c leads to 'c'",
    TWO + 'c = "a"\nc = "b"\n': "is not TOML",
    TWO.replace("[merged]", 'merged = "a"'): "unknown key intents.b.merged",
    'version = "x"\nintents = 3': "intents cannot be 3; write a table",
    'version = "x"\nintents = {a = 1, b = 2}': "intents.a cannot be 1",
    "a = " + "[" * 5000: "is not TOML",
    "version = \x00": "is not TOML",
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_what_cannot_be_used_is_named_in_one_line(text: str, says: str) -> None:
    with pytest.raises(taxonomy.TaxonomyError, match=re.escape(says)) as caught:
        taxonomy.parse(text, "shop.toml")
    assert str(caught.value).startswith("shop.toml")
    assert "\n" not in str(caught.value)


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(taxonomy.TaxonomyError):
        taxonomy.parse(text)


def test_a_stored_taxonomy_is_the_one_of_its_file() -> None:
    again = taxonomy.of(json.loads(json.dumps(MANGAASSIST.body)))
    assert (again, again.sha256) == (MANGAASSIST, MANGAASSIST.sha256)


def change(older: str, newer: str) -> succession.Difference:
    return succession.difference(taxonomy.parse(older), taxonomy.parse(newer))


def of(intents: str, **merged: str) -> str:
    """A file whose intents all end at one desk, so that only their names and places differ."""
    return re.sub(r"desk_\d", "desk", taxonomies.text(list(intents), merged=merged))


@pytest.mark.parametrize(
    ("older", "newer", "kind", "says"),
    [
        (of("abcd"), of("abcd").replace("test-1", "test-2"), Kind.SAME, "the same"),
        (
            of("abcd"),
            of("abcd").replace("[merged]", 'rule = "Asks for d."\n[merged]'),
            Kind.SAME,
            "the same",
        ),
        (of("abcd"), of("abcde"), Kind.APPENDED, "e appended"),
        (of("abcd"), of("acd", b="c"), Kind.MERGED, "b into c merged"),
        (
            of("abcd"),
            of("cde", a="e", b="e"),
            Kind.MERGED,
            "e appended and a into e, b into e merged",
        ),
        (of("abc"), of("ab"), Kind.OTHER, "test-1 lacks c"),
        (of("abc"), of("acb"), Kind.OTHER, "place 2 is b, not c"),
        (of("abc"), of("xabc"), Kind.OTHER, "place 1 is a, not x"),
        (of("abcdefgh"), of("xy"), Kind.OTHER, "lacks a, b, c and 5 more"),
        (of("ac", b="c"), of("abc"), Kind.OTHER, "b was merged into c and must stay in [merged]"),
        (of("ac", b="c"), of("ac"), Kind.OTHER, "b was merged into c and must stay in [merged]"),
        (of("ac", b="c"), of("ac", b="a"), Kind.OTHER, "b was merged into c, in test-1 into a"),
        (of("ac", b="c"), of("ad", b="c", c="d"), Kind.MERGED, "d appended and c into d merged"),
        (
            of("abc"),
            of("abc").replace('destination = "desk"\n\n[merged]', 'destination = "till"\n[merged]'),
            Kind.OTHER,
            'destination of c is "desk", not "till"',
        ),
        (
            of("abc"),
            of("abc").replace("\n\n[merged]", "\ncritical = true\n[merged]"),
            Kind.OTHER,
            "critical of c is false, not true",
        ),
        (
            of("abc"),
            of("abc") + '[severity]\n"a -> b" = 0.9\n',
            Kind.OTHER,
            "severity of a -> b is 0.3, not 0.9",
        ),
        (of("abc"), of("abcd") + '[severity]\n"a -> d" = 0.9\n', Kind.APPENDED, "d appended"),
        (
            of("ac") + '[severity]\n"a -> c" = 0.9\n',
            of("ab", c="b"),
            Kind.MERGED,
            "b appended and c into b merged",
        ),
    ],
)
def test_appended_and_merged_may_follow_and_anything_else_is_another_taxonomy(
    older: str, newer: str, kind: succession.Kind, says: str
) -> None:
    difference = change(older, newer)
    assert difference.kind is kind
    assert says in difference.words
