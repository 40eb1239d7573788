"""SQLAlchemy Core tables on one MetaData. Declares, never connects; SQL that uses them lives in
store.py files only.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import windows

REVISION = "0007"  # of migrations/: the oldest these tables are good for
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_TIME = sa.DateTime(timezone=True)


def _now() -> sa.TextClause:
    return sa.text("now()")


def _tally_columns() -> list["sa.Column[Any]"]:
    """The columns of windows.Tally, in windows.TALLY_COLUMNS order."""
    return [
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in windows.SCALARS),
        *(sa.Column(name, pg.ARRAY(sa.BigInteger), nullable=False) for name in windows.ARRAYS),
        sa.Column("latency_bins", sa.LargeBinary, nullable=False),
        sa.Column("confidence_bins", sa.LargeBinary, nullable=False),
    ]


# Whose intents the database holds: the newest row. `places`: whose each place in the stored arrays
# is, append only; `body`: the taxonomy as its file has it.
taxonomy = sa.Table(
    "taxonomy",
    metadata,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("places", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("body", pg.JSON, nullable=False),
    sa.Column("at", _TIME, nullable=False, server_default=_now()),
)

# --- streams: Kafka delivers at least once, these rows make it once ---
stream_offset = sa.Table(
    "stream_offset",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
    sa.Column("high_watermark", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("max_event_ts", _TIME),
    # Its last progress, or when unread records appeared after that.
    sa.Column("updated_at", _TIME, nullable=False, server_default=_now()),
    # Claims in a row that ended before the worker had settled.
    sa.Column("stalls", sa.Integer, nullable=False, server_default="0"),
    # Before this offset bad records do not stop the worker.
    sa.Column("bad_until", sa.BigInteger, nullable=False, server_default="0"),
)
# One row a topic: the watermark, i.e. the clock every monitor is due by. Minutes before `keep_from`
# have been pruned, or are about to be.
stream_clock = sa.Table(
    "stream_clock",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("watermark", _TIME, nullable=False),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_now()),
    sa.Column("keep_from", _TIME),
    # When the watermark last went forward, by the wall clock.
    sa.Column("moved_at", _TIME, nullable=False, server_default=_now()),
)


def _pane(name: str, partition_by: str | None = None) -> sa.Table:
    """`partition_by`: retention drops whole partitions instead of deleting rows;
    streams.panes.retention makes them.
    """
    return sa.Table(
        name,
        metadata,
        sa.Column("start", _TIME, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True),
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
    sa.Column("start", _TIME, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    # By the wall clock: how long it has waited.
    sa.Column("marked_at", _TIME, nullable=False, server_default=_now()),
)
# "window" is a reserved word of SQL.
window_state = sa.Table(
    "window_state",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("horizon", sa.Text, primary_key=True),
    sa.Column("end", _TIME, primary_key=True),
    sa.Column("start", _TIME, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("amended", sa.Boolean, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
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
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True),
    # 0 for a single record, 1 .. 256 inside an envelope.
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),  # events.Reason
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("at", _TIME, nullable=False, server_default=_now()),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("redriven_at", _TIME),  # counted after all, by services.redrive
)
# The bytes stand apart: they may hold what a customer wrote, so that access can be granted, and
# retention set, on its own.
dead_letter_bytes = sa.Table(
    "dead_letter_bytes",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("at", _TIME, nullable=False, server_default=_now()),
)

# --- labels ---
# A message the gateway kept for labelling. Unique by request: a producer that doubles shows in
# `seen`, not in the estimate.
sampled_prediction = sa.Table(
    "sampled_prediction",
    metadata,
    sa.Column("req_id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("ts", _TIME, nullable=False),
    sa.Column("conversation", sa.Text),
    sa.Column("intent", sa.Text, nullable=False),
    sa.Column("confidence", sa.Double, nullable=False),
    sa.Column("second_intent", sa.Text),
    sa.Column("margin", sa.Double),
    sa.Column("script", sa.Text, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("p", sa.Double, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False, server_default="1"),
    sa.Index("ix_sampled_prediction_ts", "ts"),
)
# History: a relabel or a retraction is another row, nothing is overwritten.
human_label = sa.Table(
    "human_label",
    metadata,
    # Sha256 of the label's content: importing twice writes one row.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("req_id", sa.Text, nullable=False, index=True),
    sa.Column("annotator", sa.Text, nullable=False),
    sa.Column("labelled_at", _TIME, nullable=False, index=True),
    sa.Column("intent", sa.Text),
    sa.Column("also", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("received_at", _TIME, nullable=False, server_default=_now()),
)
# Labelled messages that did not come through the queue: what the first champion is trained on.
corpus = sa.Table(
    "corpus",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("intent", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # human | machine
    sa.Column("conversation", sa.Text),
    sa.Column("cluster", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("added_at", _TIME, nullable=False, server_default=_now()),
)
quality = sa.Table(
    "quality",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("start", _TIME, primary_key=True),
    sa.Column("end", _TIME, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),  # live_accuracy | rare_recall | recall
    sa.Column("intent", sa.Text, primary_key=True),  # '' where the metric is over all intents
    sa.Column("as_of", _TIME, nullable=False),
    sa.Column("estimate", sa.Double),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("n_labels", sa.Integer, nullable=False),
    sa.Column("n_effective", sa.Double),
    sa.Column("n_predictions", sa.BigInteger, nullable=False),
    sa.Column("naive", sa.Double),
    sa.Column("reference", sa.Double),
    sa.Column("maturity", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("labels_needed", sa.Integer),
)

# --- evidence and decisions ---
signal = sa.Table(
    "signal",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("horizon", sa.Text, primary_key=True),
    sa.Column("end", _TIME, primary_key=True),
    sa.Column("signal", sa.Text, primary_key=True),
    sa.Column("intent", sa.Text, primary_key=True),
    sa.Column("value", sa.Double),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("reference_n", sa.BigInteger),
    sa.Column("reference", sa.Double),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("noise_floor", sa.Double),
    sa.Column("p_value", sa.Double),
    sa.Column("level", sa.Text),
    # Null with `limit`: measured, but no rule of the policy judges it.
    sa.Column("verdict", sa.Text),
    sa.Column("limit", sa.Double),
    sa.Column("in_breach", sa.Boolean, nullable=False),
)
decision = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", _TIME, nullable=False, index=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("hold_reason", sa.Text),
    sa.Column("cause", sa.Text),
    sa.Column("clause", sa.Text),  # of the rule, that answered; null before decisions named it
    sa.Column("reasons", pg.JSONB, nullable=False),
    # The function's arguments: the record replays to the same sha256.
    sa.Column("evidence", pg.JSONB, nullable=False),
    sa.Column("policy_sha256", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("taken_at", _TIME, nullable=False, server_default=_now()),
)
incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("intent", sa.Text),
    sa.Column("count", sa.Integer),
    sa.Column("started", _TIME, nullable=False),
    sa.Column("ended", _TIME),
    sa.Column("model", sa.Text),
)
job_run = sa.Table(
    "job_run",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("due_at", _TIME, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("claimed_at", _TIME, nullable=False, server_default=_now()),
    sa.Column("finished_at", _TIME),  # null: it failed, `attempts` times so far
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("retry_at", _TIME),  # null with attempts: set aside, nobody tries again
    sa.Column("error", sa.Text),
)
# How the rounds of each stage that loops end, process by process: one that fails again and again is
# an alarm.
stage = sa.Table(
    "stage",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("told_at", _TIME, nullable=False, server_default=_now()),
    sa.Column("failing_since", _TIME),  # null while its rounds end well
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
)
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("expires_at", _TIME, nullable=False),
)

# --- retraining ---
run = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("decision_id", sa.Text),
    sa.Column("as_of", _TIME, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("queued_at", _TIME, nullable=False, server_default=_now()),
    sa.Column("started", _TIME),
    sa.Column("ended", _TIME),
    sa.Column("closed_as_of", _TIME),  # the stream's clock when it ended: what a replay can see
    sa.Column("heartbeat_at", _TIME),
    # How often a worker has begun it.
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("progress", pg.JSONB),
    sa.Column("snapshot_sha256", sa.Text),
    sa.Column("recipe_sha256", sa.Text),
    sa.Column("base_model", sa.Text),
    sa.Column("candidate", sa.Text),
    sa.Column("champion", sa.Text),
    sa.Column("evaluation", pg.JSONB),
    sa.Column("gates", pg.JSONB),
    sa.Column("promoted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("error", sa.Text),
)
run_step = sa.Table(
    "run_step",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("at", _TIME, nullable=False, server_default=_now()),
    sa.Column("detail", pg.JSONB, nullable=False),
)
model_version = sa.Table(
    "model_version",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text),
    sa.Column("manifest_sha256", sa.Text, nullable=False),
    sa.Column("tokenizer_hash", sa.Text, nullable=False),
    sa.Column("registered_at", _TIME, nullable=False, server_default=_now()),
)
# Append-only; the champion is the newest row.
promotion = sa.Table(
    "promotion",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # promote | rollback
    sa.Column("at", _TIME, nullable=False),  # the stream's clock
    sa.Column("run_id", sa.Text),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("recorded_at", _TIME, nullable=False, server_default=_now()),
)
# Append-only; a model's reference is its newest row not after the instant looked at.
reference = sa.Table(
    "reference",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("at", _TIME, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),  # runs.Source, and who has said so
    sa.Column("body", pg.JSONB, nullable=False),
)

# --- what leaves ---
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("dedupe_key", sa.Text, nullable=False, unique=True),
    # Rows of one thread key share one Slack message.
    sa.Column("thread_key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # messages.Kind; the payload is its message's
    sa.Column("payload", pg.JSONB, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_now()),
    sa.Column("next_attempt_at", _TIME, nullable=False, server_default=_now()),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sent_at", _TIME),
    sa.Column("error", sa.Text),
)
slack_thread = sa.Table(
    "slack_thread",
    metadata,
    sa.Column("thread_key", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("ts", sa.Text, nullable=False),
)
