"""The pictures and tables of a run's page, in figures one can work out: curves with gaps, what is
taken for what, where confidence lies.
"""

import html
import itertools
import math
import re
from collections.abc import Sequence

import accounts
import pytest

from retrain.evaluation import validation
from retrain.train.report import confidence, curves, intents, mistakes
from schemas import runs

TITLES = [
    "train loss",
    "validation loss",
    "accuracy",
    "macro F1",
    "rare recall",
    "learning rate",
    "gradient norm",
    "GPU use",
    "step time (ms)",
]


def charts(metrics: Sequence[runs.Metric]) -> dict[str, str]:
    """Each chart by its title."""
    drawn = list(curves.draw(metrics))
    return dict(zip((re.findall(r"<h3>(.*?)</h3>", one)[0] for one in drawn), drawn, strict=True))


def lines(drawn: str) -> list[list[tuple[float, float]]]:
    """The curves of a chart, without its axes."""
    every = re.findall(r'<polyline points="([^"]*)"[^>]*stroke="var\(--(?:first|second)\)', drawn)
    return [
        [(float(x), float(y)) for x, y in (place.split(",") for place in points.split())]
        for points in every
    ]


def metric(step: int, value: float, name: str = "grad_norm") -> runs.Metric:
    return runs.Metric(1, step, name, value)


# Curves


def test_the_champions_curve_is_dotted_on_the_same_axes() -> None:
    mine = [metric(0, 1.0), metric(10, 0.5)]
    champions = [metric(0, 3.0), metric(20, 1.0)]

    drawn = dict(zip(TITLES, curves.draw(mine, champions), strict=True))["gradient norm"]

    assert "grad_norm 1 to 0.5; champion (dotted) 3 to 1" in drawn
    dotted = re.findall(r'<polyline points="([^"]*)"[^>]*dasharray="1 3"', drawn)
    assert dotted == ["52,12 312,103.2"]
    assert lines(drawn) == [[(52.0, 103.2), (182.0, 126.0)]]


def test_a_champion_alone_is_drawn_while_the_candidate_has_no_number_yet() -> None:
    (chart,) = [one for one in curves.draw((), [metric(0, 3.0)]) if "<svg" in one]

    assert "grad_norm nothing measured; champion (dotted) 3 to 3" in chart


def test_nine_charts_in_their_order_each_with_its_first_and_last_figure() -> None:
    drawn = charts(accounts.metrics())

    assert list(drawn) == TITLES
    assert "val_loss 0.88 to 0.31" in drawn["validation loss"]
    assert 'aria-label="accuracy: 0.906 to 0.921"' in drawn["accuracy"]
    assert "loss_smoothed 2.2 to 0.7; loss (dashed) 2.2 to 0.5" in drawn["train loss"]


def test_without_a_gpu_the_chart_says_so_and_with_one_it_has_a_line() -> None:
    assert "no GPU" in charts(accounts.metrics())["GPU use"]
    used = [metric(1, 0.8, "gpu_use_share"), metric(26, 0.9, "gpu_use_share")]
    assert len(lines(charts(used)["GPU use"])) == 1


def test_of_a_run_without_any_metric_nothing_is_said_to_be_missing() -> None:
    assert all("nothing measured" in one for one in charts([]).values())


def test_a_line_goes_from_the_first_step_to_the_last_and_from_the_least_to_the_most() -> None:
    rows = [metric(0, 1.0), metric(50, 3.0), metric(100, 2.0)]

    (line,) = lines(charts(rows)["gradient norm"])

    assert line == [(52.0, 126.0), (182.0, 12.0), (312.0, 69.0)]


def test_one_value_is_a_mark_and_a_level_line_is_no_division_by_nought() -> None:
    alone = charts([metric(7, 0.0)])["gradient norm"]
    level = charts([metric(0, 2.0), metric(9, 2.0)])["gradient norm"]

    assert alone.count("<circle") == 1
    (line,) = lines(level)
    assert {y for _, y in line} == {126.0}


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_a_gap_and_is_told(lost: float) -> None:
    rows = [metric(0, 1.0), metric(1, 2.0), metric(2, lost), metric(3, 1.5), metric(4, 1.0)]

    drawn = charts(rows)["gradient norm"]

    assert [len(line) for line in lines(drawn)] == [2, 2]
    assert "grad_norm 1 to 1, 1 no number" in drawn
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_a_curve_of_nothing_but_such_values_measures_nothing() -> None:
    assert "nothing measured" in charts([metric(0, math.nan)])["gradient norm"]


def test_many_steps_are_thinned_without_losing_the_worst() -> None:
    rows = [metric(step, 1.0) for step in range(10_000)]
    rows[4_321] = metric(4_321, 50.0)

    (line,) = lines(charts(rows)["gradient norm"])

    assert len(line) <= 400
    assert min(y for _, y in line) == 12.0


# What is taken for what


