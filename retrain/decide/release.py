"""Pure. Which signals stood well, and which ill, when they were judged: what tells a bad release
from a model that has always been so.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable

from retrain.decide.view import History
from schemas import decisions, policy, signals, verdicts


def stood_well(
    judged: Iterable[verdicts.Verdict],
    *,
    labelled_from: dt.datetime | None = None,
) -> tuple[str, ...]:
    """The signals that have stood well at least once, by name.

    Of label-based ones only from `labelled_from` on: the first labels say little.
    """
    names = set()
    for verdict in judged:
        signal = verdict.signal
        if not verdict.well:
            continue
        early = labelled_from is not None and signal.end < labelled_from
        if not (early and signals.of(signal.signal).labelled):
            names.add(signal.signal)
    return tuple(sorted(names))


def last_well(history: History) -> tuple[str, ...]:
    """The signals that stood well when enough was known to judge them last: the next model's
    `well_before`.
    """
    newest = []
    for judged in history.values():
        for verdict in reversed(judged):
            if verdict.verdict is not verdicts.Level.BLIND:
                newest.append(verdict)
                break
    return stood_well(newest)


def last_ill(history: History) -> tuple[str, ...]:
    """The signals in breach when they were judged last: the next model's `ill_before`."""
    names = []
    for name, judged in history.items():
        if judged and judged[-1].in_breach:
            names.append(name)
    return tuple(sorted(names))


def blamed(
    past: decisions.Past,
    at: dt.datetime,
    judged: Iterable[verdicts.Verdict],
    rules: policy.Policy,
) -> decisions.Past:
    """The past with what tells a bad release, for as long as a release may be blamed.

    `past.well`: what is known already, since verdicts may have been forgotten.
    """
    blame = dt.timedelta(hours=rules.trigger.release_hours)
    if past.promoted_at is None or at - past.promoted_at > blame:
        return dataclasses.replace(past, well=(), well_before=(), ill_before=())

    maturity = dt.timedelta(hours=rules.labels.maturity_hours)
    mature = past.promoted_at + maturity
    well = {*past.well, *stood_well(judged, labelled_from=mature)}
    return dataclasses.replace(past, well=tuple(sorted(well)))
