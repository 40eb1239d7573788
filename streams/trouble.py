"""Pure. What stands between a process and its Postgres, in one sentence with its remedy: by the
server's SQLSTATE, or by libpq's words where no server has answered.
"""

import re
from dataclasses import dataclass
from typing import Final

from schemas import escaping, settings

NO_ANSWER: Final = "Postgres does not answer"
NO_TABLES: Final = "the database has no tables of intentwatch"
MIGRATE: Final = "run `alembic upgrade head`, or name the right database"
# Which revision a database has is asked first; one without that table is as good as empty.
_EMPTY: Final = 'relation "alembic_version" does not exist'
_URL: Final = "INTENTWATCH_DATABASE_URL"
_LOOK: Final = f"check {_URL} or run `make up`"
_ANOTHER: Final = f"create it, or name another one in {_URL}"
_PASSWORD: Final = f"put the right one into {_URL}, or into the file that holds it"
_FULL: Final = "raise the limit of the role, the server or the pooler, or end what is idle"

_DOWN, _AGAIN = settings.EXIT_DEPENDENCY, settings.EXIT_TRY_AGAIN
_ADDRESS, _DATA = settings.EXIT_CONFIGURATION, settings.EXIT_INTEGRITY
_NOBODY: Final = "-"  # the state of an error that no server has sent

# How a server, or a pooler before it, refuses a connection. libpq hands out their words and not
# their SQLSTATE; PgBouncer has one, 08P01, for nearly all that it says.
_REFUSED: Final = (
    ("28000", '"trust" authentication failed'),
    ("28P01", "password authentication failed|no password supplied|[Aa]uth(entication)? failed"),
    (
        "28000",
        "role .* does not exist|not permitted to log in|pg_hba.conf|no such user|SSL required",
    ),
    ("42501", "permission denied"),
    ("3D000", "database .* does not exist|no such database"),
    ("55000", "not currently accepting connections"),
    ("53300", "too many|connection slots|no more connections|query_wait_timeout"),
    ("57P03", "starting up|shutting down|in recovery mode|not (yet )?accepting connections"),
    ("25006", "session is read-only|server is in hot standby"),
    ("08P01", "startup parameter"),
)
_REJECTED: Final = "08004"  # the standard's code for a connection that the server rejects

