"""The mathematics of docs/sampling.md, worked on the numbers that stand there by the functions that
decide.
"""

import datetime as dt
import re
from pathlib import Path

import pytest

from retrain.evaluation import live, samples
from retrain.labels import agreement

TEXT = " ".join((Path(__file__).parents[2] / "docs/sampling.md").read_text().split())
HOUR = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)


def numbers(pattern: str) -> list[float]:
    """What stands in the page where the pattern has groups."""
    match = re.search(pattern, TEXT)
    assert match, pattern
    return [float(group.replace(",", "")) for group in match.groups()]


def test_the_naive_mean_and_the_weighted_one() -> None:
    total, sure, p_sure, unsure, p_unsure = numbers(
        r"of ([\d,]+) answers (\d+) are sure and sampled with p = ([\d.]+), "
        r"(\d+) are unsure and sampled with p = ([\d.]+)\."
    )
    n_sure, right_sure, n_unsure, right_unsure = numbers(
        r"Of the (\d+) sure labels (\d+) are right, of the (\d+) unsure ones (\d+)"
    )
    assert (n_sure, n_unsure) == (sure * p_sure, unsure * p_unsure)
    rows = [
        (HOUR, "faq", confidence, p, "faq" if i < right else "chitchat")
        for confidence, p, n, right in (
            (0.95, p_sure, n_sure, right_sure),
            (0.6, p_unsure, n_unsure, right_unsure),
        )
        for i in range(round(n))
    ]
    accuracy = live.figures(
        samples.sample(rows), {HOUR: live.Hour(round(total), 0.95 * sure + 0.6 * unsure)}
    ).accuracy
    naive, weighted = numbers(r"The naive mean says \d+ / \d+ = ([\d.]+) %.*?for \d+: ([\d.]+) %")
    assert (accuracy.naive, accuracy.estimate) == (
        pytest.approx(naive / 100, abs=5e-4),
        pytest.approx(weighted / 100, abs=5e-4),
    )


def test_kappa() -> None:
    both, faq, chitchat, differ, kappa = numbers(
        r"of (\d+) messages both say faq to (\d+) and chitchat to (\d+), "
        r"and differ on (\d+)\..*?/ \(1 - 0\.5\) = (\d\.\d+)"
    )
    assert both == faq + chitchat + differ
    shared = ["faq"] * round(faq) + ["chitchat"] * round(chitchat)
    # With ten the one way chance alone gives 50 %.
    apart = [("faq", "chitchat") if i < 10 else ("chitchat", "faq") for i in range(round(differ))]
    one, other = shared + [mine for mine, _ in apart], shared + [theirs for _, theirs in apart]
    assert agreement.cohen_kappa(one, other) == pytest.approx(kappa)
