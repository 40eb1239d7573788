"""Pure. Whether the loop closed, and what the end of the demo says: nothing lost, the right
decision, carried out, half of the loss regained.

Accuracy is judged by what the demo alone knows, the true intent of every message; what the product
estimated from labels stands beside it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import runs, settings, signals
from services.local.demo import report
from streams.stats import proportion

_GATES: Final = {"fail": 20, "inconclusive": 21}  # contract.md's exit codes
_APART: Final = "the campaign's day and the hour of the change of models apart"
_TAIL: Final = "the first two hours of one more day"
_STRETCHES: Final = ("acc_stable", "acc_drifted", "acc_after")
LAST: Final = (
    "events",
    "windows",
    "lost",
    "duplicated",
    "decisions",
    "retrains",
    "promoted",
    "acc_stable",
    "acc_drifted",
    "acc_after",
    "seconds",
)


@dataclass
class Problem(Exception):  # not frozen: whoever raises it gives it its traceback
    """Why the demo did not end well, what to do about it, and the contract's exit code."""

    code: int
    what: str
    remedy: str


def accuracy(days: Sequence[report.Day]) -> dict[str, Any]:
    """`mean` of the days' live accuracies as the quality table gives them, with its 95 % interval
    (the days are independent samples), and the labels; right and asked: what only the demo knows.
    """
    figures = []
    for day in days:
        if day.quality and day.quality["estimate"] is not None:
            figures.append(day.quality)

    mean, low, high = _mean(figures)
    right = sum(day.truth[0] for day in days)
    asked = sum(day.truth[1] for day in days)
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "labels": sum(figure["n_labels"] for figure in figures),
        "days": len(figures),
        "right": right,
        "asked": asked,
        "truth": right / asked if asked else None,
    }


def _mean(figures: Sequence[report.Row]) -> tuple[float | None, float | None, float | None]:
    """The mean of independent estimates with its interval; None, all three, where there is none."""
    if not figures:
        return None, None, None
    n = len(figures)
    mean = sum(figure["estimate"] for figure in figures) / n
    halves = []
    for figure in figures:
        above = figure["high"] - figure["estimate"]
        below = figure["estimate"] - figure["low"]
        halves.append(max(above, below))
    half = math.hypot(*halves) / n
    return mean, max(0.0, mean - half), min(1.0, mean + half)


@dataclass(frozen=True, slots=True)
class Change:
    """True accuracy lost with the new language and regained by the next champion, each with its 95
    % interval.

    Every message's truth is known, but the messages are a sample of what customers might have
    written: Wilson's intervals, and Newcombe's of differences.
    """

    lost: proportion.Estimate
    regained: proportion.Estimate

    @property
    def enough(self) -> bool:
        """At least half of the loss, and beyond chance."""
        return self.regained[1] > 0 and self.regained[0] >= self.lost[0] / 2


def change(accuracies: Mapping[str, Mapping[str, Any]]) -> Change | None:
    """None where one of the three has no message."""
    estimates = []
    for name in _STRETCHES:
        figure = accuracies[name]
        if not figure["asked"]:
            return None
        estimates.append(proportion.estimate(figure["right"], figure["asked"]))

    stable, drifted, after = estimates
    return Change(
        proportion.difference(stable, drifted),
        proportion.difference(after, drifted),
    )


def problems(summary: Mapping[str, Any], log: str) -> list[Problem]:
    """Why the loop did not close, the worst first; empty when it did. `log`: the file that holds
    everything.
    """
    return [
        *_counted(summary, log),
        *_carried_out(summary, log),
        *_regained(summary),
    ]


def _counted(summary: Mapping[str, Any], log: str) -> Iterator[Problem]:
    for name, meaning in (
        ("lost", "Kafka holds and Postgres lacks"),
        ("duplicated", "Postgres has counted more than Kafka holds"),
    ):
        if summary[name]:
            yield _open(
                f"{name}={summary[name]}: serving logs that {meaning}",
                f"this must never be: keep {log} and the logs beside it, and report it",
            )
    sent = summary["slack_sent"]
    unsent = summary["slack_unsent"]
    if not sent or unsent:
        yield _open(
            f"Slack got {sent} messages and lacks {unsent}",
            f"see notifier.log beside {log}",
        )


def _carried_out(summary: Mapping[str, Any], log: str) -> Iterator[Problem]:
    onset = f"{summary['later_from']:%-d %b}"
    if summary["early_retrains"]:
        yield _open(
            f"a retrain was decided before the new language of {onset} came",
            f"its reasons are in {log}",
        )
    if summary["retrains"] <= summary["early_retrains"]:
        yield _open(
            f"no retrain was decided after the new language of {onset}",
            f"the loss was not proven in time, see the reasons in {log};"
            " later.jsonl.gz needs other language than base.jsonl.gz, or more rows",
        )
        return

    if not summary["promoted"]:
        yield _unpromoted(summary, log)
    elif summary["swaps"] < 2 or not summary["same_process"]:
        yield _open(
            "the promotion did not show over HTTP in the same gateway process",
            f"see gateway.log beside {log}",
        )


def _unpromoted(summary: Mapping[str, Any], log: str) -> Problem:
    if not summary["runs"]:
        return _open(
            "the retrain that was decided never ran",
            f"see retrain.log beside {log}",
        )
    run = summary["runs"][-1]
    cause = summary["errors"].get(run["id"])
    return refused(run, log, cause)


