"""alerts: what stands in breach until it is over, and of a decision its alert and costs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0011"
down_revision = "0010"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("decision", sa.Column("alert_id", sa.Text()))
    op.add_column("decision", sa.Column("costs", pg.JSONB()))
    op.create_table(
        "alert",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("seen", _TIME, nullable=False),
        sa.Column("figures", pg.JSONB(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text()),
        sa.Column("never", sa.Boolean(), nullable=False),
        sa.Column("told", _TIME),
        sa.Column("updated", _TIME),
        sa.Column("ended", _TIME),
        sa.Column("by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_ended"), "alert", ["ended"])


def downgrade() -> None:
    op.drop_table("alert")
    op.drop_column("decision", "costs")
    op.drop_column("decision", "alert_id")
