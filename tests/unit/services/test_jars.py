"""The broker's archives are exactly those of the lock file: another, an altered, a missing or one
more is refused by its name, and half a download is never taken for a cache.
"""

import hashlib
import re
from pathlib import Path

import pytest

from services.local import jars

ARCHIVES = {"a.jar": b"first", "b.jar": b"second"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def bundle(tmp_path: Path) -> jars.Bundle:
    """Two archives, and a lock file with a remark and an empty line."""
    lines = ["# made by hand", ""]
    lines += [f"{sha256(content)}  {name}" for name, content in ARCHIVES.items()]
    lock = tmp_path / "demo.lock"
    lock.write_text("\n".join(lines) + "\n")
    return jars.Bundle("demo-1", "A demo", (), lock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The archives as they were fetched."""
    made = tmp_path / "cache" / "demo-1"
    made.mkdir(parents=True)
    for name, content in ARCHIVES.items():
        (made / name).write_bytes(content)
    return made


def test_a_lock_file_names_archives_with_their_digests(bundle: jars.Bundle) -> None:
    assert jars.locked(bundle) == {"a.jar": sha256(b"first"), "b.jar": sha256(b"second")}


def test_the_brokers_own_lock_file_is_one() -> None:
    digests = jars.locked(jars.BROKER)

    assert f"kafka_2.13-{jars.VERSION}.jar" in digests
    assert f"kafka-clients-{jars.VERSION}.jar" in digests
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests.values())
    assert all(name.endswith(".jar") for name in digests)


def test_what_was_locked_passes(bundle: jars.Bundle, folder: Path) -> None:
    jars.check(folder, bundle)


def test_what_is_no_archive_is_nobodys_business(bundle: jars.Bundle, folder: Path) -> None:
    (folder / "LICENSE").write_text("x")

    jars.check(folder, bundle)


def test_an_altered_archive_is_named_with_both_digests(bundle: jars.Bundle, folder: Path) -> None:
    (folder / "b.jar").write_bytes(b"second!")

    with pytest.raises(jars.BadJar) as refused:
        jars.check(folder, bundle)

    assert str(refused.value) == (
        f"b.jar: sha256 {sha256(b'second!')}, demo.lock says {sha256(b'second')};"
        f" remove {folder.parent} and try again"
    )


def test_a_missing_archive_is_named(bundle: jars.Bundle, folder: Path) -> None:
    (folder / "a.jar").unlink()

    with pytest.raises(
        jars.BadJar, match=r"^a\.jar: sha256 missing, demo\.lock says [0-9a-f]{64};"
    ):
        jars.check(folder, bundle)


def test_an_archive_that_nobody_locked_is_named(bundle: jars.Bundle, folder: Path) -> None:
    (folder / "c.jar").write_bytes(b"stranger")

    with pytest.raises(jars.BadJar, match=r"^c\.jar: sha256 \w+, demo\.lock says no such file;"):
        jars.check(folder, bundle)


def test_of_several_the_first_by_name_is_told(bundle: jars.Bundle, folder: Path) -> None:
    for name in ARCHIVES:
        (folder / name).write_bytes(b"")

    with pytest.raises(jars.BadJar, match=r"^a\.jar"):
        jars.check(folder, bundle)


def test_a_folder_that_is_there_is_the_cache(bundle: jars.Bundle, folder: Path) -> None:
    """No network is asked: there is nothing to fetch of no coordinates."""
    assert jars.directory(folder.parent, bundle) == folder
