"""which topic an offset is an offset in, how far its log reaches, and whose a dead letter is.

Expand only: a worker of the release before writes none of these columns, and goes on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_PLACE = ("topic", "part", "offset", "line")
_LETTERS = ("dead_letter", "dead_letter_bytes")


def upgrade() -> None:
    op.add_column("stream_offset", sa.Column("topic_id", sa.Text()))
    op.add_column("stream_offset", sa.Column("leader_epoch", sa.Integer()))
    op.add_column("stream_offset", sa.Column("leader_epoch_at", sa.BigInteger()))
    op.add_column("stream_offset", sa.Column("log_end", sa.BigInteger()))
    for table in _LETTERS:
        op.add_column(
            table,
            sa.Column("topic_id", sa.Text(), server_default="", nullable=False),
        )
        _key(table, *_PLACE, "topic_id")


def downgrade() -> None:
    for table in _LETTERS:
        # Two topics had a letter at this place; only one has room.
        op.execute(
            f"delete from {table} older using {table} newer"
            " where (older.topic, older.part, older.offset, older.line)"
            " = (newer.topic, newer.part, newer.offset, newer.line)"
            " and (older.at, older.topic_id) < (newer.at, newer.topic_id)"
        )
        _key(table, *_PLACE)
        op.drop_column(table, "topic_id")
    for column in ("log_end", "leader_epoch_at", "leader_epoch", "topic_id"):
        op.drop_column("stream_offset", column)


def _key(table: str, *columns: str) -> None:
    op.drop_constraint(f"pk_{table}", table, type_="primary")
    op.create_primary_key(f"pk_{table}", table, list(columns))
