"""A recipe file is laid over the defaults: what it may change, in which words anything else is
refused, and when two files are one recipe.
"""

import argparse
import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain import people, run
from retrain.train import recipe, recipe_file
from schemas import settings, times

DEFAULT = recipe.Recipe()
NAMES = [field.name for field in dataclasses.fields(recipe.Recipe)]


def test_an_empty_file_is_the_default_recipe() -> None:
    assert recipe.parse("") == DEFAULT
    assert recipe.parse("# nothing but a remark\n\n").sha256 == DEFAULT.sha256


def test_a_file_changes_what_it_names_and_nothing_else() -> None:
    changed = recipe.parse("epochs = 5\nlearning_rate = 2e-5\n")

    assert (changed.epochs, changed.learning_rate) == (5, 2e-5)
    assert dataclasses.replace(changed, epochs=3, learning_rate=1e-4) == DEFAULT


def test_a_whole_number_may_stand_for_a_fraction_and_is_the_same_recipe() -> None:
    """head_factor = 5 and head_factor = 5.0 train the same network: one identity, one run."""
    whole = recipe.parse("head_factor = 5")

    assert isinstance(whole.head_factor, float)
    assert whole.sha256 == recipe.parse("head_factor = 5.0").sha256 == DEFAULT.sha256


def test_the_order_of_keys_and_remarks_do_not_make_another_recipe() -> None:
    one = recipe.parse("epochs = 4\nbatch = 16\n")
    other = recipe.parse("batch = 16  # fits into memory\nepochs = 4\n")

    assert one.sha256 == other.sha256


@pytest.mark.parametrize("name", NAMES)
def test_a_change_of_any_key_is_another_recipe(name: str) -> None:
    value = getattr(DEFAULT, name)
    other: dict[str, Any] = {name: f"{value}-2" if isinstance(value, str) else value + 1}

    changed = dataclasses.replace(DEFAULT, **other)

    assert changed.sha256 != DEFAULT.sha256


def test_an_identity_is_64_hexadecimal_digits() -> None:
    assert len(DEFAULT.sha256) == 64
    assert set(DEFAULT.sha256) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epoch = 3", "recipe: unknown key epoch; the nearest known one is epochs"),
        ("Batch = 8", "recipe: unknown key Batch; the nearest known one is batch"),
        ("max_token = 8", "recipe: unknown key max_token; the nearest known one is max_tokens"),
        ("epochs = '3'", "recipe: epochs cannot be '3'; expected a whole number from 0 to 1e+09"),
        ("epochs = 3.0", "recipe: epochs cannot be 3.0; expected a whole number from 0 to 1e+09"),
        ("epochs = true", "recipe: epochs cannot be True; expected a whole number from 0 to 1e+09"),
        (
            "head_factor = false",
            "recipe: head_factor cannot be False; expected a number from 0 to 1e+09",
        ),
        ("clip = [1.0]", "recipe: clip cannot be [1.0]; expected a number from 0 to 1e+09"),
        (
            "[rows]\nlive = 1",
            "recipe: rows cannot be {'live': 1}; expected a whole number from 0 to 1e+09",
        ),
        ("base_model = 6", "recipe: base_model cannot be 6; expected text"),
    ],
)
def test_an_unknown_key_or_a_value_of_another_kind_is_named(text: str, says: str) -> None:
    with pytest.raises(recipe.RecipeError) as caught:
        recipe.parse(text)

    assert str(caught.value) == says


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-0.1", "-1"])
@pytest.mark.parametrize("key", ["learning_rate", "layer_decay", "clip", "weight_decay"])
def test_a_rate_that_is_no_number_or_below_zero_is_refused(key: str, value: str) -> None:
    """A fine-tune at a rate that is none ends after minutes with a network of NaNs."""
    with pytest.raises(recipe.RecipeError, match=f"{key} cannot be .*; expected a number"):
        recipe.parse(f"{key} = {value}")


@pytest.mark.parametrize("key", ["rows", "epochs", "batch", "max_tokens", "minutes"])
def test_none_of_what_a_fine_tune_counts_may_be_zero(key: str) -> None:
    with pytest.raises(recipe.RecipeError, match=f"{key} cannot be 0; expected 1 or more"):
        recipe.parse(f"{key} = 0")

    assert getattr(recipe.parse(f"{key} = 1"), key) == 1


