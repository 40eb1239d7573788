"""The boards of runs in a real browser: at the desk and on a telephone, by day and in the dark."""

from collections.abc import Iterator
from typing import Any

import accounts
import pytest
import recorded
import sqlalchemy as sa
import watching
from playwright import sync_api

from retrain.train.noted import store as noted
from schemas import runs
from services.local import topology
from streams import connect

PATHS = ("/runs", "/training", "/validation?run=ft_2", "/training?run=ft_2", "/report?run=ft_2")


@pytest.fixture(scope="module")
def served(
    parts: topology.Addresses, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[watching.Served]:
    """A champion, a candidate that was rejected, one under way, and a hostile name."""
    import conftest  # the fixtures of this session are per test, this story is per module

    with conftest.database_of_its_own(parts, template) as url:
        engine = connect.engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            recorded.champion(connection)
            recorded.queued(
                connection, accounts.HOSTILE, state=runs.State.FAILED, error=accounts.HOSTILE
            )
            recorded.gated(connection, "ft_2", runs.State.REJECTED, "v2", "v1", recorded.BETTER)
        with engine.begin() as connection:
            recorded.queued(connection, "ft_3", state=runs.State.TRAINING, champion="v1")
            noted.put_metrics(connection, "ft_3", accounts.metrics())
        with watching.dashboard(url, tmp_path_factory.mktemp("boards")) as dashboard:
            yield dashboard


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_each_page_fits_runs_no_script_and_asks_for_nothing_foreign(
    served: watching.Served, browser: sync_api.Browser, path: str, width: int, scheme: Any
) -> None:
    with watching.watched(browser, served.url + path, width=width, scheme=scheme) as seen:
        assert seen.complaints == []
        assert {url.split("/")[2] for url in seen.asked} == {served.url.split("/")[2]}
        assert seen.page.evaluate("document.documentElement.scrollWidth") == width
        assert seen.page.locator("script, img").count() == 0
        shaded = seen.page.locator("td.hit")
        if "validation" in path:
            assert shaded.count() == 6
            colour = shaded.first.evaluate("cell => getComputedStyle(cell).backgroundColor")
            assert colour.startswith("rgba(0, 114, 178, 0.")


def test_one_walks_from_the_production_board_to_a_run_and_from_run_to_run(
    served: watching.Served, browser: sync_api.Browser
) -> None:
    with watching.watched(browser, served.url) as seen:
        page = seen.page
        assert page.get_by_role("link", name="its run").get_attribute("href") == (
            "/validation?run=ft_first"
        )
        page.get_by_role("link", name="Runs").click()
        assert page.locator("table.listed tbody tr").count() == 4
        page.locator("tr.champion").get_by_role("link", name="validation").click()
        assert page.locator("section.pair").count() == 6
        page.get_by_role("navigation", name="Runs").get_by_role("link", name="ft_3").click()
        assert "TRAINING" in page.locator("#now").inner_text()
        page.get_by_role("navigation", name="Boards").get_by_role("link", name="Training").click()
        assert page.locator("figure").count() == 9
        assert page.locator("figure svg[aria-label]").count() == 8
        page.get_by_role("navigation", name="Runs").get_by_role("link", name="ft_2").click()
        page.get_by_role("link", name="whole report").click()
        assert page.locator("h1").inner_text() == "Run ft_2"
        assert seen.complaints == []
