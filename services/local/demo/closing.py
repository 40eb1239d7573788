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
    found = [day.quality for day in days if day.quality and day.quality["estimate"] is not None]
    mean = sum(each["estimate"] for each in found) / len(found) if found else None
    half = (
        math.hypot(
            *(
                max(each["high"] - each["estimate"], each["estimate"] - each["low"])
                for each in found
            )
        )
        / len(found)
        if found
        else None
    )
    right, asked = sum(day.truth[0] for day in days), sum(day.truth[1] for day in days)
    return {
        "mean": mean,
        "low": None if mean is None or half is None else max(0.0, mean - half),
        "high": None if mean is None or half is None else min(1.0, mean + half),
        "labels": sum(each["n_labels"] for each in found),
        "days": len(found),
        "right": right,
        "asked": asked,
        "truth": right / asked if asked else None,
    }


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
    found = [accuracies[name] for name in ("acc_stable", "acc_drifted", "acc_after")]
    if not all(each["asked"] for each in found):
        return None
    stable, drifted, after = (proportion.estimate(each["right"], each["asked"]) for each in found)
    return Change(proportion.difference(stable, drifted), proportion.difference(after, drifted))


def problems(summary: Mapping[str, Any], log: str) -> list[Problem]:
    """Why the loop did not close, the worst first; empty when it did. `log`: the file that holds
    everything.
    """
    return [*_counted(summary, log), *_carried_out(summary, log), *_regained(summary)]


def _counted(summary: Mapping[str, Any], log: str) -> Iterator[Problem]:
    for name, says in (
        ("lost", "Kafka holds and Postgres lacks"),
        ("duplicated", "Postgres has counted more than Kafka holds"),
    ):
        if summary[name]:
            what = f"{name}={summary[name]}: serving logs that {says}"
            yield _open(
                what, f"this must never be: keep {log} and the logs beside it, and report it"
            )
    if not summary["slack_sent"] or summary["slack_unsent"]:
        yield _open(
            f"Slack got {summary['slack_sent']} messages and lacks {summary['slack_unsent']}",
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
            f"the loss was not proven in time, see the reasons in {log}; later.jsonl.gz needs other language than base.jsonl.gz, or more rows",
        )
        return
    if not summary["promoted"]:
        run = summary["runs"][-1] if summary["runs"] else None
        yield (
            refused(run, log, summary["errors"].get(run["id"]))
            if run
            else _open("the retrain that was decided never ran", f"see retrain.log beside {log}")
        )
    elif summary["swaps"] < 2 or not summary["same_process"]:
        yield _open(
            "the promotion did not show over HTTP in the same gateway process",
            f"see gateway.log beside {log}",
        )


def refused(run: report.Row, log: str, cause: str | None = None) -> Problem:
    """A run whose model does not serve: rejected by a gate, or ended by an error."""
    missed = [gate for gate in run["gates"] or () if gate["verdict"] != "pass"]
    if run["state"] == runs.State.REJECTED and missed:  # a failed run may have been gated before
        verdict = "fail" if any(gate["verdict"] == "fail" for gate in missed) else "inconclusive"
        names = ", ".join(
            f"{gate['gate']} {gate['verdict']}"
            + ("" if gate["value"] is None else f" at {gate['value']:.4g}")
            for gate in missed
        )
        remedy = f"every gate with its figures is in {log}; other rows, or more of them, give another model"
        return Problem(
            _GATES[verdict], f"the model {run['candidate']} was rejected: {names}", remedy
        )
    what = f"the run {run['id']} is {run['state']}: {cause or 'nobody said why'}"
    return Problem(settings.EXIT_DEPENDENCY, what, f"see retrain.log beside {log}, then try again")