def test_no_warmup_no_decay_and_a_frozen_seed_of_zero_are_recipes() -> None:
    plain = recipe.parse("warmup = 0\nweight_decay = 0\ngamma = 0\nseed = 0")

    assert (plain.warmup, plain.weight_decay, plain.gamma, plain.seed) == (0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    "text", ["=", "epochs = ", "epochs = 3\nepochs = 4", "epochs: 3", "[", "\0"]
)
def test_text_that_is_no_toml_is_refused_with_the_files_name(text: str) -> None:
    with pytest.raises(recipe.RecipeError, match=r"^conf/recipe\.toml is not TOML: "):
        recipe.parse(text, "conf/recipe.toml")


@given(st.text())
def test_whatever_stands_in_a_file_it_is_a_recipe_or_one_line_that_says_why(text: str) -> None:
    try:
        outcome = f"recipe of {recipe.parse(text).epochs} epochs"
    except recipe.RecipeError as error:
        outcome = str(error)

    assert outcome.startswith("recipe")


@given(
    st.builds(
        recipe.Recipe,
        rows=st.integers(1, 10**6),
        epochs=st.integers(1, 20),
        learning_rate=st.floats(0, 1),
        warmup=st.floats(0, 1),
    )
)
def test_a_recipe_written_as_toml_is_read_back_as_the_same(made: recipe.Recipe) -> None:
    lines = []
    for name, value in dataclasses.asdict(made).items():
        shown = f'"{value}"' if isinstance(value, str) else repr(value)
        lines.append(f"{name} = {shown}")

    again = recipe.parse("\n".join(lines))

    assert again.sha256 == made.sha256


# What the commands make of the file that INTENTWATCH_RECIPE names.


