"""A log line is read back as it was written, field by field and tag by tag; whatever `encode` would
not have written is refused by one kind of error.
"""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import loglines

TAGS = sorted(loglines.FIELDS)
WORDS = st.text("abcxyz019_", min_size=1, max_size=8)
RATIOS = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
# Values that lose nothing where they are rounded to the places of their form.
VALUES: dict[int, st.SearchStrategy[Any]] = {
    id(loglines.TEXT): st.text(max_size=20),
    id(loglines.STRING): st.text(max_size=20),
    id(loglines.WHOLE): st.integers(-(10**9), 10**9),
    id(loglines.POINTS): RATIOS,
    id(loglines.PERCENT): RATIOS,
    id(loglines.PERCENT2): RATIOS,
    id(loglines.ONE): st.integers(-9999, 9999).map(lambda tenths: tenths / 10),
    id(loglines.TWO): st.integers(-9999, 9999).map(lambda hundredths: hundredths / 100),
    id(loglines.THREE): st.integers(-9999, 9999).map(lambda thousandths: thousandths / 1000),
    id(loglines.NUMBER): st.integers(0, 99_999).map(float),
    id(loglines.RATE): st.sampled_from([2e-5, 1e-3, 3.25e-06]),
    id(loglines.TRUTH): st.booleans(),
    id(loglines.YES): st.booleans(),
    id(loglines.NAMES): st.lists(WORDS, max_size=4),
    id(loglines.SHARES): st.dictionaries(WORDS, RATIOS, max_size=4),
}


