"""paces of the gateways: one sampling budget for all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "gateway_pace",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("per_day", sa.Float(precision=53), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "told_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_gateway_pace")),
    )


def downgrade() -> None:
    op.drop_table("gateway_pace")
