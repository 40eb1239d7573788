"""whose intents the database holds, and an index for the hours that wait to be judged."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0007"
down_revision = "0006"

# What every database of before is about, written out: a revision must stay what it was.
VERSION = "mangaassist-1"
INTENTS = {
    "product_discovery": {"destination": "catalogue"},
    "product_question": {"destination": "catalogue"},
    "recommendation": {"destination": "catalogue"},
    "faq": {"destination": "answers"},
    "order_tracking": {"destination": "orders", "critical": True},
    "return_request": {"destination": "orders", "critical": True},
    "promotion": {"destination": "answers", "rare": True, "critical": True},
    "checkout_help": {"destination": "checkout", "rare": True, "critical": True},
    "escalation": {"destination": "person", "rare": True, "critical": True, "handoff": True},
    "chitchat": {"destination": "small_talk"},
}
SEVERITY = {
    "product_discovery -> recommendation": 0.1,
    "recommendation -> product_discovery": 0.1,
    "order_tracking -> product_discovery": 1.0,
}
NAME_INTENTS = (
    "pane_minute",
    "pane_hour",
    "pane_day",
    "window_state",
    "sampled_prediction",
    "human_label",
    "corpus",
    "model_version",
    "reference",
)
DUE = sa.text("horizon = '1h' and role = 'champion' and complete")


def upgrade() -> None:
    taxonomy = op.create_table(
        "taxonomy",
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("places", pg.ARRAY(sa.Text()), nullable=False),
        sa.Column("body", pg.JSON(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")
        ),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_taxonomy")),
    )
    if any(
        op.get_bind().execute(sa.text(f"select 1 from {name} limit 1")).first()
        for name in NAME_INTENTS
    ):
        body = {"version": VERSION, "intents": INTENTS, "severity": SEVERITY}
        op.bulk_insert(
            taxonomy, [{"generation": 1, "version": VERSION, "places": list(INTENTS), "body": body}]
        )
    op.create_index("ix_window_state_due", "window_state", ["end"], postgresql_where=DUE)


def downgrade() -> None:
    op.drop_index("ix_window_state_due", "window_state")
    op.drop_table("taxonomy")