SEEN = accounts.validated(("faq", "order_tracking", "chitchat"), ((8, 2, 0), (1, 7, 2), (0, 0, 10)))


def test_false_positives_by_what_was_answered_and_false_negatives_by_what_was_meant() -> None:
    assert mistakes.false_positives(SEEN) == [
        mistakes.Mistaken("order_tracking", 2, 9, "faq", 2),
        mistakes.Mistaken("chitchat", 2, 12, "order_tracking", 2),
        mistakes.Mistaken("faq", 1, 9, "order_tracking", 1),
    ]
    assert mistakes.false_negatives(SEEN) == [
        mistakes.Mistaken("order_tracking", 3, 10, "chitchat", 2),
        mistakes.Mistaken("faq", 2, 10, "order_tracking", 2),
    ]


def test_the_five_most_frequent_are_told_and_none_of_none() -> None:
    names = [f"i{place}" for place in range(9)]
    counts = [[10 if i == j else int(j == (i + 1) % 9) * i for j in range(9)] for i in range(9)]

    worst = mistakes.false_negatives(accounts.validated(names, counts))

    assert [each.intent for each in worst] == ["i8", "i7", "i6", "i5", "i4"]
    right = accounts.validated(("faq",), ((9,),))
    none = "None: every answer was right."
    assert none in mistakes.wrongly(right)
    assert none in mistakes.missed(right)


def test_mistakes_are_shaded_by_what_follows_from_them_and_bad_ones_are_bold() -> None:
    drawn = mistakes.matrix(SEEN)
    cells = re.findall(r'<td class="(\w+) s(\d+)">(\d+)</td>', drawn)

    assert [(kind, n) for kind, _, n in cells if kind == "hit"] == [
        ("hit", "8"),
        ("hit", "7"),
        ("hit", "10"),
    ]
    assert [int(step) for kind, step, _ in cells if kind == "hit"] == [8, 7, 10]
    bad = mistakes.severity("faq", "order_tracking")
    expected = "severe" if bad >= 0.5 else "miss"
    assert cells[1] == (expected, str(round(10 * bad)), "2")
    assert drawn.count("<td></td>") == 3


# Confidence


def test_the_plot_says_both_errors_and_what_perfect_confidence_would_show() -> None:
    drawn = confidence.reliability(SEEN)

    assert "ECE 0.0610 before the temperature, 0.0370 after" in drawn
    assert "would show 0.0190 at this n = 30" in drawn
    assert drawn.count("<circle") == 2


def test_a_bin_lies_at_its_confidence_and_accuracy() -> None:
    half = (validation.Bin(10, 0.5, 0.5, 0.25, 0.75),)
    sure = (validation.Bin(10, 1.0, 0.0, 0.0, 0.25),)
    seen = accounts.validated(("faq",), ((9,),), reliability=half, reliability_before=sure)

    drawn = confidence.reliability(seen)

    assert re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn) == [
        ("310", "266"),
        ("175", "138"),
    ]
    assert (175.0, 202.0) in list(itertools.chain(*lines(drawn)))


def test_bars_are_as_tall_as_their_share_of_the_tallest() -> None:
    seen = accounts.validated(
        ("faq",), ((9,),), right=(0, 5, 10, 0), wrong=(0, 0, 0, 0), confidence_wrong=None
    )

    drawn = confidence.histograms(seen)

    heights = re.findall(r'<rect [^>]*height="([\d.]+)"', drawn)
    assert heights == ["0.0", "58.0", "116.0", "0.0"]
    assert "n = 15, mean 0.9" in drawn
    assert re.search(r"wrong answers</h3><p class=\"none\">none<", drawn)


def test_of_no_row_there_is_no_plot() -> None:
    seen = accounts.validated(("faq",), ((0,),))

    drawn = confidence.reliability(seen) + confidence.histograms(seen)

    assert "No row was held out." in drawn
    assert "<svg" not in drawn


# Intents


def rows(seen: validation.Validation) -> list[list[str]]:
    drawn = intents.table(seen)
    every = re.findall(r'<tr class="">(.*?)</tr>', drawn)
    return [
        [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in every
    ]


def test_an_intent_has_precision_recall_with_interval_and_f1_and_dashes_without_rows() -> None:
    seen = accounts.validated(("faq", "promotion"), ((8, 2), (0, 0)))

    faq, promotion, latin = rows(seen)

    assert faq == ["faq", "10", "100.0 %", "80.0 %", "10.0 % to 90.0 %", "88.9 %"]
    assert promotion == ["promotion", "0", "0.0 %", "–", "–", "0.0 %"]
    assert latin == ["latin", "10", "80.0 %", "0.0 % to 100.0 %"]


def test_without_held_out_rows_there_is_no_slice() -> None:
    drawn = intents.table(accounts.validated(("faq",), ((0,),)))

    assert "No row was held out." in drawn
