"""Pure. A run stage by stage, as one decides it (seed, section 4): the question, what went in, what
was measured, and what came of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from retrain.pages import markup
from retrain.train.report import account, compared, summary, tree
from schemas import checks, present, runs, units, why
from schemas.checks import Level

NOT_SHOWN: Final = "not shown"
_CURVE: Final = "learning_curve"


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the eight."""

    name: str
    question: str
    inputs: str
    metrics: str
    decision: str


def stages(told: account.Account) -> tuple[Stage, ...]:
    """All eight, in order; what no figure shows says so."""
    return (
        _framing(told),
        _audit(told),
        _model(told),
        _loss(told),
        _optimisation(told),
        _validation(told),
        _deployment(told),
        _monitoring(told),
    )


def _framing(told: account.Account) -> Stage:
    inputs = f"{len(present.INTENTS)} intents, {len(present.RARE)} of them rare"
    asked = told.run.decision_id
    decision = f"decision {asked} asked for the run" if asked else "a person asked for the run"
    return Stage("Problem", "What is predicted, and why?", inputs, worth(told), decision)


def worth(told: account.Account) -> str:
    """What waiting a week would have cost against what the run does (the decision's estimate)."""
    costs = told.decision.costs if told.decision else None
    if costs is None:
        return f"what the run is worth: {NOT_SHOWN}"
    spread = markup.interval(costs.waiting_low, costs.waiting_high)
    waiting = f"a week of waiting {markup.figure(costs.waiting)} ({spread})"
    return f"{waiting}, a retrain {markup.figure(costs.retraining)}"


def learning_curve(told: account.Account) -> str:
    """What more rows would bring, where a check or a number of the run says it."""
    check = told.check(checks.Stage.COST, _CURVE)
    if check is None or check.value is None:
        return f"learning curve: {NOT_SHOWN}"
    return f"learning curve: {_figures([check])}"


def _audit(told: account.Account) -> Stage:
    mine = _checks(told, checks.Stage.AUDIT, checks.Stage.SPLIT)
    snapshot = told.run.snapshot_sha256
    inputs = f"snapshot {snapshot[:12]}" if snapshot else NOT_SHOWN
    return Stage("Data", "Are the data good enough?", inputs, _figures(mine), _remedies(mine))


def _model(told: account.Account) -> Stage:
    return Stage(
        name="Model",
        question="Which encoder is accurate and fast enough?",
        inputs=told.run.base_model or NOT_SHOWN,
        metrics=f"comparison with other encoders: {NOT_SHOWN}",
        decision=f"{told.run.base_model} of the recipe" if told.run.base_model else NOT_SHOWN,
    )


def _loss(told: account.Account) -> Stage:
    recipe = told.run.recipe_sha256
    rare = compared.rare_recall(told)
    return Stage(
        name="Loss",
        question="How are rare intents kept in sight?",
        inputs=f"recipe {recipe[:12]}" if recipe else NOT_SHOWN,
        metrics=f"rare recall {rare.words}" if rare else f"rare recall: {NOT_SHOWN}",
        decision="the loss of the recipe" if recipe else NOT_SHOWN,
    )


def _optimisation(told: account.Account) -> Stage:
    mine = _checks(told, checks.Stage.TRAINING)
    epochs = [row for row in told.metrics if row.name == "val_macro_f1"]
    kept = compared.kept(told)
    remedies = _remedies(mine)
    return Stage(
        name="Training",
        question="Was it trained safely?",
        inputs=f"{len(epochs)} epochs" if epochs else NOT_SHOWN,
        metrics=_figures(mine),
        decision=f"epoch {kept} was kept; {remedies}" if kept else remedies,
    )


def _validation(told: account.Account) -> Stage:
    scores = told.scores
    metrics = NOT_SHOWN
    if scores is not None:
        accuracy = units.percent(scores.accuracy)
        metrics = f"accuracy {accuracy}, macro F1 {units.percent(scores.macro_f1)}"
    mine = _checks(told, checks.Stage.VALIDATION)
    if mine:
        metrics += f"; {_figures(mine)}"
    return Stage(
        name="Validation",
        question="Is it truly better?",
        inputs=f"{scores.n:,} held-out rows" if scores else NOT_SHOWN,
        metrics=f"{metrics}; {learning_curve(told)}",
        decision=_gates(told.run.gates) if told.run.gates else NOT_SHOWN,
    )


def _gates(gates: Iterable[runs.Gate]) -> str:
    """How many let it pass."""
    verdicts = [gate.verdict for gate in gates]
    passed = verdicts.count(runs.GateVerdict.PASS)
    return f"{passed} of {len(verdicts)} gates passed"


def _deployment(told: account.Account) -> Stage:
    load = told.load
    metrics = NOT_SHOWN
    if load is not None:
        times = (load.p50_ms, load.p95_ms, load.p99_ms)
        p50, p95, p99 = map(units.ms, times)
        errors = units.percent(load.error_rate)
        metrics = f"p50 {p50}, p95 {p95}, p99 {p99}, errors {errors} (n = {load.n:,})"
    return Stage(
        name="Deployment",
        question="Does it answer in time?",
        inputs=f"candidate {told.run.candidate}" if told.run.candidate else NOT_SHOWN,
        metrics=metrics,
        decision=summary.result(told.run),
    )


def _monitoring(told: account.Account) -> Stage:
    decision = told.decision
    decided = [reason for reason in decision.reasons if reason.decided] if decision else []
    cause = str(decision.cause or "unknown") if decision else None
    end = tree.end(tree.walked(told), told.run.state)
    return Stage(
        name="Monitoring",
        question="Is production still well?",
        inputs=f"decision {decision.id}" if decision else NOT_SHOWN,
        metrics="; ".join(map(why.short, decided)) or NOT_SHOWN,
        decision=f"believed cause: {cause}" if cause else f"next: {end}",
    )


def _checks(told: account.Account, *stages: checks.Stage) -> list[checks.Check]:
    return [check for check in told.checks if check.stage in stages]


def _figures(told: Iterable[checks.Check]) -> str:
    """Each with its n, and how it stands unless it is well."""
    said = []
    for check in told:
        level = "" if check.level is Level.OK else f", {check.level}"
        value = markup.figure(check.value)
        said.append(f"{check.name} {value} (n = {check.n:,}{level})")
    return "; ".join(said) or NOT_SHOWN


def _remedies(told: list[checks.Check]) -> str:
    """What those ask for that are not well."""
    if not told:
        return NOT_SHOWN
    asked = [check.remedy for check in told if check.level is not Level.OK and check.remedy]
    return "; ".join(dict.fromkeys(asked)) or "nothing to do"
