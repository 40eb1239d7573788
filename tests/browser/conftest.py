"""The browser of these tests."""

import shutil
from collections.abc import Iterator

import pytest
from playwright import sync_api


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    """The system's Chromium. It is part of the test's needs: without it the test fails, it never
    passes by.
    """
    executable = shutil.which("chromium")
    assert executable, "install chromium: apt-get install -y chromium"
    with sync_api.sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()
