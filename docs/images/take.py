"""The README's pictures, taken anew: `python docs/images/take.py BOARD SLACK` with the two addresses that `make demo KEEP=1` prints.

Needs Chromium, as the browser tests do. The board from its top; of the Slack page the message whose retrained model serves.
"""

import shutil
import sys
from pathlib import Path

from playwright import sync_api

HERE = Path(__file__).parent


def take(board: str, slack: str) -> None:
    """Two PNG files beside this one."""
    with sync_api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 860}, color_scheme="light")
        page.goto(board)
        page.screenshot(path=HERE / "board.png")
        page.goto(slack)
        page.screenshot(path=HERE / "slack.png")
        browser.close()


if __name__ == "__main__":
    take(*sys.argv[1:])