def refusal(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a process ends that cannot use its recipe; its exit code is 3."""
    with pytest.raises(SystemExit) as caught:
        recipe_file.read(path)

    assert caught.value.code == settings.EXIT_CONFIGURATION == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    return line


def test_without_a_file_the_default_is_used() -> None:
    assert recipe_file.read(None) == DEFAULT


def test_a_file_may_speak_of_an_encoder_in_any_script(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes('base_model = "/modelle/größer/日本語"\n'.encode())

    assert recipe_file.read(file).base_model == "/modelle/größer/日本語"


def test_a_missing_file_is_named_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(tmp_path / "nowhere.toml", capsys)

    assert line.endswith("nowhere.toml: No such file or directory")
    assert line.startswith("intentwatch: cannot read recipe ")


def test_a_directory_is_no_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(tmp_path, capsys).endswith(": Is a directory")


@pytest.mark.parametrize("raw", [b"\xff\xfeepochs = 3", b'base_model = "gr\xf6sser"'])
def test_bytes_that_are_no_utf_8_are_refused_in_one_line(
    raw: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(raw)

    line = refusal(file, capsys)

    assert "recipe.toml: 'utf-8' codec can't decode byte" in line


def test_a_wrong_key_is_refused_with_the_files_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text("epoch = 3")

    line = refusal(file, capsys)

    assert line == f"intentwatch: {file}: unknown key epoch; the nearest known one is epochs"


# A run by hand: the same instant and recipe are the same run.

NOON = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)


def test_a_run_by_hand_is_named_by_its_day() -> None:
    assert run._manual_id(NOON, DEFAULT).startswith("ft_2026_04_20_")
    leap_day = dt.datetime(2028, 2, 29, 23, 59, tzinfo=dt.UTC)
    assert run._manual_id(leap_day, DEFAULT).startswith("ft_2028_02_29_")


def test_the_same_instant_and_recipe_are_the_same_run() -> None:
    again = run._manual_id(NOON, recipe.parse("head_factor = 5"))

    assert again == run._manual_id(NOON, DEFAULT)


def test_another_microsecond_or_another_recipe_is_another_run() -> None:
    first = run._manual_id(NOON, DEFAULT)
    later = run._manual_id(NOON + dt.timedelta(microseconds=1), DEFAULT)
    longer = run._manual_id(NOON, recipe.parse("epochs = 4"))

    assert len({first, later, longer}) == 3


def test_an_instant_written_in_another_zone_is_the_same_run() -> None:
    """On the night New York sets its clocks back, half past one comes twice: as two instants."""
    first = times.instant("2026-11-01T01:30:00-04:00")
    second = times.instant("2026-11-01T01:30:00-05:00")

    assert run._manual_id(first, DEFAULT) == run._manual_id(
        times.instant("2026-11-01T05:30:00Z"), DEFAULT
    )
    assert run._manual_id(first, DEFAULT) != run._manual_id(second, DEFAULT)


# How a run's end becomes an exit code.


def test_every_state_a_run_can_end_in_has_an_exit_code() -> None:
    ends = {state.value: code for state, code in run.EXITS.items()}

    assert ends == {
        "champion": 0,
        "registered": 0,
        "rejected": 20,
        "failed": 75,
        "cancelled": 130,
    }


@pytest.mark.parametrize(
    ("verdicts", "failed"),
    [
        (["pass", "fail"], True),
        (["inconclusive", "fail", "pass"], True),
        (["pass", "inconclusive"], False),
        (["pass"], False),
        ([], False),
    ],
)
def test_a_run_is_rejected_for_good_only_where_a_gate_failed(
    verdicts: list[str], failed: bool
) -> None:
    """Gates that could not tell end with exit 21: more labels may help, where 20 needs a better
    model.
    """
    row = {"gates": [{"gate": f"g{i}", "verdict": each} for i, each in enumerate(verdicts)]}

    assert run._failed(row) is failed
    assert run.EXIT_INCONCLUSIVE == 21


# The command line.


def parsed(*words: str) -> argparse.Namespace:
    return run._parser().parse_args(words)


def usage_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        parsed(*words)
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "does"),
    [
        (["run"], run.run),
        (["work"], run.work),
        (["show", "ft_1"], run.show),
        (["promote", "ft_1", "--by", "ana"], people.promote),
        (["rollback", "--by", "ana"], people.rollback),
        (["reweight", "d_1", "--by", "ana"], people.reweight),
        (["review", "ft_1", "--by", "ana"], people.review),
        (["reject", "ft_1", "--by", "ana", "--why", "slow"], people.reject),
        (["cancel", "ft_1", "--by", "ana"], people.cancel),
    ],
)
def test_each_command_does_what_it_is_called(words: list[str], does: object) -> None:
    assert parsed(*words).do is does


@pytest.mark.parametrize(
    "words",
    [
        ["promote", "ft_1"],
        ["rollback"],
        ["reweight", "d_1"],
        ["review", "ft_1"],
        ["reject", "ft_1", "--why", "slow"],
        ["cancel", "ft_1"],
    ],
)
def test_what_a_person_decides_asks_who_that_is(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "the following arguments are required: --by" in usage_error(capsys, *words)


@pytest.mark.parametrize("words", [[], ["train"], ["show"], ["work", "--once"]])
def test_a_command_that_does_not_exist_ends_with_exit_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "usage: python retrain/run.py" in usage_error(capsys, *words)


def test_as_of_is_an_instant_and_one_without_a_zone_is_utc() -> None:
    assert parsed("run", "--as-of", "2026-04-20T12:00:00").as_of == NOON
    assert parsed("run", "--as-of", "2026-04-20t14:00:00+02:00").as_of == NOON
    assert parsed("run").as_of is None


@pytest.mark.parametrize("text", ["yesterday", "2026-02-29T00:00:00Z", "1999-12-31T23:59:59Z", ""])
def test_as_of_refuses_what_is_no_instant_of_our_time(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = usage_error(capsys, "run", "--as-of", text)

    assert f"argument --as-of: {text!r} is n" in shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("learning_rate = 2", "recipe: learning_rate cannot be 2.0; expected 0 to 1"),
        ("warmup = 1.5", "recipe: warmup cannot be 1.5; expected 0 to 1"),
        ("layer_decay = 8", "recipe: layer_decay cannot be 8.0; expected 0 to 1"),
        ("gamma = 200", "recipe: gamma cannot be 200.0; expected 0 to 10"),
        ("max_tokens = 4096", "recipe: max_tokens cannot be 4096; expected 1 to 512"),
        ("epochs = 100000", "recipe: epochs cannot be 100000; expected 1 to 1000"),
    ],
)
def test_a_value_that_trains_nothing_or_for_ever_is_refused(text: str, says: str) -> None:
    with pytest.raises(recipe.RecipeError) as caught:
        recipe.parse(text)
    assert str(caught.value) == says


def test_an_unknown_loss_is_refused_with_those_there_are() -> None:
    with pytest.raises(recipe.RecipeError, match="focal_weighted"):
        recipe.parse('loss = "focul"')