def chosen(tag: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any of the fields of a tag, in its order."""
    forms = loglines.FIELDS[tag]
    values = {name: st.none() | VALUES[id(form)] for name, form in forms.items()}
    # The seed names a benchmark's candidates in a line of their own.
    values.pop("candidates", None)
    return st.fixed_dictionaries({}, optional=values)


FIELDS = st.sampled_from(TAGS).flatmap(lambda tag: st.tuples(st.just(tag), chosen(tag)))


@given(FIELDS)
def test_whatever_a_tag_carries_comes_back(line: tuple[str, dict[str, Any]]) -> None:
    tag, fields = line

    assert loglines.parse(loglines.encode(tag, fields)) == (tag, fields)


@given(FIELDS)
def test_fields_are_written_in_the_tags_order_whoever_gives_them(
    line: tuple[str, dict[str, Any]],
) -> None:
    tag, fields = line
    backwards = dict(reversed(fields.items()))

    assert loglines.encode(tag, backwards) == loglines.encode(tag, fields)


@pytest.mark.parametrize(
    ("form", "value", "written"),
    [
        (loglines.POINTS, 0.917, "91.7"),
        (loglines.POINTS, 0.0, "0.0"),
        (loglines.POINTS, 1.0, "100.0"),
        (loglines.PERCENT, 0.062, "6.2%"),
        (loglines.PERCENT2, 0.0008, "0.08%"),
        (loglines.ONE, 12.8, "12.8"),
        (loglines.TWO, -0.5, "-0.50"),
        (loglines.THREE, 0.011, "0.011"),
        (loglines.WHOLE, 48_000, "48000"),
        (loglines.NUMBER, 8.0, "8"),
        (loglines.NUMBER, 1_250_000.0, "1.25e+06"),
        (loglines.TRUTH, True, "true"),
        (loglines.TRUTH, False, "false"),
        (loglines.YES, True, "yes"),
        (loglines.YES, False, "no"),
        (loglines.NAMES, [], "[]"),
        (loglines.NAMES, ["tinybert", "minilm"], "[tinybert, minilm]"),
        (loglines.SHARES, {}, "{}"),
        (loglines.SHARES, {"faq": 0.18, "chitchat": 0.055}, "{faq:18.0, chitchat:5.5}"),
        (loglines.RATE, 2e-5, "2.00e-05"),
    ],
)
def test_each_form_writes_a_value_so_and_reads_it_back(
    form: loglines.Form, value: Any, written: str
) -> None:
    assert form.write(value) == written
    assert form.read(written) == value


@pytest.mark.parametrize("written", ["2.1e-06", "2.80e-06", "2e-05"])
def test_a_learning_rate_keeps_the_digits_it_was_read_with(written: str) -> None:
    assert loglines.RATE.write(loglines.RATE.read(written)) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("v14", "v14"),
        ("2026-04-20T10:41:14Z", "2026-04-20T10:41:14Z"),
        ("1200/4800", "1200/4800"),
        ("", '""'),
        ("two words", '"two words"'),
        ('a"quote', '"a\\"quote"'),
        ("a=b", '"a=b"'),
        ("[x]", '"[x]"'),
        ("{x}", '"{x}"'),
        ("line\nbreak", '"line\\nbreak"'),
        ("<b>", '"<b>"'),
        ("\u202eright to left", '"\\u202eright to left"'),
        ("マンガ", '"\\u30de\\u30f3\\u30ac"'),
        # Words that mean something else where they stand bare.
        ("null", '"null"'),
        ("true", '"true"'),
        ("no", '"no"'),
    ],
)
def test_text_stands_bare_only_where_nothing_can_mistake_it(text: str, written: str) -> None:
    line = loglines.encode("SERVE", {"model": text})

    assert line == f"[SERVE] model={written}"
    assert loglines.parse(line)[1] == {"model": text}


def test_a_reason_is_quoted_even_where_it_is_one_word() -> None:
    line = loglines.encode("ALERT", {"retrain_trigger": True, "reason": "drift"})

    assert line == '[ALERT] retrain_trigger=true reason="drift"'


def test_a_field_without_a_value_is_null_and_one_that_is_not_there_is_not_written() -> None:
    line = loglines.encode("MONITOR_DAILY", {"model": "v14", "rare_recall": None})

    assert line == "[MONITOR_DAILY] model=v14 rare_recall=null"
    assert loglines.parse(line)[1] == {"model": "v14", "rare_recall": None}


def test_a_tag_alone_is_a_line() -> None:
    assert loglines.encode("ALERT", {}) == "[ALERT]"
    assert loglines.parse("[ALERT]") == ("ALERT", {})


@pytest.mark.parametrize("tag", loglines.BARE)
@pytest.mark.parametrize("name", ["tinybert", "tiny-bert", "V14", "a b", "a=b", "", "null", None])
def test_the_first_field_of_a_benchmark_stands_without_its_key_whatever_its_name(
    tag: str, name: str | None
) -> None:
    first = loglines.BARE[tag]

    line = loglines.encode(tag, {first: name})

    assert f"{first}=" not in line
    assert loglines.parse(line) == (tag, {first: name})


@pytest.mark.parametrize(
    "line",
    [
        "[ALERT] retrain_trigger=maybe",
        "[ALERT] retrain_trigger=True",
        "[DECISION] promote=true",
        "[VAL] epoch=one",
        "[VAL] epoch=1.5",
        "[VAL] epoch=9e999",
        "[VAL] loss=high",
        "[TRAIN] lr_head=fast",
        "[MODEL_BENCH] candidates=tinybert",
        "[DATA_AUDIT] label_distribution={faq}",
        "[DATA_AUDIT] label_distribution=[faq:1.0]",
        '[ALERT] reason="\\x"',
        '[ALERT] reason="never closed',
    ],
)
def test_a_value_of_another_form_is_refused_by_name_of_its_tag(line: str) -> None:
    with pytest.raises(loglines.LogLineError, match=line[: line.index("]")].replace("[", r"\[")):
        loglines.parse(line)


@pytest.mark.parametrize(
    ("line", "but"),
    [
        ("[ALERT] retrain_trigger=true retrain_trigger=false", "a field stands twice"),
        ('[ALERT] reason="a" retrain_trigger=true', "in another order"),
        ("[ALERT] reason=drift", "a reason is quoted"),
        ("[VAL] acc=91.70", "one digit after the point"),
        ("[VAL] acc=9", "cut off within its number"),
        ("[MONITOR_HOURLY] err_rate=0.08", "without its percent sign"),
        ("[VAL] epoch=\u0663", "digits of another script"),
        ("[VAL] epoch=1_000", "digits as only a programmer writes them"),
        ('[SERVE] model="v14"', "quoted without need"),
        ("[MODEL_BENCH] x model=y", "named twice, once without its key"),
    ],
)
def test_what_can_be_read_but_would_have_been_written_otherwise_is_refused(
    line: str, but: str
) -> None:
    with pytest.raises(loglines.LogLineError, match="written otherwise"):
        loglines.parse(line)


@given(st.sampled_from(TAGS), st.text(max_size=40))
def test_no_text_after_a_tag_raises_anything_else(tag: str, text: str) -> None:
    line = f"[{tag}] {text}"
    try:
        fields = loglines.parse(line)[1]
    except loglines.LogLineError:
        return
    assert loglines.encode(tag, fields) == line


@pytest.mark.parametrize("tag", ["", "alert", "ALERT ", "ALERT]", "\u0410LERT"])
def test_a_tag_nobody_has_is_refused_by_all_three(tag: str) -> None:
    with pytest.raises(loglines.LogLineError):
        loglines.encode(tag, {})
    with pytest.raises(loglines.LogLineError):
        loglines.as_json(tag, {})
    with pytest.raises(loglines.LogLineError):
        loglines.parse(f"[{tag}]")


def test_a_figure_that_is_none_at_all_says_so_and_is_read_as_that() -> None:
    """A loss that ran away is nan: told as it is, since a training that hides it looks healthy."""
    _, fields = loglines.parse(loglines.encode("VAL", {"loss": math.nan, "ece": math.inf}))

    assert isinstance(fields["loss"], float)
    assert math.isnan(fields["loss"])
    assert fields["ece"] == math.inf


def test_json_keeps_ratios_and_foreign_letters_as_they_are() -> None:
    text = loglines.as_json("SERVE", {"model": "マンガ", "confidence": 0.876543, "intent": None})

    assert "マンガ" in text
    assert json.loads(text) == {
        "tag": "SERVE",
        "model": "マンガ",
        "confidence": 0.876543,
        "intent": None,
    }
