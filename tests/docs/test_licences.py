"""docs/licences.md names what the lock files bring, each licence as the library itself tells it."""

import importlib.metadata
import re

from requirements import licences


def told() -> dict[str, str]:
    """The licence of each library, as the page has it."""
    rows = re.findall(
        r"^\| (\S+) \| (.+?) \| .+? \|$", licences.PAGE.read_text(), flags=re.MULTILINE
    )
    return {library: licence for library, licence in rows if library != "library"}


def test_the_page_is_what_the_command_writes() -> None:
    assert licences.page(told()) == licences.PAGE.read_text()


def test_each_licence_is_the_installed_librarys_own() -> None:
    """Of those installed as locked: another Python, or the small torch, brings a few others."""
    installed = {}
    for each in importlib.metadata.distributions():
        installed[re.sub(r"[-_.]+", "-", each.name).lower()] = each.version
    versions: dict[str, str] = {}
    for name in licences.SETS:
        versions |= licences.locked(name)
    same = [library for library, version in versions.items() if installed.get(library) == version]
    assert len(same) > 100
    on_the_page = told()
    assert [each for each in same if licences.licence(each) != on_the_page[each]] == []
