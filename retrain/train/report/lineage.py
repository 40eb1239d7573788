"""Pure. What a run is made of, and who asked for it: enough to make it again."""

from collections.abc import Iterator, Mapping
from typing import Final

from retrain.pages import markup
from retrain.train.report import account, summary
from schemas import decisions, runs

_ASIDE: Final = ("annotator", "from", "to", "why")


def parts(told: account.Account) -> Iterator[str]:
    """What went in, whose labels did not, and when each state was reached."""
    run = told.run
    begun = told.step(runs.State.TRAINING)
    made_with = begun.detail if begun else {}
    yield markup.facts(
        {
            "snapshot": run.snapshot_sha256 or markup.NONE,
            "recipe": run.recipe_sha256 or markup.NONE,
            "base model": run.base_model or markup.NONE,
            "code": made_with.get("code") or markup.NONE,
            "policy": made_with.get("policy_sha256") or markup.NONE,
            "golden set": made_with.get("golden_sha256") or markup.NONE,
            "decision": run.decision_id or "none: asked for by a person",
            **_asked(told.decision),
        }
    )
    yield "<h3>Labels set aside</h3>"
    yield _aside(begun)
    yield "<h3>States</h3>"
    rows = [markup.Row((step.step, summary.when(step.at), _who(step))) for step in told.steps]
    yield markup.table(("state", "reached", "by whom"), rows)


def _who(step: account.Step) -> str:
    """The person behind a step, with what they have said."""
    said = [step.detail.get(name) for name in ("by", "note", "why")]
    return ": ".join(filter(None, said))


def _asked(decision: decisions.Decision | None) -> dict[str, str]:
    """Of the decision that asked for it."""
    if decision is None:
        return {}
    return {
        "policy of the decision": decision.policy_sha256,
        "cause it believes": str(decision.cause or "unknown"),
    }


def _aside(begun: account.Step | None) -> str:
    """Of annotators who are not believed."""
    if begun is None:
        return markup.paragraph("The run has not read its labels yet.")
    rows = [_doubt(doubt) for doubt in begun.detail.get("aside", ())]
    if not rows:
        return markup.paragraph("None: every annotator's labels count.")
    return markup.table(_ASIDE, rows, "stack")


def _doubt(doubt: Mapping[str, str]) -> markup.Row:
    cells = (
        doubt["annotator"],
        doubt["start"],
        doubt["end"],
        doubt["why"],
    )
    return markup.Row(cells)
