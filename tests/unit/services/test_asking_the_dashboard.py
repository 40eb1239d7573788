"""The dashboard over HTTP while Postgres does not answer: what people, programs, probes and scrapes
are told, and what no answer goes without.
"""

import asgi
import ends
import pytest
from fastapi import FastAPI

from schemas import policy
from services.dashboard import app, door, gauges
from streams import database

RUNS = ["/runs", "/training", "/validation", "/report"]
APIS = ["/api/production", "/api/runs", "/api/training", "/api/validation"]
FILES = ["/style.css", "/drawn.css", "/icon.svg"]
PAGES = ["/", *RUNS, *APIS, "/livez", "/readyz", "/metrics", *FILES]


@pytest.fixture(scope="module")
def served() -> FastAPI:
    engine = database.engine(ends.NOWHERE)
    return app.build(app.Dashboard(engine, policy.Policy(), test_clock=False))


def get(served: FastAPI, path: str) -> asgi.Answer:
    return asgi.ask(served, "GET", f"http://127.0.0.1{path}")


@pytest.mark.parametrize("path", ["/", *RUNS])
def test_people_read_one_sentence_and_the_page_tries_again(served: FastAPI, path: str) -> None:
    answer = get(served, path)

    assert answer.status == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert 'http-equiv="refresh" content="30"' in answer.text
    assert "<h1" in answer.text


@pytest.mark.parametrize("path", [*APIS, "/readyz"])
def test_programs_are_told_that_it_is_not_ready_and_why(served: FastAPI, path: str) -> None:
    answer = get(served, path)

    assert answer.status == 503
    assert answer.json() == {
        "ready": False,
        "reason": 'Postgres does not answer ("127.0.0.1", port 1: Connection refused); '
        "check INTENTWATCH_DATABASE_URL or run `make up`",
    }


def test_the_process_itself_lives(served: FastAPI) -> None:
    """Else an orchestrator would restart what a restart cannot mend."""
    answer = get(served, "/livez")

    assert (answer.status, answer.json()) == (200, {"status": "ok"})


def test_a_scrape_succeeds_and_says_that_the_database_is_down(served: FastAPI) -> None:
    answer = get(served, "/metrics")

    assert answer.status == 200
    assert answer.body == gauges.text(None, None)
    assert answer.text.splitlines()[-1] == "intentwatch_database_up 0.0"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/style.css", "text/css"), ("/drawn.css", "text/css"), ("/icon.svg", "image/svg+xml")],
)
def test_the_pages_own_files_need_no_database(served: FastAPI, path: str, kind: str) -> None:
    answer = get(served, path)

    assert answer.status == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.body


@pytest.mark.parametrize("path", [*PAGES, "/nothing-here"])
def test_no_answer_is_kept_framed_or_allowed_a_script(served: FastAPI, path: str) -> None:
    headers = get(served, path).headers

    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_written(served: FastAPI, path: str, method: str) -> None:
    assert asgi.ask(served, method, f"http://127.0.0.1{path}").status == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/../schemas/policy.py"])
def test_nothing_else_is_served(served: FastAPI, path: str) -> None:
    assert get(served, path).status == 404


def test_an_outage_names_no_password() -> None:
    engine = database.engine("postgresql+psycopg://postgres:s3cret@127.0.0.1:1/postgres")
    served = app.build(app.Dashboard(engine, policy.Policy(), test_clock=False))

    for path in ("/", "/api/production", "/readyz", "/metrics"):
        assert "s3cret" not in get(served, path).text


# who may ask


def test_with_a_token_only_probes_are_let_in_without_it(served: FastAPI) -> None:
    guarded = door.Door(served, "s3cret")

    for path in PAGES:
        answer = asgi.ask(guarded, "GET", f"http://127.0.0.1{path}")
        assert (answer.status == 401) is (path not in ("/livez", "/readyz")), path
        if answer.status == 401:
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("shown", ["Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret", ""])
def test_another_word_is_not_the_token(served: FastAPI, shown: str) -> None:
    guarded = door.Door(served, "s3cret")

    asked = asgi.ask(guarded, "GET", "http://127.0.0.1/metrics", headers={"authorization": shown})

    assert asked.status == 401


@pytest.mark.parametrize("token", ["s3cret", "a b c", "schlüssel"])
def test_whoever_shows_it_sees_what_there_is(served: FastAPI, token: str) -> None:
    raw = f"Bearer {token}".encode()
    guarded = door.Door(served, token)

    answer = asgi.ask(
        guarded,
        "GET",
        "http://127.0.0.1/metrics",
        headers={"authorization": raw.decode("latin-1")},
    )

    assert answer.status == 200


@pytest.mark.parametrize("path", PAGES)
def test_head_is_answered_as_get(served: FastAPI, path: str) -> None:
    head = asgi.ask(door.Door(served, None), "HEAD", f"http://127.0.0.1{path}")

    assert head.status == get(served, path).status
