"""gold questions: sampled messages whose intent reviewers have verified."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "gold",
        sa.Column("req_id", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("intent", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("retired_at", _TIME),
        sa.Column("retired_by", sa.Text),
        sa.PrimaryKeyConstraint("req_id", "at", name="pk_gold"),
    )
    op.create_index(
        "uq_gold_in_force",
        "gold",
        ["req_id"],
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("gold")
