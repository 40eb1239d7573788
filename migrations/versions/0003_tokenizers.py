"""count which tokenizer a log came from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TALLIES = ("pane_minute", "pane_hour", "pane_day", "window_state")
COLUMNS = ("tokenizer_n", "tokenizer_sum", "tokenizer_square_sum")


def upgrade() -> None:
    for table in TALLIES:
        for column in COLUMNS:
            op.add_column(
                table, sa.Column(column, sa.BigInteger(), nullable=False, server_default="0")
            )
            op.alter_column(table, column, server_default=None)


def downgrade() -> None:
    for table in TALLIES:
        for column in COLUMNS:
            op.drop_column(table, column)
