"""SQLAlchemy Core tables on one MetaData. Declares, never connects; SQL that uses them lives in
store.py files only.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import windows

REVISION = "0017"  # of migrations/: the oldest these tables are good for
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Column = sa.Column
_TIME = sa.DateTime(timezone=True)


def _now() -> sa.TextClause:
    return sa.text("now()")


def _tally_columns() -> list["sa.Column[Any]"]:
    """The columns of windows.Tally, in windows.TALLY_COLUMNS order."""
    return [
        *map(_count, windows.SCALARS),
        *map(_counts, windows.ARRAYS),
        Column("latency_bins", sa.LargeBinary, nullable=False),
        Column("confidence_bins", sa.LargeBinary, nullable=False),
    ]


def _count(name: str) -> "sa.Column[Any]":
    return Column(name, sa.BigInteger, nullable=False)


def _counts(name: str) -> "sa.Column[Any]":
    return Column(name, pg.ARRAY(sa.BigInteger), nullable=False)


# Whose intents the database holds: the newest row. `places`: whose each place in the stored arrays
# is, append only; `body`: the taxonomy as its file has it.
taxonomy = sa.Table(
    "taxonomy",
    metadata,
    Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    Column("version", sa.Text, nullable=False),
    Column("places", pg.ARRAY(sa.Text), nullable=False),
    Column("body", pg.JSON, nullable=False),
    Column("at", _TIME, nullable=False, server_default=_now()),
)

# --- streams: Kafka delivers at least once, these rows make it once ---
stream_offset = sa.Table(
    "stream_offset",
    metadata,
    Column("topic", sa.Text, primary_key=True),
    Column("part", sa.Integer, primary_key=True),
    Column("next_offset", sa.BigInteger, nullable=False),
    Column("high_watermark", sa.BigInteger, nullable=False, server_default="0"),  # last stable
    Column("epoch", sa.BigInteger, nullable=False),
    Column("max_event_ts", _TIME),
    # Its last progress, or when unread records appeared after that.
    Column("updated_at", _TIME, nullable=False, server_default=_now()),
    # Claims in a row that ended before the worker had settled.
    Column("stalls", sa.Integer, nullable=False, server_default="0"),
    # Before this offset bad records do not stop the worker.
    Column("bad_until", sa.BigInteger, nullable=False, server_default="0"),
    Column("topic_id", sa.Text),  # Kafka's, of the topic that the offsets are offsets in
    # Of the record before `leader_epoch_at`: next_offset, unless an older release has moved on.
    Column("leader_epoch", sa.Integer),
    Column("leader_epoch_at", sa.BigInteger),
    Column("log_end", sa.BigInteger),  # past any open transaction
)
# One row a topic: the watermark, i.e. the clock every monitor is due by. Minutes before `keep_from`
# have been pruned, or are about to be.
stream_clock = sa.Table(
    "stream_clock",
    metadata,
    Column("topic", sa.Text, primary_key=True),
    Column("watermark", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False, server_default=_now()),
    Column("keep_from", _TIME),
    # When the watermark last went forward, by the wall clock.
    Column("moved_at", _TIME, nullable=False, server_default=_now()),
)


def _pane(name: str, partition_by: str | None = None) -> sa.Table:
    """`partition_by`: retention drops whole partitions instead of deleting rows;
    streams.panes.retention makes them.
    """
    return sa.Table(
        name,
        metadata,
        Column("start", _TIME, primary_key=True),
        Column("model", sa.Text, primary_key=True),
        Column("role", sa.Text, primary_key=True),
        Column("part", sa.Integer, primary_key=True),
        *_tally_columns(),
        postgresql_partition_by=partition_by,
    )


pane_minute = _pane("pane_minute", "RANGE (start)")
pane_hour = _pane("pane_hour", "RANGE (start)")
pane_day = _pane("pane_day")
# Minutes whose windows must be rolled up again; written in the flush transaction, removed by the
# roll-up.
pane_dirty = sa.Table(
    "pane_dirty",
    metadata,
    Column("start", _TIME, primary_key=True),
    Column("model", sa.Text, primary_key=True),
    Column("role", sa.Text, primary_key=True),
    Column("part", sa.Integer, primary_key=True),
    # By the wall clock: how long it has waited.
    Column("marked_at", _TIME, nullable=False, server_default=_now()),
)
# "window" is a reserved word of SQL.
window_state = sa.Table(
    "window_state",
    metadata,
    Column("model", sa.Text, primary_key=True),
    Column("role", sa.Text, primary_key=True),
    Column("horizon", sa.Text, primary_key=True),
    Column("end", _TIME, primary_key=True),
    Column("start", _TIME, nullable=False),
    Column("revision", sa.Integer, nullable=False),
    Column("amended", sa.Boolean, nullable=False),
    Column("complete", sa.Boolean, nullable=False),
    *_tally_columns(),
    sa.Index("ix_window_state_horizon_end", "horizon", "end"),
    # The hours that wait to be judged, which every tick asks for.
    sa.Index(
        "ix_window_state_due",
        "end",
        postgresql_where=sa.text("horizon = '1h' and role = 'champion' and complete"),
    ),
)
dead_letter = sa.Table(
    "dead_letter",
    metadata,
    Column("topic", sa.Text, primary_key=True),
    Column("part", sa.Integer, primary_key=True),
    Column("offset", sa.BigInteger, primary_key=True),
    # 0 for a single record, 1 .. 256 inside an envelope.
    Column("line", sa.Integer, primary_key=True),
    Column("topic_id", sa.Text, primary_key=True, server_default=""),
    Column("reason", sa.Text, nullable=False),  # events.Reason
    Column("detail", sa.Text, nullable=False),
    Column("at", _TIME, nullable=False, server_default=_now()),
    Column("size", sa.BigInteger, nullable=False),
    Column("sha256", sa.Text, nullable=False),
    Column("redriven_at", _TIME),  # counted after all, by services.redrive
)
# The bytes stand apart: they may hold what a customer wrote, so that access can be granted, and
# retention set, on its own.
dead_letter_bytes = sa.Table(
    "dead_letter_bytes",
    metadata,
    Column("topic", sa.Text, primary_key=True),
    Column("part", sa.Integer, primary_key=True),
    Column("offset", sa.BigInteger, primary_key=True),
    Column("line", sa.Integer, primary_key=True),
    Column("topic_id", sa.Text, primary_key=True, server_default=""),
    Column("raw", sa.LargeBinary, nullable=False),
    Column("at", _TIME, nullable=False, server_default=_now()),
)

# --- labels ---
# A message the gateway kept for labelling. Unique by request: a producer that doubles shows in
# `seen`, not in the estimate.
sampled_prediction = sa.Table(
    "sampled_prediction",
    metadata,
    Column("req_id", sa.Text, primary_key=True),
    Column("model", sa.Text, primary_key=True),
    Column("role", sa.Text, primary_key=True),
    Column("ts", _TIME, nullable=False),
    Column("conversation", sa.Text),
    Column("intent", sa.Text, nullable=False),
    Column("confidence", sa.Double, nullable=False),
    Column("second_intent", sa.Text),
    Column("margin", sa.Double),
    Column("script", sa.Text, nullable=False),
    Column("queue", sa.Text, nullable=False),
    Column("p", sa.Double, nullable=False),
    Column("text", sa.Text, nullable=False),
    Column("seen", sa.Integer, nullable=False, server_default="1"),
    sa.Index("ix_sampled_prediction_ts", "ts"),
)
# History: a relabel or a retraction is another row, nothing is overwritten.
human_label = sa.Table(
    "human_label",
    metadata,
    # Sha256 of the label's content: importing twice writes one row.
    Column("id", sa.Text, primary_key=True),
    Column("req_id", sa.Text, nullable=False, index=True),
    Column("annotator", sa.Text, nullable=False),
    Column("labelled_at", _TIME, nullable=False, index=True),
    Column("intent", sa.Text),
    Column("also", pg.ARRAY(sa.Text), nullable=False),
    Column("action", sa.Text, nullable=False),
    Column("received_at", _TIME, nullable=False, server_default=_now()),
)
# Whose labels are taken; none: everybody's.
annotator = sa.Table(
    "annotator",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("by", sa.Text),
    Column("at", _TIME, nullable=False, server_default=_now()),
)
# Gold questions: sampled messages whose intent reviewers have verified. One that was taken back
# stays, with when: decisions of before rest on it.
gold = sa.Table(
    "gold",
    metadata,
    Column("req_id", sa.Text, primary_key=True),
    Column("at", _TIME, primary_key=True),
    Column("intent", sa.Text, nullable=False),
    Column("by", sa.Text, nullable=False),
    Column("retired_at", _TIME),
    Column("retired_by", sa.Text),
    sa.Index(
        "uq_gold_in_force",
        "req_id",
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    ),
)
# Labelled messages that did not come through the queue: what the first champion is trained on.
corpus = sa.Table(
    "corpus",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("text", sa.Text, nullable=False),
    Column("intent", sa.Text, nullable=False),
    Column("kind", sa.Text, nullable=False),  # human | machine
    Column("conversation", sa.Text),
    Column("cluster", sa.Text),
    Column("source", sa.Text),
    Column("added_at", _TIME, nullable=False, server_default=_now()),
)
quality = sa.Table(
    "quality",
    metadata,
    Column("model", sa.Text, primary_key=True),
    Column("start", _TIME, primary_key=True),
    Column("end", _TIME, primary_key=True),
    Column("metric", sa.Text, primary_key=True),  # live_accuracy | rare_recall | recall
    Column("intent", sa.Text, primary_key=True),  # '' where the metric is over all intents
    Column("as_of", _TIME, nullable=False),
    Column("estimate", sa.Double),
    Column("low", sa.Double),
    Column("high", sa.Double),
    Column("n_labels", sa.Integer, nullable=False),
    Column("n_effective", sa.Double),
    Column("n_predictions", sa.BigInteger, nullable=False),
    Column("naive", sa.Double),
    Column("reference", sa.Double),
    Column("maturity", sa.Text, nullable=False),
    Column("verdict", sa.Text, nullable=False),
    Column("labels_needed", sa.Integer),
)

# --- evidence and decisions ---
signal = sa.Table(
    "signal",
    metadata,
    Column("model", sa.Text, primary_key=True),
    Column("horizon", sa.Text, primary_key=True),
    Column("end", _TIME, primary_key=True),
    Column("signal", sa.Text, primary_key=True),
    Column("intent", sa.Text, primary_key=True),
    Column("value", sa.Double),
    Column("n", sa.BigInteger, nullable=False),
    Column("reference_n", sa.BigInteger),
    Column("reference", sa.Double),
    Column("low", sa.Double),
    Column("high", sa.Double),
    Column("noise_floor", sa.Double),
    Column("p_value", sa.Double),
    Column("level", sa.Text),
    # Null with `limit`: measured, but no rule of the policy judges it.
    Column("verdict", sa.Text),
    Column("limit", sa.Double),
    Column("in_breach", sa.Boolean, nullable=False),
    Column("since", _TIME),  # of a breach: the end of its first window
    Column("days_alike", sa.SmallInteger),  # of a mix in breach: how many last days have one mix
)
decision = sa.Table(
    "decision",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("at", _TIME, nullable=False, index=True),
    Column("model", sa.Text, nullable=False),
    Column("decision", sa.Text, nullable=False),
    Column("hold_reason", sa.Text),
    Column("cause", sa.Text),
    Column("clause", sa.Text),  # of the rule, that answered; null before decisions named it
    Column("reasons", pg.JSONB, nullable=False),
    Column("expected", pg.JSONB, nullable=False, server_default=sa.text("'[]'")),
    Column("under_new_reference", sa.Text),
    # The function's arguments: the record replays to the same sha256.
    Column("evidence", pg.JSONB, nullable=False),
    Column("policy_sha256", sa.Text, nullable=False),
    Column("sha256", sa.Text, nullable=False),
    Column("run_id", sa.Text),
    Column("alert_id", sa.Text),  # of what asked for something
    Column("costs", pg.JSONB),  # of waiting a week and of a retrain; null where none is claimed
    Column("taken_at", _TIME, nullable=False, server_default=_now()),
)
# What stands in breach, from when it began until it is over: alerts.Alert.
alert = sa.Table(
    "alert",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("model", sa.Text, nullable=False),
    Column("subject", sa.Text, nullable=False),
    Column("since", _TIME, nullable=False),
    Column("seen", _TIME, nullable=False),
    Column("figures", pg.JSONB, nullable=False),
    Column("decision_id", sa.Text, nullable=False),
    Column("asked", sa.Text, nullable=False),
    Column("hold", sa.Text),
    Column("never", sa.Boolean, nullable=False),
    Column("told", _TIME),  # null while it has not lasted for long enough
    Column("updated", _TIME),
    Column("ended", _TIME, index=True),
    Column("by", sa.Text),
)
incident = sa.Table(
    "incident",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("kind", sa.Text, nullable=False),
    Column("intent", sa.Text),
    Column("count", sa.Integer),
    Column("started", _TIME, nullable=False),
    Column("ended", _TIME),
    Column("model", sa.Text),
)
job_run = sa.Table(
    "job_run",
    metadata,
    Column("job", sa.Text, primary_key=True),
    Column("due_at", _TIME, primary_key=True),
    Column("owner", sa.Text, nullable=False),
    Column("claimed_at", _TIME, nullable=False, server_default=_now()),
    Column("finished_at", _TIME),  # null: it failed, `attempts` times so far
    Column("attempts", sa.Integer, nullable=False, server_default="0"),
    Column("retry_at", _TIME),  # null with attempts: set aside, nobody tries again
    Column("error", sa.Text),
)
# How the rounds of each stage that loops end, process by process: one that fails again and again is
# an alarm.
stage = sa.Table(
    "stage",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("owner", sa.Text, primary_key=True),
    Column("told_at", _TIME, nullable=False, server_default=_now()),
    Column("failing_since", _TIME),  # null while its rounds end well
    Column("failures", sa.Integer, nullable=False, server_default="0"),
    Column("error", sa.Text),
)
lease = sa.Table(
    "lease",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("owner", sa.Text, nullable=False),
    Column("epoch", sa.BigInteger, nullable=False),
    Column("expires_at", _TIME, nullable=False),
)

# --- retraining ---
run = sa.Table(
    "run",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("decision_id", sa.Text),
    Column("as_of", _TIME, nullable=False),
    Column("state", sa.Text, nullable=False, index=True),
    Column("queued_at", _TIME, nullable=False, server_default=_now()),
    Column("started", _TIME),
    Column("ended", _TIME),
    Column("closed_as_of", _TIME),  # the stream's clock when it ended: what a replay can see
    Column("heartbeat_at", _TIME),
    # How often a worker has begun it.
    Column("attempts", sa.Integer, nullable=False, server_default="0"),
    Column("progress", pg.JSONB),
    Column("snapshot_sha256", sa.Text),
    Column("recipe_sha256", sa.Text),
    Column("base_model", sa.Text),
    Column("candidate", sa.Text),
    Column("champion", sa.Text),
    Column("evaluation", pg.JSONB),
    Column("gates", pg.JSONB),
    Column("promoted", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("error", sa.Text),
)
run_step = sa.Table(
    "run_step",
    metadata,
    Column("run_id", sa.Text, sa.ForeignKey("run.id"), primary_key=True),
    Column("step", sa.Text, primary_key=True),
    Column("at", _TIME, nullable=False, server_default=_now()),
    Column("detail", pg.JSONB, nullable=False),
)
# Numbers of a run as they come; epoch and step are -1 where a number is of neither.
run_metric = sa.Table(
    "run_metric",
    metadata,
    Column("run_id", sa.Text, sa.ForeignKey("run.id"), primary_key=True),
    Column("name", sa.Text, primary_key=True),
    Column("epoch", sa.Integer, primary_key=True),
    Column("step", sa.Integer, primary_key=True),
    Column("value", sa.Float, nullable=False),
)
run_check = sa.Table(
    "run_check",
    metadata,
    Column("run_id", sa.Text, sa.ForeignKey("run.id"), primary_key=True),
    Column("stage", sa.Text, primary_key=True),
    Column("name", sa.Text, primary_key=True),
    Column("body", pg.JSONB, nullable=False),  # a checks.Check
)
model_version = sa.Table(
    "model_version",
    metadata,
    Column("model", sa.Text, primary_key=True),
    Column("run_id", sa.Text),
    Column("manifest_sha256", sa.Text, nullable=False),
    Column("tokenizer_hash", sa.Text, nullable=False),
    Column("registered_at", _TIME, nullable=False, server_default=_now()),
)
# Append-only; the champion is the newest row.
promotion = sa.Table(
    "promotion",
    metadata,
    Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    Column("model", sa.Text, nullable=False),
    Column("kind", sa.Text, nullable=False),  # promote | rollback
    Column("at", _TIME, nullable=False),  # the stream's clock
    Column("run_id", sa.Text),
    Column("by", sa.Text, nullable=False),
    Column("recorded_at", _TIME, nullable=False, server_default=_now()),
)
# Append-only; a model's reference is its newest row not after the instant looked at.
reference = sa.Table(
    "reference",
    metadata,
    Column("model", sa.Text, primary_key=True),
    Column("at", _TIME, primary_key=True),
    Column("source", sa.Text, nullable=False),  # runs.Source, and who has said so
    Column("body", pg.JSONB, nullable=False),
)

# --- what leaves ---
outbox = sa.Table(
    "outbox",
    metadata,
    Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    Column("dedupe_key", sa.Text, nullable=False, unique=True),
    # Rows of one thread key share one Slack message.
    Column("thread_key", sa.Text, nullable=False),
    Column("kind", sa.Text, nullable=False),  # messages.Kind; the payload is its message's
    Column("payload", pg.JSONB, nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=_now()),
    Column("next_attempt_at", _TIME, nullable=False, server_default=_now()),
    Column("attempts", sa.Integer, nullable=False, server_default="0"),
    Column("sent_at", _TIME),
    Column("error", sa.Text),
)
slack_thread = sa.Table(
    "slack_thread",
    metadata,
    Column("thread_key", sa.Text, primary_key=True),
    Column("channel", sa.Text, nullable=False),
    Column("ts", sa.Text, nullable=False),
)
