"""A taxonomy's identity is what a figure may depend on, and one that grows by appending and merging
can read all that was stored under any before it.
"""

import itertools
import re

import pytest
import taxonomies
from hypothesis import given
from hypothesis import strategies as st

from schemas import present, succession, taxonomy

Kind = succession.Kind
READABLE = (Kind.SAME, Kind.APPENDED, Kind.MERGED)
DEFAULT = present.DEFAULT.read_text(encoding="utf-8")


def plain(intents: list[str], **merged: str) -> taxonomy.Taxonomy:
    """Intents that all end at one desk."""
    text = taxonomies.text(intents, merged=merged)
    return taxonomy.parse(re.sub(r"desk_\d", "desk", text))


def with_marks(line: str = "", tail: str = "") -> taxonomy.Taxonomy:
    """Two intents, the first with a further line; `tail` follows the tables."""
    return taxonomy.parse(taxonomies.text(["a", "b"], marks={"a": line}) + tail)


@pytest.mark.parametrize(
    ("same", "because"),
    [
        (with_marks('rule = "Asks for a."'), "a rule is told to people and counted by nobody"),
        (with_marks("rare = false\ncritical = false\nhandoff = false"), "said or left out"),
        (with_marks(tail='[between]\n"a, b" = "The older one."\n'), "what decides between two"),
        (taxonomy.parse(taxonomies.text(["a", "b"], version="test-2")), "another version's name"),
    ],
)
def test_what_no_figure_depends_on_leaves_the_identity_alone(
    same: taxonomy.Taxonomy, because: str
) -> None:
    assert same.sha256 == with_marks().sha256, because


@pytest.mark.parametrize(
    "other",
    [
        with_marks("rare = true"),
        with_marks("critical = true"),
        with_marks("handoff = true"),
        with_marks(tail='[severity]\n"a -> b" = 0.5\n'),
        taxonomy.parse(taxonomies.text(["b", "a"])),
        taxonomy.parse(taxonomies.text(["a", "b", "c"])),
        taxonomy.parse(taxonomies.text(["a", "b"], merged={"c": "a"})),
        taxonomy.parse(taxonomies.text(["a", "b"]).replace("desk_1", "desk_2")),
    ],
)
def test_whatever_a_figure_may_depend_on_makes_another_identity(other: taxonomy.Taxonomy) -> None:
    assert other.sha256 != with_marks().sha256


def test_neither_severities_nor_merges_have_an_order() -> None:
    one = taxonomies.text(["a", "b"], merged={"c": "a", "d": "b"})
    other = taxonomies.text(["a", "b"], merged={"d": "b", "c": "a"})
    severities = ['"a -> b" = 0.5\n', '"b -> a" = 0.25\n']

    first = taxonomy.parse(one + "[severity]\n" + "".join(severities))
    second = taxonomy.parse(other + "[severity]\n" + "".join(reversed(severities)))

    assert first.sha256 == second.sha256


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("v", True),
        ("x" * 100, True),
        ("x" * 101, False),
        ("", False),
        ("店-1", True),
        ("two words", True),
        ("line\\nbreak", False),
        ("tab\\there", False),
        ("\\u202Eright to left", False),
        ("\\u0000", False),
    ],
)
def test_a_version_is_one_printable_line_of_at_most_100_characters(
    version: str, *, fits: bool
) -> None:
    text = taxonomies.text(["a", "b"], version=version)
    if fits:
        assert taxonomy.parse(text).version == version
        return
    with pytest.raises(taxonomy.TaxonomyError, match="version"):
        taxonomy.parse(text)


@pytest.mark.parametrize("name", ["a", "0", "_", "card_lost_2", "x" * 100])
def test_a_name_may_be_of_these_letters(name: str) -> None:
    assert taxonomy.parse(taxonomies.text([name, "b"])).names == (name, "b")


@pytest.mark.parametrize("name", ["A", "é", "a-b", "a.b", "", "x" * 101, "マンガ", "<b>", "a b"])
def test_a_name_of_any_other_letters_is_refused_with_what_may_be_used(name: str) -> None:
    text = taxonomies.text([f'"{name}"', "b"])

    with pytest.raises(taxonomy.TaxonomyError, match="is no name; use a to z, 0 to 9 and _"):
        taxonomy.parse(text)


