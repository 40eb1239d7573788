"""Each trouble with Postgres in a sentence of its own, with its remedy and exit code: by the
server's code, or by libpq's words where there is none.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import trouble

AT = 'connection failed: connection to server at "10.0.0.7", port 5432 failed: '


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ('FATAL:  password authentication failed for user "ada"', "28P01"),
        ("fe_sendauth: no password supplied", "28P01"),
        ("FATAL:  SASL authentication failed", "28P01"),
        ('FATAL:  role "ada" does not exist', "28000"),
        ('FATAL:  role "ada" is not permitted to log in', "28000"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "ada", no encryption', "28000"),
        ("FATAL:  no such user", "28000"),
        ('FATAL:  database "shop" does not exist', "3D000"),
        ("FATAL:  no such database: shop", "3D000"),
        ('FATAL:  permission denied for database "shop"', "42501"),
        ('FATAL:  too many connections for role "ada"', "53300"),
        ("FATAL:  sorry, too many clients already", "53300"),
        ("FATAL:  remaining connection slots are reserved for roles with SUPERUSER", "53300"),
        ("FATAL:  no more connections allowed (max_client_conn)", "53300"),
        ("FATAL:  the database system is starting up", "57P03"),
        ("FATAL:  the database system is not yet accepting connections", "57P03"),
        ("session is read-only", "25006"),
        ("FATAL:  unsupported startup parameter: options", "08P01"),
        # A language that is not known here.
        ("VERHÄNGNISVOLL:  Passwort-Authentifizierung fehlgeschlagen", "08004"),
        ("Connection refused\n\tIs the server running on that host?", None),
        ("timeout expired", None),
    ],
)
def test_a_refused_connection_has_the_code_that_the_server_gave_it(
    words: str, code: str | None
) -> None:
    assert trouble.state(AT + words) == code


def test_of_several_tries_the_last_counts() -> None:
    words = f"{AT}Connection refused\n{AT}FATAL:  no such database: shop"
    assert trouble.state(words) == "3D000"
    assert trouble.said(words) == '"10.0.0.7", port 5432: no such database: shop'


@pytest.mark.parametrize(
    ("code", "words", "cause", "exit_code"),
    [
        ("28P01", "", "Postgres refuses the password", 4),
        ("28000", "", "Postgres does not let this role in", 4),
        ("28000", AT + "FATAL:  no pg_hba.conf entry, no encryption", "over TLS alone", 4),
        ("3D000", "", "there is no such database", 4),
        ("53300", "", "no connection is free", 4),
        ("57P03", "", "Postgres is starting up, or shutting down", 4),
        ("57P01", "", "Postgres is starting up, or shutting down", 4),
        ("25006", "", "this Postgres is read-only", 4),
        ("42501", "permission denied for table outbox", "the role lacks a right", 4),
        ("42P01", "", "the database has no tables of intentwatch", 4),
        ("08P01", "unsupported startup parameter: options", "a parameter of the address", 4),
        ("08P01", "server login failed", "the pooler before it, refuses the connection", 4),
        ("55P03", "", "another session holds a lock", 75),
        ("40P01", "", "another session holds a lock", 75),
        ("57014", "", "Postgres has not done it", 75),
        ("53100", "", "Postgres has not done it", 75),
        ("22P05", "", "Postgres cannot keep a value", 5),
        ("42601", "", "Postgres cannot do what it was asked", 4),
        (None, AT + "Connection refused", "Postgres does not answer", 4),
        (None, "connection timeout expired", "Postgres does not answer", 4),
        (None, "no answer within 75 s", "Postgres does not answer", 4),
        (None, "failed to resolve host 'db.invalid': [Errno -2]", "there is no such host", 4),
        (None, 'could not translate host name "db" to address', "there is no such host", 4),
        (None, AT + "server does not support SSL, but SSL was required", "offers no TLS", 4),
        (None, AT + "SSL error: certificate verify failed", "no authority that is trusted", 4),
        (
            None,
            AT + 'server certificate for "a" does not match host name "b"',
            "is another host's",
            4,
        ),
        (None, AT + "received invalid response to SSL negotiation: H", "is no Postgres", 4),
        (None, 'connection is bad: invalid sslmode value: "on"', "cannot be used", 3),
        (None, 'connection is bad: invalid port number: "70000"', "cannot be used", 3),
        (None, AT + 'root certificate file "/ca" does not exist', "cannot be used", 3),
    ],
)
def test_each_trouble_has_a_sentence_and_an_exit_code_of_its_own(
    code: str | None, words: str, cause: str, exit_code: int
) -> None:
    told = trouble.of(code, words)
    assert cause in told.sentence
    assert told.code == exit_code
    assert told.remedy


@given(st.none() | st.text("0123456789ABCDEFGHP", min_size=5, max_size=5), st.text())
def test_whatever_a_server_says_it_is_one_line_that_a_terminal_may_show(
    code: str | None, words: str
) -> None:
    sentence = trouble.of(code, words).sentence
    assert len(sentence.splitlines()) == 1
    assert sentence.isprintable()
