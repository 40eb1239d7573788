"""Postgres, read only: which labels the champion's figures wait for."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from retrain import store as retrain_store
from retrain.decide.missing import needs
from schemas import policy, present, tables, windows


def missing(connection: sa.Connection, rules: policy.Signals) -> tuple[needs.Need, ...]:
    """Which labels the champion's figures wait for; none without a champion that was judged."""
    serving = retrain_store.champion(connection)
    if serving is None:
        return ()
    rule = rules.intent_recall_lost
    judged = _judged(connection, serving["model"])
    counts = _labels_of(connection, serving["model"], rules.live_accuracy.horizon)
    return needs.needs(judged, counts, rule.min_n)


def _judged(connection: sa.Connection, model: str) -> Sequence[dict[str, Any]]:
    """The verdicts of the model's newest decision, as its evidence has them."""
    table = tables.decision.c
    newest = sa.select(table.evidence["verdicts"]).where(table.model == model)
    newest = newest.order_by(table.at.desc(), table.id).limit(1)
    return connection.execute(newest).scalar() or ()


def _labels_of(connection: sa.Connection, model: str, horizon: str) -> dict[str, int]:
    """How many labels each intent has in the newest figures over the horizon, of those intents
    whose recall is known of before.
    """
    table = tables.quality.c
    asked = (
        table.model == model,
        table.metric == "recall",
        table.reference.is_not(None),
        table.end - table.start == windows.HORIZONS[horizon],
    )
    newest = sa.select(sa.func.max(table.end)).where(*asked).scalar_subquery()
    counts = sa.select(table.intent, table.n_labels).where(*asked, table.end == newest)
    rows = connection.execute(counts)
    return {row.intent: row.n_labels for row in rows if row.intent in present.INTENTS}
