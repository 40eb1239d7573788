"""The pages of docs/worked: their examples give what stands there, and no figure of theirs stands
there that no example has.
"""

import doctest
import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs" / "worked").glob("*.md"))
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
FIGURE = re.compile(r"(?<![\w.])\d*\.\d+(?![\w])")


def code(text: str) -> str:
    """All examples of a page, one after the other."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


def prose(text: str) -> str:
    """The page without its examples."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def outcome(name: str, examples: str) -> tuple[int, str]:
    """How many examples were tried, and what is told of those that fail."""
    told: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(doctest.DocTestParser().get_doctest(examples, {}, name, name, 0), out=told.append)
    return runner.tries, "".join(told)


def not_computed(text: str) -> list[str]:
    """The figures of the prose that no example has, neither as a given nor as a result."""
    computed = {float(figure) for figure in FIGURE.findall(code(text))}
    return [figure for figure in FIGURE.findall(prose(text)) if float(figure) not in computed]


def test_there_are_five() -> None:
    assert [page.stem for page in PAGES] == [
        "calibration-error",
        "confusion-of-ten-intents",
        "fallback-routing",
        "focal-loss-on-a-batch",
        "one-message",
    ]


@EACH
def test_the_examples_of_a_page_hold(page: Path) -> None:
    tried, told = outcome(page.name, code(page.read_text()))

    assert told == ""
    assert tried > 10


@EACH
def test_every_figure_of_a_page_stands_in_an_example(page: Path) -> None:
    text = page.read_text()

    assert len(FIGURE.findall(prose(text))) > 5
    assert not_computed(text) == []


@pytest.mark.parametrize(
    ("page", "figures"),
    [
        ("one-message", ".3695 .3025 .1502 .1777 1.1956 .5816 .41 .34 .14"),
        ("focal-loss-on-a-batch", ".2258 .0307 1.865"),
        ("calibration-error", ".042 .027 .019 .009"),
    ],
)
def test_the_figures_that_others_have_worked_out_are_the_pages_own(page: str, figures: str) -> None:
    """By hand or by other programs, from the same logits, shares and sizes."""
    (text,) = (path.read_text() for path in PAGES if path.stem == page)
    there = {float(figure) for figure in FIGURE.findall(text)}

    assert {float(figure) for figure in figures.split()} <= there


def test_a_wrong_figure_is_noticed_in_an_example_and_in_the_prose() -> None:
    page = "It is 2.5.\n\n```python\n>>> 5 / 2\n2.5\n```\n"
    assert outcome("page", code(page)) == (1, "")
    assert not_computed(page) == []

    tried, told = outcome("page", code(page.replace("\n2.5", "\n2.6")))
    assert (tried, "Expected:\n    2.6\nGot:\n    2.5" in told) == (1, True)
    assert not_computed(page.replace("is 2.5", "is 2.4")) == ["2.4"]
