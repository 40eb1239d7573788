"""What waiting costs against what a retrain costs, in figures worked by hand."""

import builders
import pytest

from retrain.decide import economics, record, trigger
from schemas import decisions, policy, verdicts

# A wrong route 0.50, a label 0.08, an hour of the training machine 2.00, 300 labels to train on.
RULES = policy.Policy()


def evidence(
    accuracy: float | None = 0.89,
    reference: float | None = 0.92,
    answers: int = 5000,
    horizon: str = "1d",
) -> list[verdicts.Verdict]:
    return [
        builders.verdict("live_accuracy", value=accuracy, reference=reference, horizon="7d"),
        builders.verdict("low_confidence_rate", n=answers, horizon=horizon),
    ]


def test_a_week_of_wrong_routes_against_labels_and_an_hour_of_the_machine() -> None:
    costs = economics.costs(evidence(), RULES)
    assert costs is not None
    assert costs.waiting == pytest.approx(7 * 5000 * 0.03 * 0.50)  # 525
    assert costs.retraining == pytest.approx(300 * 0.08 + 1 * 2.00)  # 26


def test_a_classifier_as_good_as_its_reference_or_better_costs_nothing_to_keep() -> None:
    for accuracy in (0.92, 0.95):
        costs = economics.costs(evidence(accuracy), RULES)
        assert costs is not None
        assert costs.waiting == 0.0


def test_prices_are_the_policys() -> None:
    rules = policy.parse(
        "[costs]\nwrong_route = 2.0\nlabel = 0.5\ntraining_hour = 10.0\n"
        "[labels]\nmin_to_train = 100\n"
    )
    costs = economics.costs(evidence(), rules)
    assert costs is not None
    assert (costs.waiting, costs.retraining) == (
        pytest.approx(7 * 5000 * 0.03 * 2.0),
        100 * 0.5 + 10.0,
    )


@pytest.mark.parametrize(
    "judged",
    [
        [],
        evidence()[:1],
        evidence()[1:],
        evidence(accuracy=None),
        evidence(reference=None),
        evidence(answers=0),
        evidence(horizon="1h"),
    ],
    ids=[
        "nothing",
        "no traffic",
        "no accuracy",
        "an accuracy without a value",
        "no reference",
        "a day without answers",
        "an hour's answers",
    ],
)
def test_where_accuracy_reference_or_the_days_traffic_is_unknown_nothing_is_claimed(
    judged: list[verdicts.Verdict],
) -> None:
    assert economics.costs(judged, RULES) is None


def test_what_the_interval_leaves_open_is_priced_too() -> None:
    """5,000 answers a day at 0.50: a point of accuracy is 175 a week."""
    costs = economics.costs(evidence(), RULES)
    assert costs is not None
    assert costs.waiting_low is not None
    assert costs.waiting_high is not None
    assert costs.waiting_low <= costs.waiting <= costs.waiting_high


def test_costs_stand_in_the_evidence_that_is_hashed() -> None:
    judged = evidence()
    taken = trigger.decision(judged, decisions.Past(), RULES, model="v1", at=builders.AT)
    body = record.evidence(judged, decisions.Past(), model="v1", at=builders.AT, costs=taken.costs)
    assert record.plain(body)["costs"]["retraining"] == taken.costs.retraining  # type: ignore[union-attr]
    dear = policy.parse("[costs]\nlabel = 8.0")
    other = trigger.decision(judged, decisions.Past(), dear, model="v1", at=builders.AT)
    assert other.costs != taken.costs