# Code of the exit, a pattern of "SQLSTATE words", cause, remedy. The first that fits.
_RULES: Final = (
    (_DOWN, "^28P01", "Postgres refuses the password", _PASSWORD),
    (
        _DOWN,
        "^28.*(no encryption|SSL off|SSL required)",
        "Postgres lets this role in over TLS alone",
        f"add sslmode=require to {_URL}",
    ),
    (
        _DOWN,
        "^28",
        "Postgres does not let this role in",
        "create the role, or let it in from here in the server's pg_hba.conf",
    ),
    (_DOWN, "^3D000", "there is no such database", _ANOTHER),
    (
        _DOWN,
        "^55000.*accepting connections",
        "the database takes no connections",
        "let it take some again: alter database NAME allow_connections true",
    ),
    (_DOWN, "^53300|^08P01.*query_wait_timeout", "no connection is free", _FULL),
    (
        _DOWN,
        "^08P01.*startup parameter",
        "the pooler refuses a parameter of the address",
        f"take it out of {_URL}, or let the pooler ignore it (ignore_startup_parameters)",
    ),
    (_DOWN, "^08", "Postgres, or the pooler before it, refuses the connection", "read its log"),
    (_DOWN, "^57P", "Postgres is starting up, or shutting down", "try again when it is up"),
    (
        _DOWN,
        "^25006",
        "this Postgres is read-only, as a standby is",
        f"name the primary in {_URL}, or add target_session_attrs=read-write to it",
    ),
    (_DOWN, "^42501", "the role lacks a right", "grant it, or let the role own the tables"),
    (_DOWN, f"^42P01.*{_EMPTY}", "the database has no tables", "run `alembic upgrade head`"),
    (_DOWN, "^42P01|^42703|^3F000", NO_TABLES, MIGRATE),
    (
        _AGAIN,
        "^55P03|^40P01",
        "another session holds a lock on what this needs",
        "end that session, or try again",
    ),
    (_AGAIN, "^(25P|40|53|55|57|58|XX000)", "Postgres has not done it", "try again"),
    (_DATA, "^(22|23)", "Postgres cannot keep a value", "mend what was handed in"),
    (
        _DOWN,
        "^[0-9A-Z]{5}",
        "Postgres cannot do what it was asked",
        "run the version of intentwatch that this database is for",
    ),
    (_DOWN, "could not translate host name|resolve host", "there is no such host", _LOOK),
    (
        _DOWN,
        "does not support SSL",
        "the server offers no TLS, and sslmode demands it",
        f"let the server offer it, or change sslmode in {_URL}",
    ),
    (
        _DOWN,
        "certificate verify failed",
        "no authority that is trusted here has signed the server's certificate",
        f"name the file of the right one as sslrootcert in {_URL}",
    ),
    (
        _DOWN,
        "does not match host name",
        "the server's certificate is another host's",
        f"name the host in {_URL} as its certificate does",
    ),
    (
        _DOWN,
        "invalid response|expected authentication request|unexpected message",
        "what answers there is no Postgres",
        _LOOK,
    ),
    (
        _ADDRESS,
        "invalid|bad value|may not be used|could not match|file .* does not exist|could not read",
        f"{_URL} cannot be used",
        "mend what it says there",
    ),
    (_DOWN, "", NO_ANSWER, _LOOK),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, what to do about it, and the exit code of a process that cannot go on."""

    cause: str
    remedy: str
    code: int

    @property
    def sentence(self) -> str:
        """As a process says it when it ends."""
        return f"{self.cause}; {self.remedy}"


def of(code: str | None, words: str) -> Trouble:
    """What an error means. `code`: the server's SQLSTATE, None where none has answered.

    >>> of("53300", 'FATAL:  too many connections for role "ada"').cause
    'no connection is free (too many connections for role "ada")'
    >>> of(None, 'connection to server at "::1", port 1 failed: Connection refused').cause
    'Postgres does not answer ("::1", port 1: Connection refused)'
    """
    told = f"{code or _NOBODY} {words}"
    for ending, pattern, cause, remedy in _RULES:
        if re.search(pattern, told, re.DOTALL):
            said_so = f" ({said(words)})" if words and _EMPTY not in words else ""
            return Trouble(cause + said_so, remedy, ending)
    raise AssertionError("the last rule fits everything")


def state(words: str) -> str | None:
    """The SQLSTATE of a refused connection, by what was said; None where no server has answered. In
    a language that is not known here it is `08004`, and the words are all the more worth telling.

    >>> state('connection to server at "::1", port 1 failed: FATAL:  database "a" does not exist')
    '3D000'
    >>> state('connection to server at "::1", port 1 failed: FATAL:  Rolle »a« existiert nicht')
    '08004'
    >>> state('connection to server at "::1", port 1 failed: Connection refused') is None
    True
    """
    *_, last = re.split("failed: ", words)
    for code, pattern in _REFUSED:
        if re.search(pattern, last):
            return code
    severity = re.match(r"\S+:  ", last)
    return _REJECTED if severity else None


def said(words: str) -> str:
    """The server's or libpq's own words, in one line: of several tries the last.

    >>> said("the first line\\nand the statement")
    'the first line'
    """
    tries = re.findall(r"connection to server (?:at|on socket) (.+) failed: (.+)", words)
    if tries:
        place, why = tries[-1]
        first = f"{place}: {_bare(why)}"
    else:
        first, *_ = words.splitlines() or [""]
        first = _bare(first)
    return escaping.printable(first)[:300]


def _bare(words: str) -> str:
    """Without the severity, which is in the server's language."""
    return re.sub(r"^(connection (failed|is bad): )?(\S+:  )?", "", words).strip()