def _regained(summary: Mapping[str, Any]) -> Iterator[Problem]:
    found = change(summary["accuracies"])
    if not summary["promoted"]:
        return
    if found is None:
        yield _open(
            "the next champion came too late to answer anything",
            "later.jsonl.gz with more rows gives it more messages a day to learn from",
        )
    elif found.lost[1] <= 0:
        yield _open(
            f"no loss can be seen: {points(found.lost)} lost",
            "later.jsonl.gz holds what the first model knows; give it other language",
        )
    elif not found.enough:
        what = f"of the {points(found.lost)} lost only {points(found.regained)} came back, less than half or no more than chance"
        yield _open(what, "later.jsonl.gz with more rows gives the next model more to learn from")


def _open(what: str, remedy: str) -> Problem:
    return Problem(settings.EXIT_INTEGRITY, f"the loop did not close: {what}", remedy)


def points(known: proportion.Estimate) -> str:
    """A difference of two accuracies.

    >>> points((0.051, 0.032, 0.0699))
    '5.1 points [3.2, 7.0]'
    """
    value, low, high = (100 * part for part in known)
    return f"{value:.1f} points [{low:.1f}, {high:.1f}]"


def box(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What happened and what was proven, when the loop closed: a heading and a sentence each."""
    made = next(row for row in summary["runs"] if row["promoted"])
    decided = next(row for row in summary["all_decisions"] if row["id"] == made["decision_id"])
    found = change(summary["accuracies"])
    assert found is not None
    three = [summary["accuracies"][name] for name in ("acc_stable", "acc_drifted", "acc_after")]
    before, fallen, since = (f"{100 * each['truth']:.1f} %" for each in three)
    hours = round((decided["at"] - summary["later_from"]).total_seconds() / 3600)
    last = summary["all_decisions"][-1]
    ill = [signals.of(reason["signal"]).words for reason in last["reasons"] if reason["breached"]]
    still = ", ".join(ill[:3]) + (f" and {len(ill) - 3} more" if len(ill) > 3 else "")
    return [
        (
            f"{summary['later_from']:%-d %b}",
            f"customers brought new words: accuracy fell from {before} to {fallen}",
        ),
        (
            f"{decided['at']:%-d %b}",
            f"retrain decided after {hours} hours; {made['candidate']} serves since, at {since}, without a restart",
        ),
        (
            "Back",
            f"{points(found.regained)} of the {points(found.lost)} lost: the truth of"
            f" {sum(each['asked'] for each in three):,} messages, {_APART}",
        ),
        (
            "Labels",
            f"said {', then '.join(map(_estimate, three))}, from {sum(each['labels'] for each in three):,} of them",
        ),
        (
            "Proven",
            f"lost {summary['lost']}, doubled {summary['duplicated']}"
            f" of {summary['events']:,} serving logs, {_TAIL} among them,"
            " Kafka read again against Postgres;"
            f" {summary['decisions']} decisions, {summary['retrains']} retrain, none early",
        ),
        *(
            [
                (
                    "Still",
                    f"{last['model']} is in breach on {still}: it learnt from one day of the new language",
                )
            ]
            if still
            else []
        ),
    ]


def details(summary: Mapping[str, Any]) -> list[str]:
    """The three accuracies, and what of the loss came back."""
    found = change(summary["accuracies"])
    lines = [
        f"{name:12} {_estimate(each)} by {each['labels']:,} labels, in truth {100 * each['truth']:.1f} % of {each['asked']:,}"
        for name, each in summary["accuracies"].items()
        if each["asked"]
    ]
    return lines + (
        []
        if found is None
        else [f"{'in truth':12} {points(found.lost)} lost, {points(found.regained)} regained"]
    )


def _estimate(found: Mapping[str, Any]) -> str:
    """What the product made of its labels."""
    return (
        "nothing"
        if found["mean"] is None
        else f"{100 * found['mean']:.1f} % [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"
    )


def last_line(summary: Mapping[str, Any]) -> str:
    """`[DEMO] events=... seconds=...`."""
    values = {
        name: f"{value:.3f}"
        if isinstance(value := summary[name], float) and name != "seconds"
        else value
        for name in LAST
    }
    return "[DEMO] " + " ".join(f"{name}={value}" for name, value in values.items())
