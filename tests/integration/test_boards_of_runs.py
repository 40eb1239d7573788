"""The boards of runs over HTTP: what they say of a run in each of its states, to people and to
programs.
"""

import re
import urllib.parse

import accounts
import asgi
import pytest
import recorded
import sqlalchemy as sa

from retrain import store
from retrain.train.noted import store as noted
from schemas import policy, runs
from services.dashboard import app

PATHS = ("/training", "/validation", "/report")


def get(engine: sa.Engine, path: str, run: str | None = None) -> asgi.Answer:
    served = app.build(app.Dashboard(engine, policy.Policy(), test_clock=False))
    query = "" if run is None else f"?run={urllib.parse.quote(run)}"
    return asgi.ask(served, "GET", f"http://127.0.0.1{path}{query}")


def now(answer: asgi.Answer) -> str:
    """The headline of a board, as it is read."""
    (headline,) = re.findall(r'<h2 id="now">(.*?)</h2>', answer.text, re.S)
    return " ".join(re.sub("<[^>]*>", "", headline).split())


def test_before_the_first_run_each_board_says_so(engine: sa.Engine) -> None:
    for path in ("/training", "/validation", "/runs"):
        answer = get(engine, path)

        assert answer.status == 200
        assert now(answer) == "NO RUN No run has been queued yet"
    assert get(engine, "/report").status == 404
    assert get(engine, "/api/runs").json() == []
    assert get(engine, "/api/training").json() == {"run": None, "panels": []}


@pytest.mark.parametrize("run", ["ft_gone", accounts.HOSTILE])
def test_a_run_that_nobody_queued_is_a_plain_404(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        recorded.queued(connection, "ft_1")

    for path in PATHS:
        answer = get(engine, path, run)

        assert answer.status == 404
        assert now(answer).startswith("There is no run")
        assert "<script>" not in answer.text
        assert 'href="/runs"' in answer.text
    assert get(engine, "/api/training", run).json() == {"error": f"no run {run}"}


def test_a_run_that_waits_is_read_again_and_says_what_it_waits_for(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        recorded.queued(connection, "ft_1")

    answer = get(engine, "/training")

    assert now(answer) == "QUEUED Queued: waits for a worker"
    assert "Nothing is measured yet: the run waits for a worker." in answer.text
    assert '<meta http-equiv="refresh" content="10">' in answer.text
    assert answer.text.count("<figure>") == 9
    still = asgi.ask(
        app.build(app.Dashboard(engine, policy.Policy(), test_clock=False)),
        "GET",
        "http://127.0.0.1/training?run=ft_1&refresh=off",
    )
    assert 'http-equiv="refresh"' not in still.text


def test_a_run_under_way_draws_what_there_is_beside_the_whole_champion(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        recorded.champion(connection)
        recorded.queued(connection, "ft_2", state=runs.State.TRAINING, champion="v1")
        noted.put_metrics(connection, "ft_2", [runs.Metric(1, 100, "val_acc", 0.91)])

    answer = get(engine, "/training", "ft_2")

    assert now(answer) == "TRAINING Running: training begins"
    assert 'http-equiv="refresh"' in answer.text
    assert "val_acc 0.91 to 0.91; champion (dotted) 0.906 to 0.921" in answer.text
    assert "the run has not come so far" in get(engine, "/validation", "ft_2").text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (runs.State.FAILED, "The run failed before this was measured."),
        (runs.State.CANCELLED, "The run was cancelled before this was measured."),
        (runs.State.REJECTED, "the run is of before its numbers were kept."),
    ],
)
def test_what_ended_before_anything_was_measured_says_so_and_rests(
    engine: sa.Engine, state: runs.State, said: str
) -> None:
    with engine.begin() as connection:
        recorded.queued(connection, "ft_1", state=state, error="disk full", ended=accounts.AT)

    for path in ("/training", "/validation"):
        answer = get(engine, path, "ft_1")

        assert said in answer.text
        assert 'http-equiv="refresh"' not in answer.text


def test_a_rejected_candidate_stands_beside_the_champion_in_six_panels(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        recorded.champion(connection)
        recorded.gated(connection, "ft_2", runs.State.REJECTED, "v2", "v1", recorded.BETTER)

    answer = get(engine, "/validation", "ft_2")

    assert now(answer) == "REJECTED Rejected because of gates accuracy (fail)"
    ids = re.findall(r'<section class="pair" id="(\w+)">', answer.text)
    assert ids == [
        "confusion",
        "intents",
        "reliability",
        "confidence",
        "false_positives",
        "false_negatives",
    ]
    assert "champion v1, as its own run ft_first saw it" in answer.text
    told = get(engine, "/api/validation", "ft_2").json()
    assert told["panels"] == ids
    assert told["candidate"]["ece"] == 0.021
    assert told["champion"]["ece"] == 0.037
    assert told["baselines"] == [recorded.LINEAR]
    assert "75.0 % (n = 40)" in answer.text
    assert told["run"]["candidate"] == "v2"


def test_the_first_champion_has_nothing_beside_it(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        recorded.champion(connection)

    answer = get(engine, "/validation", "ft_first")

    assert now(answer).startswith("CHAMPION Promoted: v1")
    assert "no champion: it is the first" in answer.text
    assert get(engine, "/api/validation", "ft_first").json()["champion"] is None


def test_numbers_for_programs_are_those_of_the_rows_and_none_is_nan(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        recorded.queued(connection, "ft_1", state=runs.State.TRAINING)
        rows = [runs.Metric(1, 25, "loss", 2.0), runs.Metric(1, 50, "loss", float("nan"))]
        noted.put_metrics(connection, "ft_1", rows)

    first, *others = get(engine, "/api/training", "ft_1").json()["panels"]

    assert len(others) == 8
    smoothed, plain = first["series"]
    assert smoothed == {"of": "candidate", "name": "loss_smoothed", "points": []}
    assert plain["points"] == [
        {"epoch": 1, "step": 25, "value": 2.0},
        {"epoch": 1, "step": 50, "value": None},
    ]


def test_runs_are_listed_the_newest_first_with_what_became_of_each(engine: sa.Engine) -> None:
    for run_id in ("ft_1", accounts.HOSTILE):
        with engine.begin() as connection:
            store.queue_run(connection, run_id=run_id, decision_id=None, as_of=accounts.AT)

    listed = get(engine, "/api/runs").json()
    page = get(engine, "/runs").text

    assert [run["id"] for run in listed] == [accounts.HOSTILE, "ft_1"]
    assert listed[0]["result"] == "Queued: waits for a worker"
    assert listed[0]["queued"].endswith("Z")
    assert "<script>" not in page
    assert f"/training?run={urllib.parse.quote(accounts.HOSTILE)}" in page
