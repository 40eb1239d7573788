"""What INTENTWATCH_DATABASE_URL may be, and what is said of the rest: never the password."""

from pathlib import Path

import pytest

from schemas import settings
from streams import address

PASSWORD = "s3cret"


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        (
            "postgresql+psycopg://ada:s3cret@db:5433/shop",
            {"user": "ada", "password": "s3cret", "host": "db", "port": 5433, "dbname": "shop"},
        ),
        ("postgresql://ada@db/shop", {"user": "ada", "host": "db", "dbname": "shop"}),
        (
            "postgresql://ada:p%40ss%2Fw%3Ard%25@db/shop",
            {"user": "ada", "password": "p@ss/w:rd%", "host": "db", "dbname": "shop"},
        ),
        (
            "postgresql://ada@/shop?host=a:1&host=b:2&target_session_attrs=read-write",
            {
                "user": "ada",
                "dbname": "shop",
                "host": "a,b",
                "port": "1,2",
                "target_session_attrs": "read-write",
            },
        ),
        (
            "postgresql://ada@db/shop?sslmode=verify-full&sslrootcert=/ca.pem",
            {
                "user": "ada",
                "host": "db",
                "dbname": "shop",
                "sslmode": "verify-full",
                "sslrootcert": "/ca.pem",
            },
        ),
    ],
)
def test_an_address_is_what_psycopg_connects_with(text: str, parameters: dict[str, object]) -> None:
    assert address.parameters(address.read(text)) == parameters


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ""),
        ("localhost", ""),
        (f"mysql://ada:{PASSWORD}@db/shop", "its driver is mysql"),
        (f"postgresql+psycopg2://ada:{PASSWORD}@db/shop", "its driver is postgresql+psycopg2"),
        (f"postgresql+asyncpg://ada:{PASSWORD}@db/shop", "its driver is postgresql+asyncpg"),
        (f"postgres://ada:{PASSWORD}@db/shop", "its driver is postgres"),
        (f"nonsense+more://ada:{PASSWORD}@db/shop", "its driver is nonsense+more"),
        ("sqlite:///shop.db", "its driver is sqlite"),
        (f"postgresql://ada:{PASSWORD}@db:notaport/shop", ""),
        (f"postgresql://ada:{PASSWORD}@db:54 32/shop", ""),
        (f"postgresql://ada:{PASSWORD}@db/shop?colour=red", 'invalid connection option "colour"'),
        (f"postgresql://ada:{PASSWORD}@x@db/shop", "an @ in a password is written %40"),
        (f"postgresql://ada:{PASSWORD}\ud800@db/shop", ""),
    ],
)
def test_what_is_no_address_is_said_without_its_password(text: str, why: str) -> None:
    with pytest.raises(address.NotAnAddress, match="is not an address such as") as refused:
        address.read(text)
    assert str(refused.value).endswith(why or "host:5432/database")
    assert PASSWORD not in str(refused.value)


def test_an_address_in_a_file_is_the_files_of_now_and_half_of_one_is_not_taken(
    tmp_path: Path,
) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://ada:old@db/shop\n")
    source = address.Source(settings.SecretOfFile(str(file)))
    said = [source.parameters()["password"]]
    for text in ("postgresql://ada:new@db/shop", "postgre", "", "mysql://ada:no@db/shop"):
        file.write_text(text)
        said.append(source.parameters()["password"])
    file.unlink()
    said.append(source.parameters()["password"])
    file.write_bytes(b"\xff")
    said.append(source.parameters()["password"])
    assert said == ["old", "new", "new", "new", "new", "new", "new"]


def test_what_begins_as_no_address_is_refused_at_once() -> None:
    with pytest.raises(address.NotAnAddress):
        address.Source("postgre")
