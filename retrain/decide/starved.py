"""Pure. Whether there are labels at all: what people were asked about and have not answered."""

import datetime as dt

from retrain.decide.view import View
from schemas import policy, signals, verdicts, windows
from streams.stats import proportion


def signal(view: View, rules: policy.Policy) -> verdicts.Signal:
    """The share of the messages that were to be labelled, and whose time for it is over, that
    nobody has labelled.
    """
    name, rule = signals.LABEL_STARVED.name, rules.signals.label_starved
    begin = view.until - windows.HORIZONS[rule.horizon]
    wait = dt.timedelta(hours=rules.labels.maturity_hours)
    overdue = view.at - max(wait, view.age)
    asked = view.sampled.between(begin, overdue)

    n = len(asked)
    missing = int((~asked.answered).sum())
    value = missing / n if n else None
    low, high = proportion.wilson(missing, n)
    return view.signal(
        name,
        rule.horizon,
        value,
        n,
        low=low,
        high=high,
    )
