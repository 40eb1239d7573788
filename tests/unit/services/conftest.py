"""What several tests of the services need."""

from pathlib import Path

import pytest
import wordmodel


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that one can read: v1, v2, LOST and UNSIGNED (tests/wordmodel.py)."""
    return wordmodel.shelf(tmp_path_factory.mktemp("models"))
