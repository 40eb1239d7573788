"""Pure. Which signals stood well, and which ill, when they were judged: what tells a bad release
from a model that has always been so.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from retrain.decide.view import History
from schemas import decisions, policy, signals, verdicts

_ACCURACY: Final = signals.LIVE_ACCURACY.name
_BET: Final = signals.ACCURACY_E_VALUE.name


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
    return stood_well(_last_seen(history).values())


def last_ill(history: History) -> tuple[str, ...]:
    """The signals in breach that showed it when enough was known to judge them last: the next
    model's `ill_before`. A breach that is only not over yet proves nothing of a model.
    """
    names = []
    for name, seen in _last_seen(history).items():
        if history[name][-1].in_breach and seen.verdict is verdicts.Level.BREACH:
            names.append(name)
    return tuple(sorted(names))


def _last_seen(history: History) -> dict[str, verdicts.Verdict]:
    """The newest verdict of each signal that is not blind."""
    newest = {}
    for name, judged in history.items():
        seen = (each for each in reversed(judged) if each.verdict is not verdicts.Level.BLIND)
        last = next(seen, None)
        if last is not None:
            newest[name] = last
    return newest


def blamed(
    past: decisions.Past,
    until: dt.datetime,
    judged: Iterable[verdicts.Verdict],
    rules: policy.Policy,
) -> decisions.Past:
    """The past with what tells a bad release, for as long as a release may be blamed. `until`: the
    end of what is known of the model, which is earlier where labels take long.

    `past.well`: what is known already, since verdicts may have been forgotten.
    """
    blame = dt.timedelta(hours=rules.trigger.release_hours)
    if past.promoted_at is None or until - past.promoted_at > blame:
        return dataclasses.replace(past, well=(), well_before=(), ill_before=())

    maturity = dt.timedelta(hours=rules.labels.maturity_hours)
    mature = past.promoted_at + maturity
    well = {*past.well, *stood_well(_telling(tuple(judged)), labelled_from=mature)}
    return dataclasses.replace(past, well=tuple(sorted(well)))


def _telling(judged: Sequence[verdicts.Verdict]) -> Iterator[verdicts.Verdict]:
    """The verdicts without bets that nobody could have won yet: where accuracy is not known, no
    evidence against it shows nothing.
    """
    known = {v.signal.end for v in judged if v.signal.signal == _ACCURACY and v.well}
    for verdict in judged:
        if verdict.signal.signal != _BET or verdict.signal.end in known:
            yield verdict
