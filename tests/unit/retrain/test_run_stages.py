"""A run in eight stages: each asks its question, and says of its figures what there is, or that
they are not shown.
"""

import dataclasses
from typing import Any

import accounts
import builders
import pytest

from retrain.evaluation import confusion
from retrain.train.report import account, page, stages
from schemas import checks, decisions, present, runs

NAMES = [
    "Problem",
    "Data",
    "Model",
    "Loss",
    "Training",
    "Validation",
    "Deployment",
    "Monitoring",
]
SCORES = confusion.Scores(900, 0.921, 0.912, 0.886, {"faq": 0.9}, {"faq": 90}, 0.1)
LOAD = account.Load(1000, 7.9, 12.4, 18.3, 0.0002, 500.0)
Stage, Level = checks.Stage, checks.Level


def told(**more: Any) -> dict[str, stages.Stage]:
    every = stages.stages(accounts.told(accounts.run(runs.State.CHAMPION), **more))
    return {stage.name: stage for stage in every}


def check(stage: checks.Stage, name: str, value: float | None, **more: Any) -> checks.Check:
    made = accounts.check(name, value, **more)
    return dataclasses.replace(made, stage=stage)


def test_all_eight_ask_even_of_a_run_of_which_nothing_is_known() -> None:
    every = told()

    assert list(every) == NAMES
    assert all(stage.question.endswith("?") for stage in every.values())
    assert every["Problem"].inputs.startswith(f"{len(present.INTENTS)} intents")
    for name in ("Data", "Training"):
        assert (every[name].metrics, every[name].decision) == ("not shown", "not shown")
    assert every["Deployment"].metrics == "not shown"
    assert every["Validation"].metrics == "not shown; learning curve: not shown"
    assert every["Validation"].decision == "not shown"


def test_figures_carry_their_n_and_what_is_not_well_says_what_to_do() -> None:
    well = check(Stage.AUDIT, "duplicate_rate", 0.018)
    ill = check(Stage.AUDIT, "synthetic_low_quality", 0.096, level=Level.ACT, remedy="filter them")
    other = check(Stage.TRAINING, "overfitting", None, level=Level.WATCH, remedy="train longer")

    every = told(checks=(well, ill, other))

    assert every["Data"].metrics == (
        "duplicate_rate 0.018 (n = 10); synthetic_low_quality 0.096 (n = 10, act)"
    )
    assert every["Data"].decision == "filter them"
    assert every["Training"].metrics == "overfitting – (n = 10, watch)"
    assert told(checks=(well,))["Data"].decision == "nothing to do"


def test_training_names_the_epoch_that_was_kept() -> None:
    stage = told(metrics=accounts.metrics())["Training"]

    assert (stage.inputs, stage.decision) == ("3 epochs", "epoch 3 was kept; not shown")


def test_validation_and_deployment_say_what_was_measured_and_what_came_of_it() -> None:
    gates = (
        accounts.gate("accuracy", 0.9),
        accounts.gate("ece", 0.2, verdict=runs.GateVerdict.FAIL),
    )
    known = accounts.told(accounts.run(runs.State.REJECTED, gates=gates), scores=SCORES, load=LOAD)
    every = {stage.name: stage for stage in stages.stages(known)}

    assert every["Validation"].inputs == "900 held-out rows"
    assert every["Validation"].metrics.startswith("accuracy 92.1 %, macro F1 91.2 %; ")
    assert every["Validation"].decision == "1 of 2 gates passed"
    assert every["Deployment"].metrics == (
        "p50 7.9 ms, p95 12.4 ms, p99 18.3 ms, errors 0.02 % (n = 1,000)"
    )
    assert every["Deployment"].decision == "Rejected because of gates ece (fail)"


def test_what_else_was_checked_of_a_candidate_stands_beside_its_scores() -> None:
    golden = check(Stage.VALIDATION, "golden:slang", 0.9)

    said = told(scores=SCORES, checks=(golden,))["Validation"].metrics

    assert said.startswith("accuracy 92.1 %, macro F1 91.2 %; golden:slang 0.9 (n = 10); learning")


def test_what_a_run_is_worth_is_the_decisions_estimate() -> None:
    costs = decisions.Costs(525.0, 61.5, 200.0, 900.0)
    decision = dataclasses.replace(builders.decision(decisions.Kind.RETRAIN), costs=costs)

    said = told(decision=decision)["Problem"].metrics

    assert said == "a week of waiting 525 (200 to 900), a retrain 61.5"
    assert told()["Problem"].metrics == "what the run is worth: not shown"


def test_what_production_showed_is_what_decided() -> None:
    reason = builders.reason("live_accuracy", 0.73, breached=True, limit=0.9)
    decision = builders.decision(
        decisions.Kind.RETRAIN,
        cause=decisions.Cause.LANGUAGE,
        reasons=(dataclasses.replace(reason, decided=True),),
    )

    stage = told(decision=decision)["Monitoring"]

    assert "73.0 %" in stage.metrics
    assert stage.decision == "believed cause: language"
    assert told()["Monitoring"].decision.startswith("next: ")


@pytest.mark.parametrize("value", [0.4, None])
def test_a_learning_curve_is_shown_where_one_was_measured(value: float | None) -> None:
    curve = check(Stage.COST, "learning_curve", value)

    said = stages.learning_curve(accounts.told(checks=(curve,)))

    measured = "learning curve: learning_curve 0.4 (n = 10)"
    assert said == (measured if value else "learning curve: not shown")


def test_hostile_words_are_text_on_the_page() -> None:
    hostile = check(Stage.AUDIT, accounts.HOSTILE, 1.0, level=Level.ACT, remedy=accounts.HOSTILE)

    assert "<script" not in page.render(accounts.told(checks=(hostile,)))
