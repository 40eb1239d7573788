"""The README's pictures, taken anew: `python docs/images/take.py BOARD SLACK` with the two
addresses that `make demo KEEP=1` prints at its end.

Needs Chromium, as the browser tests do. The upper part of the board, and of the Slack page that of
the first incident whose model serves.
"""

import shutil
import sys
from pathlib import Path

from playwright import sync_api

HERE = Path(__file__).parent
SMALLER = 0.66  # under 200 kB, and still to be read


def take(board: str, slack: str) -> None:
    """Two PNG files beside this one."""
    with sync_api.sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        wide = browser.new_page(
            viewport={"width": 1120, "height": 1640}, device_scale_factor=SMALLER
        )
        wide.goto(board)
        wide.screenshot(path=HERE / "board.png")
        page = browser.new_page(viewport={"width": 820, "height": 900})
        page.goto(slack)
        place = (
            page.locator("article.message", has_text="believed cause")
            .filter(has_text="PROMOTED")
            .first.bounding_box()
        )
        assert place is not None, "no retrained model serves yet"
        clip: sync_api.FloatRect = {
            "x": place["x"],
            "y": place["y"],
            "width": place["width"],
            "height": min(place["height"], 590),
        }
        page.screenshot(path=HERE / "slack.png", full_page=True, clip=clip)
        browser.close()


if __name__ == "__main__":
    take(*sys.argv[1:])
