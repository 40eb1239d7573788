"""Pure. What a policy must beat: to retrain always, never, or every week, whatever the evidence
says; scored on the same incidents.
"""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from retrain.decide import replay
from schemas import decisions, events, policy

_WEEK = dt.timedelta(days=7)


def scores(
    taken: replay.Taken,
    incidents: Sequence[events.Incident],
    rules: policy.Policy,
) -> tuple[replay.Score, replay.Score, replay.Score]:
    """Score "always" (a retrain at every cool-down's end), "never" and "weekly", at the moments of
    `taken`; costs and cool-down are those of `rules`.

    Decisions of the first model begin with a cool-down, as after a promotion. Who never retrains
    needs no labels.
    """
    cool_down = dt.timedelta(hours=rules.trigger.cool_down_hours)
    always = every(taken, cool_down)
    weekly = every(taken, _WEEK)

    never = []
    for scene, decision in taken:
        unlabelled = dataclasses.replace(scene, labels=0)
        never.append((unlabelled, _hold(decision)))

    return (
        replay.score("always", always, incidents, rules),
        replay.score("never", never, incidents, rules),
        replay.score("weekly", weekly, incidents, rules),
    )


def every(taken: replay.Taken, step: dt.timedelta) -> replay.Taken:
    """The same moments with a retrain at the first one that is `step` or more after the beginning,
    or after the retrain before.
    """
    periodic = []
    last = taken[0][1].at if taken else None
    for scene, decision in taken:
        instead = _hold(decision)
        if last is not None and decision.at > last and decision.at - last >= step:
            instead = dataclasses.replace(instead, decision=decisions.Kind.RETRAIN)
            last = decision.at
        periodic.append((scene, instead))
    return periodic


def _hold(decision: decisions.Decision) -> decisions.Decision:
    return dataclasses.replace(
        decision,
        decision=decisions.Kind.HOLD,
        hold_reason=None,
        cause=None,
    )