def refused(
    run: report.Row,
    log: str,
    cause: str | None = None,
) -> Problem:
    """A run whose model does not serve: rejected by a gate, or ended by an error."""
    missed = [gate for gate in run["gates"] or () if gate["verdict"] != "pass"]
    if run["state"] == runs.State.REJECTED and missed:  # a failed run may have been gated before
        failed = any(gate["verdict"] == "fail" for gate in missed)
        code = _GATES["fail" if failed else "inconclusive"]
        names = ", ".join(map(_missed, missed))
        return Problem(
            code,
            f"the model {run['candidate']} was rejected: {names}",
            f"every gate with its figures is in {log};"
            " other rows, or more of them, give another model",
        )
    return Problem(
        settings.EXIT_DEPENDENCY,
        f"the run {run['id']} is {run['state']}: {cause or 'nobody said why'}",
        f"see retrain.log beside {log}, then try again",
    )


def _missed(gate: report.Row) -> str:
    verdict = f"{gate['gate']} {gate['verdict']}"
    if gate["value"] is None:
        return verdict
    return f"{verdict} at {gate['value']:.4g}"


def _regained(summary: Mapping[str, Any]) -> Iterator[Problem]:
    if not summary["promoted"]:
        return
    moved = change(summary["accuracies"])
    if moved is None:
        yield _open(
            "the next champion came too late to answer anything",
            "later.jsonl.gz with more rows gives it more messages a day to learn from",
        )
    elif moved.lost[1] <= 0:
        yield _open(
            f"no loss can be seen: {points(moved.lost)} lost",
            "later.jsonl.gz holds what the first model knows; give it other language",
        )
    elif not moved.enough:
        yield _open(
            f"of the {points(moved.lost)} lost only {points(moved.regained)} came back,"
            " less than half or no more than chance",
            "later.jsonl.gz with more rows gives the next model more to learn from",
        )


def _open(what: str, remedy: str) -> Problem:
    return Problem(settings.EXIT_INTEGRITY, f"the loop did not close: {what}", remedy)


def points(difference: proportion.Estimate) -> str:
    """A difference of two accuracies.

    >>> points((0.051, 0.032, 0.0699))
    '5.1 points [3.2, 7.0]'
    """
    value, low, high = (100 * part for part in difference)
    return f"{value:.1f} points [{low:.1f}, {high:.1f}]"


def box(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What happened and what was proven, when the loop closed: a heading and a sentence each."""
    made = next(run for run in summary["runs"] if run["promoted"])
    decided = next(row for row in summary["all_decisions"] if row["id"] == made["decision_id"])
    moved = change(summary["accuracies"])
    assert moved is not None
    stretches = [summary["accuracies"][name] for name in _STRETCHES]
    before, fallen, since = (f"{100 * each['truth']:.1f} %" for each in stretches)
    onset = summary["later_from"]
    waited = decided["at"] - onset
    hours = round(waited.total_seconds() / 3600)
    return [
        (
            f"{onset:%-d %b}",
            f"customers brought new words: accuracy fell from {before} to {fallen}",
        ),
        (
            f"{decided['at']:%-d %b}",
            f"retrain decided after {hours} hours; {made['candidate']} serves since,"
            f" at {since}, without a restart",
        ),
        *_measured(moved, stretches),
        (
            "Proven",
            f"lost {summary['lost']}, doubled {summary['duplicated']}"
            f" of {summary['events']:,} serving logs, {_TAIL} among them,"
            " Kafka read again against Postgres;"
            f" {summary['decisions']} decisions, {summary['retrains']} retrain, none early",
        ),
        *_still(summary["all_decisions"][-1]),
    ]


def _measured(moved: Change, stretches: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What came back in truth, and what labels made of it."""
    asked = sum(each["asked"] for each in stretches)
    labels = sum(each["labels"] for each in stretches)
    estimates = ", then ".join(map(_estimate, stretches))
    return [
        (
            "Back",
            f"{points(moved.regained)} of the {points(moved.lost)} lost:"
            f" the truth of {asked:,} messages, {_APART}",
        ),
        ("Labels", f"said {estimates}, from {labels:,} of them"),
    ]


def _still(last: report.Row) -> list[tuple[str, str]]:
    """What the last decision still finds in breach, as a part of the box; none if nothing is."""
    ill = [signals.of(reason["signal"]).words for reason in last["reasons"] if reason["breached"]]
    if not ill:
        return []
    named = ", ".join(ill[:3])
    if len(ill) > 3:
        named += f" and {len(ill) - 3} more"
    learnt = "it learnt from one day of the new language"
    return [("Still", f"{last['model']} is in breach on {named}: {learnt}")]


def details(summary: Mapping[str, Any]) -> list[str]:
    """The three accuracies, and what of the loss came back."""
    lines = []
    for name, figure in summary["accuracies"].items():
        if figure["asked"]:
            estimate = f"{_estimate(figure)} by {figure['labels']:,} labels"
            truth = f"{100 * figure['truth']:.1f} % of {figure['asked']:,}"
            lines.append(f"{name:12} {estimate}, in truth {truth}")

    moved = change(summary["accuracies"])
    if moved is not None:
        lost = f"{points(moved.lost)} lost"
        lines.append(f"{'in truth':12} {lost}, {points(moved.regained)} regained")
    return lines


def _estimate(figure: Mapping[str, Any]) -> str:
    """What the product made of its labels."""
    if figure["mean"] is None:
        return "nothing"
    mean, low, high = (100 * figure[name] for name in ("mean", "low", "high"))
    return f"{mean:.1f} % [{low:.1f}, {high:.1f}]"


def last_line(summary: Mapping[str, Any]) -> str:
    """`[DEMO] events=... seconds=...`."""
    pairs = []
    for name in LAST:
        value = summary[name]
        if isinstance(value, float) and name != "seconds":
            value = f"{value:.3f}"
        pairs.append(f"{name}={value}")
    return f"[DEMO] {' '.join(pairs)}"
