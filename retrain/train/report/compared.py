"""Pure. A candidate's figures beside earlier ones: the champion's on the same rows where there is
one, else those of its own first epoch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from retrain.pages import markup
from retrain.train import signs
from retrain.train.report import account
from schemas import present, units


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure before and now, and both in words. `falls`: less is better. `proven`: False where
    the interval of their difference holds nought, None where there is none.
    """

    before: float
    now: float
    words: str
    falls: bool = False
    proven: bool | None = None

    @property
    def better(self) -> bool:
        """Whether it has improved; a share of 1 cannot, and stands well.

        >>> [Compared(b, n, "").better for b, n in ((0.8, 0.9), (0.9, 0.9), (1.0, 1.0))]
        [True, False, True]
        """
        if self.falls:
            return self.now < self.before
        return self.now > self.before or self.now >= 1.0


def loss(told: account.Account) -> Compared | None:
    """Validation loss, of the epoch that was kept beside the first: a champion's was measured on
    other rows.
    """
    return _epochs(told, "val_loss")


def accuracy(told: account.Account) -> Compared | None:
    """Share of right answers."""
    return _gate(told, "accuracy") or _epochs(told, "val_acc")


def macro_f1(told: account.Account) -> Compared | None:
    """Mean F1 over the intents."""
    return _gate(told, "macro_f1") or _epochs(told, "val_macro_f1")


def rare_recall(told: account.Account) -> Compared | None:
    """Recall of the rare intents together."""
    return _rare(told) or _epochs(told, "val_rare_recall")


def kept(told: account.Account) -> int | None:
    """The epoch that was kept: of those with the highest macro F1 the first."""
    rows = [row for row in told.metrics if row.name == "val_macro_f1"]
    return max(rows, key=lambda row: row.value).epoch if rows else None


def _epochs(told: account.Account, name: str) -> Compared | None:
    """None with fewer than two epochs."""
    values = signs.Series(told.metrics).of(name)
    epoch = kept(told)
    if len(values) < 2 or epoch is None or epoch > len(values):
        return None

    before = values[0]
    now = values[epoch - 1]
    falls = name == "val_loss"
    write = markup.figure if falls else units.percent
    which = f"{epoch} of {len(values)}"
    words = f"{write(before)} in the first epoch, {write(now)} in the one that was kept ({which})"
    return Compared(before, now, words, falls)


def _gate(told: account.Account, name: str) -> Compared | None:
    """A gate that was paired with the champion."""
    gate = told.gate(name)
    if gate is None or gate.value is None or gate.champion is None:
        return None
    before, now = gate.champion, gate.value
    if gate.low is None or gate.high is None:
        return Compared(before, now, _beside(now, before, gate.n))
    low = 100 * gate.low
    high = 100 * gate.high
    words = _beside(now, before, gate.n, f"difference {low:+.1f} to {high:+.1f} points, ")
    return Compared(before, now, words, proven=low > 0 or high < 0)


def _beside(now: float, champion: float, n: int, difference: str = "") -> str:
    """Both in words, with what they are of."""
    figures = f"{units.percent(now)}, the champion {units.percent(champion)}"
    return f"{figures} ({difference}n = {n:,})"


@dataclass(frozen=True, slots=True)
class _Recall:
    """Of one rare intent with n rows."""

    n: int
    before: float
    now: float


def _rare(told: account.Account) -> Compared | None:
    """Of all rare intents, from the gates that each of them has; None where one has none."""
    try:
        recalls = list(_rare_gates(told))
    except LookupError:
        return None
    n = sum(each.n for each in recalls)
    if not n:
        return None
    before = sum(each.n * each.before for each in recalls) / n
    now = sum(each.n * each.now for each in recalls) / n
    return Compared(before, now, _beside(now, before, n))


def _rare_gates(told: account.Account) -> Iterator[_Recall]:
    """Raises LookupError for a rare intent without a gate."""
    seen = told.validation.by_intent if told.validation else ()
    rows = {each.intent: each.n for each in seen}
    for intent in present.RARE:
        n = rows[intent]
        gate = told.gate(f"recall:{intent}")
        if gate and gate.value is not None and gate.champion is not None:
            yield _Recall(n, gate.champion, gate.value)
        elif n:
            raise LookupError(intent)
