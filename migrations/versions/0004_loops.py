"""count the tries of hours and runs, keep how the rounds of every stage end, and since when changed
minutes and the clock wait.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("now()")


def upgrade() -> None:
    # Defaults stay: a writer of the previous revision names none of these columns.
    op.add_column("pane_dirty", sa.Column("marked_at", _TIME, nullable=False, server_default=_NOW))
    op.add_column("stream_clock", sa.Column("moved_at", _TIME, nullable=False, server_default=_NOW))
    op.add_column(
        "job_run", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("job_run", sa.Column("retry_at", _TIME))
    op.add_column("job_run", sa.Column("error", sa.Text()))
    op.add_column("run", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "stage",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("told_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("failing_since", _TIME),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("name", "owner", name=op.f("pk_stage")),
    )


def downgrade() -> None:
    op.drop_table("stage")
    op.drop_column("run", "attempts")
    for column in ("error", "retry_at", "attempts"):
        op.drop_column("job_run", column)
    op.drop_column("stream_clock", "moved_at")
    op.drop_column("pane_dirty", "marked_at")
