"""The page of a run that the demo leaves beside its log."""

from pathlib import Path

import recorded
import sqlalchemy as sa

from schemas import runs
from services.local.demo import paper


def test_the_page_of_a_run_lies_beside_the_log_and_one_of_no_run_does_not(
    engine: sa.Engine, tmp_path: Path
) -> None:
    log = tmp_path / "demo" / "20261130-033512.log"
    with engine.begin() as connection:
        recorded.gated(connection, "ft_2", runs.State.REJECTED, "v2", "v1")

    paper.write(engine, "ft_2", log)
    paper.write(engine, "ft_gone", log)

    (page,) = log.parent.iterdir()
    assert page.name == "20261130-033512-ft_2.html"
    assert "Rejected because of gates accuracy (fail)" in page.read_text()