def test_foreign_text_in_a_refusal_is_short_and_on_one_line() -> None:
    text = taxonomies.text(['"' + "\\n<b>" * 1000 + '"', "b"])

    with pytest.raises(taxonomy.TaxonomyError) as caught:
        taxonomy.parse(text)

    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("true", "predicted", "severity"),
    [
        ("plain", "plain", 0.0),
        ("plain", "beside", 0.3),  # the same desk
        ("plain", "far", 0.5),
        ("critical", "far", 0.8),
        ("critical", "beside", 0.3),
        ("person", "far", 1.0),
        ("person", "beside", 1.0),  # whoever wants a person is nowhere else right
        ("person", "person", 0.0),
        ("far", "person", 0.5),
        ("far", "plain", 0.05),  # as the file says
    ],
)
def test_a_confusion_costs_what_missing_it_costs(
    true: str, predicted: str, severity: float
) -> None:
    marks = {"critical": "critical = true", "person": "handoff = true"}
    names = ["plain", "critical", "person", "beside", "far"]
    text = re.sub(r"desk_\d", "desk", taxonomies.text(names, marks=marks))
    text = text.replace(
        '[intents.far]\ndestination = "desk"', '[intents.far]\ndestination = "away"'
    )
    shop = taxonomy.parse(text + '[severity]\n"far -> plain" = 0.05\n')
    intents = {intent.name: intent for intent in shop.intents}

    assert shop.severity(intents[true], intents[predicted]) == severity


def test_of_intents_merged_one_after_the_other_all_lead_to_the_last() -> None:
    """a went into b, b into c later, c into d: their old logs are d's now."""
    shop = plain(["d", "e"], a="b", b="c", c="d")

    assert shop.merged == {"a": "d", "b": "d", "c": "d"}


CHAINS = st.lists(st.sampled_from(["append", "merge"]), min_size=1, max_size=6)


def grown(steps: list[str]) -> list[taxonomy.Taxonomy]:
    """A taxonomy and those it becomes, step by step: one more intent, or its first merged into its
    last.
    """
    names = ["i0", "i1", "i2"]
    merged: dict[str, str] = {}
    chain = [plain(names)]
    for number, step in enumerate(steps):
        if step == "append" or len(names) < 3:
            names = [*names, f"n{number}"]
        else:
            merged = {**merged, names[0]: names[-1]}
            names = names[1:]
        chain.append(plain(names, **merged))
    return chain


@given(CHAINS)
def test_one_that_only_appends_and_merges_reads_all_that_came_before(steps: list[str]) -> None:
    chain = grown(steps)

    for older, newer in itertools.combinations(chain, 2):
        assert succession.difference(older, newer).kind in READABLE


@given(CHAINS)
def test_there_is_no_way_back(steps: list[str]) -> None:
    first, *_, last = grown(steps)

    assert succession.difference(last, first).kind is Kind.OTHER


@given(CHAINS)
def test_a_taxonomy_follows_itself_and_its_stored_form_too(steps: list[str]) -> None:
    last = grown(steps)[-1]

    assert succession.difference(last, last) == succession.Difference(Kind.SAME, "the same")
    assert taxonomy.of(last.body) == last


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        (["x"] * 200, "x, x, x and 197 more"),
    ],
)
def test_of_many_names_the_first_three_are_told(names: list[str], words: str) -> None:
    assert succession.listed(names) == words


def test_a_difference_is_one_line_however_many_intents_differ() -> None:
    """200 intents give way to 200 others."""
    older = plain(taxonomies.names(200))
    newer = plain([f"other_{i}" for i in range(200)])

    words = succession.difference(older, newer).words

    assert words == "test-1 lacks wish_0, wish_1, wish_2 and 197 more"


def test_every_name_of_this_process_has_a_place_and_its_intent_is_its_own_survivor() -> None:
    assert [present.INDEX[name] for name in present.INTENTS] == list(range(10))
    assert [present.survivor(name) for name in present.INTENTS] == list(present.INTENTS)
    assert present.survivor("of_another_shop") == "of_another_shop"


def test_the_default_file_says_what_its_intents_are_for() -> None:
    shop = taxonomy.parse(DEFAULT)

    assert all(intent.rule for intent in shop.intents)
    assert shop.two_wishes.startswith("Two wishes: ")
