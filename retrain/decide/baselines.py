"""Pure. What a policy must beat: to retrain always, never, or every week, whatever the evidence
says; scored on the same incidents.
"""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from retrain.decide import replay
from schemas import decisions, events, policy

_WEEK = dt.timedelta(days=7)

Taken = Sequence[tuple[replay.Scene, decisions.Decision]]


def scores(
    taken: Taken, incidents: Sequence[events.Incident], rules: policy.Policy
) -> tuple[replay.Score, replay.Score, replay.Score]:
    """Score "always" (a retrain at every cool-down's end), "never" and "weekly", at the moments of
    `taken`; costs and cool-down are those of `rules`.

    Decisions of the first model begin with a cool-down, as after a promotion. Who never retrains
    needs no labels.
    """
    cool_down = dt.timedelta(hours=rules.trigger.cool_down_hours)
    unlabelled = [
        (dataclasses.replace(scene, labels=0), _hold(decision)) for scene, decision in taken
    ]
    return (
        replay.score("always", every(taken, cool_down), incidents, rules),
        replay.score("never", unlabelled, incidents, rules),
        replay.score("weekly", every(taken, _WEEK), incidents, rules),
    )


def every(taken: Taken, step: dt.timedelta) -> list[tuple[replay.Scene, decisions.Decision]]:
    """The same moments with a retrain at the first one that is `step` or more after the beginning,
    or after the retrain before.
    """
    found: list[tuple[replay.Scene, decisions.Decision]] = []
    last = taken[0][1].at if taken else None
    for scene, decision in taken:
        due = last is not None and decision.at > last and decision.at - last >= step
        last = decision.at if due else last
        found.append(
            (
                scene,
                dataclasses.replace(_hold(decision), decision=decisions.Kind.RETRAIN)
                if due
                else _hold(decision),
            )
        )
    return found


def _hold(decision: decisions.Decision) -> decisions.Decision:
    return dataclasses.replace(decision, decision=decisions.Kind.HOLD, hold_reason=None, cause=None)
