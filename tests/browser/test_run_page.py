"""The page of a run in a real browser: at the desk and on a telephone, by day and in the dark."""

from pathlib import Path
from typing import Any

import accounts
import pytest
from playwright import sync_api

from retrain.train.report import page

INTENTS = [f"an_intent_with_a_long_name_{place}" for place in range(77)]
COUNTS = [[9 if i == j else (i * j) % 2 for j in range(77)] for i in range(77)]
LONG = "a_check_with_a_name_as_long_as_that_of_an_intent_of_another_shop"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_page_fits_and_asks_for_nothing(
    browser: sync_api.Browser, tmp_path: Path, width: int, scheme: Any
) -> None:
    known = accounts.told(
        accounts.run(error=accounts.HOSTILE, gates=(accounts.gate(LONG, 0.9, note=LONG),)),
        metrics=accounts.metrics(),
        checks=(accounts.check(LONG, 2.0, accounts.Level.ACT, remedy=accounts.HOSTILE),),
        validation=accounts.validated(INTENTS, COUNTS),
    )
    (tmp_path / "run.html").write_text(page.render(known))
    asked: list[str] = []
    said: list[str] = []
    seen = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen.on("request", lambda request: asked.append(request.url))
    seen.on("console", lambda message: said.append(message.text))
    seen.on("dialog", lambda dialog: said.append(dialog.message))

    seen.goto((tmp_path / "run.html").as_uri())

    assert asked == [(tmp_path / "run.html").as_uri()]
    assert said == []
    assert seen.evaluate("document.documentElement.scrollWidth") == width
    assert seen.locator("table.grid td.hit").count() == 77
    assert seen.locator("figure svg[aria-label]").count() == 11
    paper = seen.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 21, 21)")
    seen.close()
