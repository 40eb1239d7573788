"""docs/licences.md names what the lock files bring, and each licence as the installed library tells it."""

import importlib.metadata
import re

from requirements import licences


def told() -> dict[str, str]:
    """The licence of each library, as the page has it."""
    rows = re.findall(r"^\| (\S+) \| (.+?) \| .+? \|$", licences.PAGE.read_text(), flags=re.MULTILINE)
    return {library: licence for library, licence in rows if library != "library"}


def test_the_page_is_what_the_command_writes() -> None:
    assert licences.page(told()) == licences.PAGE.read_text()


def test_each_licence_is_the_installed_librarys_own() -> None:
    """Of those that are installed as locked: another Python, or the small torch, brings a few others."""
    installed = {each.name.lower().replace("_", "-").replace(".", "-"): each.version for each in importlib.metadata.distributions()}
    versions = {library: version for name in licences.SETS for library, version in licences.locked(name).items()}
    same = [library for library, version in versions.items() if installed.get(library) == version]
    assert len(same) > 100
    assert {library: licences.licence(library) for library in same} == {library: told()[library] for library in same}
