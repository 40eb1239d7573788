"""A champion that is damaged: who answers in its place, what is said, and what is never loaded.

The models are real ones of one word an intent (tests/wordmodel.py).
"""

import contextlib
import hashlib
import shutil
from pathlib import Path

import ends
import pytest
import wordmodel

from retrain.train.compile import manifest
from services.gateway import store
from services.gateway.follow import Follower, Refused
from streams import database

NAMES = [
    "../evil/v3",
    "v1/../../evil",
    "/etc",
    "",
    ".",
    "v",
    "v1 ",
    "v1\n",
    "V1",
    "v-1",
    "v１",
    ".ft_2026",
    "v" + "1" * 40,
]


class Named(Follower):
    """A follower whose database names what the test says."""

    def __init__(self, models: Path, *versions: store.Version, **more: bool) -> None:
        self.versions = list(versions)
        engine = database.engine(ends.NOWHERE)
        super().__init__(engine, models, "champion", lambda _: self.versions, **more)

    def look_at(self, now: float) -> str | None:
        """The model that answers after a look at `now`."""
        with contextlib.suppress(Refused):
            self.follow(self.versions, now)
        return self.session.model if self.session else None


@pytest.fixture
def shelf(models: Path, tmp_path: Path) -> Path:
    """A copy of the models that a test may damage."""
    return Path(shutil.copytree(models, tmp_path / "models"))


def damaged(models: Path, model: str) -> None:
    path = models / model / "labels.json"
    path.write_bytes(path.read_bytes()[:-1] + b" ")


def unregistered(*names: str) -> list[store.Version]:
    return [wordmodel.version(name) for name in names]


def test_at_a_start_with_a_damaged_champion_the_newest_whole_one_of_before_answers(
    shelf: Path,
) -> None:
    damaged(shelf, "v2")
    one = Named(shelf, *unregistered("v2", wordmodel.UNSIGNED, "v404", "v1"))

    assert one.look_at(0.0) == "v1"
    assert one.refused is not None
    assert "champion v2 is refused" in one.refused
    assert "labels.json" in one.refused


def test_the_champion_answers_as_soon_as_it_is_whole_again(shelf: Path, models: Path) -> None:
    damaged(shelf, "v2")
    one = Named(shelf, *unregistered("v2", "v1"))
    one.look_at(0.0)
    shutil.copytree(models / "v2", shelf / "v2", dirs_exist_ok=True)

    assert one.look_at(0.5) == "v1", "it is not tried again yet"
    assert one.look_at(1.5) == "v2"
    assert one.refused is None


def test_none_stands_in_for_a_champion_while_another_answers(shelf: Path) -> None:
    one = Named(shelf, *unregistered("v1"))
    one.look_at(0.0)
    damaged(shelf, "v1")
    one.versions = unregistered(wordmodel.UNSIGNED, "v2", "v1")

    assert one.look_at(1.0) == "v1", "what answers goes on, from memory"
    assert one.refused is not None


def test_a_rollback_to_the_one_that_stands_in_ends_the_refusal(shelf: Path) -> None:
    one = Named(shelf, *unregistered(wordmodel.UNSIGNED, "v1"))
    one.look_at(0.0)
    one.versions = unregistered("v1", wordmodel.UNSIGNED)

    assert one.look_at(0.1) == "v1"
    assert one.refused is None


def test_where_no_model_is_whole_none_answers_and_the_reason_is_the_champions(shelf: Path) -> None:
    one = Named(shelf, *unregistered("v404", wordmodel.UNSIGNED))

    assert one.look_at(0.0) is None
    assert one.refused is not None
    assert "v404" in one.refused


def test_no_candidate_stands_in(shelf: Path) -> None:
    one = Named(shelf, *unregistered("v404"))
    one.role = "shadow"

    assert one.look_at(0.0) is None


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_name_is_never_loaded_wherever_it_leads(shelf: Path, name: str) -> None:
    wordmodel.written(shelf.parent / "evil" / "v3")
    one = Named(shelf, *unregistered(name))

    assert one.look_at(0.0) is None
    assert one.refused is not None
    assert "is no model's name" in one.refused


def test_a_model_that_is_a_link_is_refused(shelf: Path) -> None:
    outside = wordmodel.written(shelf.parent / "evil" / "v3")
    (shelf / "v3").symlink_to(outside, target_is_directory=True)

    with pytest.raises(manifest.BadArtefact, match="link"):
        manifest.directory(shelf, "v3")


def test_a_folder_of_a_model_that_is_a_link_is_refused_though_its_files_are_the_same(
    shelf: Path,
) -> None:
    compiled = shelf / "v1" / "compiled"
    elsewhere = shelf.parent / "elsewhere"
    shutil.move(compiled, elsewhere)
    compiled.symlink_to(elsewhere, target_is_directory=True)

    with pytest.raises(manifest.BadArtefact, match="compiled"):
        manifest.verify(shelf / "v1")


def test_another_model_under_this_name_is_refused_though_it_is_whole_and_signed(
    shelf: Path,
) -> None:
    """A silent downgrade: v1 lies where v4 was registered."""
    shutil.copytree(shelf / "v1", shelf / "v4")
    one = Named(shelf, store.Version("v4", "0" * 64), *unregistered("v2"))

    assert one.look_at(0.0) == "v2"
    assert one.refused is not None
    assert "another model lies under this name" in one.refused


def test_the_one_on_record_is_served(shelf: Path) -> None:
    body = (shelf / "v1" / manifest.MANIFEST).read_bytes()
    one = Named(shelf, store.Version("v1", hashlib.sha256(body).hexdigest()))

    assert one.look_at(0.0) == "v1"


def test_in_production_a_model_that_nobody_registered_is_refused(shelf: Path) -> None:
    one = Named(shelf, *unregistered("v1"), registered_only=True)

    assert one.look_at(0.0) is None
    assert one.refused is not None
    assert "is not in the registry" in one.refused
