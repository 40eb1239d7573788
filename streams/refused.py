"""Pure. Why Kafka does not let a client in, or do something: librdkafka's errors as one sentence,
cause; remedy. Never says the password.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streams.access import Access

HOW_TO: Final = "docs/how-to/use-a-secured-kafka.md"
_SECURITY: Final = "INTENTWATCH_KAFKA_SECURITY"
_SIGNED_OUT: Final = (
    "_AUTHENTICATION",
    "SASL_AUTHENTICATION_FAILED",
    "UNSUPPORTED_SASL_MECHANISM",
    "ILLEGAL_SASL_STATE",
)
_FORBIDDEN: Final = (
    "TOPIC_AUTHORIZATION_FAILED",
    "GROUP_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
)
# What passes by itself once brokers and network are well again.
_PASSES: Final = (
    "_ALL_BROKERS_DOWN",
    "_RESOLVE",
    "_TIMED_OUT",
    "_TRANSPORT",
    "_WAIT_COORD",
    "BROKER_NOT_AVAILABLE",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "COORDINATOR_NOT_AVAILABLE",
    "FENCED_LEADER_EPOCH",
    "KAFKA_STORAGE_ERROR",
    "LEADER_NOT_AVAILABLE",
    "NETWORK_EXCEPTION",
    "NOT_COORDINATOR",
    "NOT_CONTROLLER",
    "NOT_LEADER_FOR_PARTITION",
    "OFFSET_NOT_AVAILABLE",
    "REPLICA_NOT_AVAILABLE",
    "REQUEST_TIMED_OUT",
    "UNKNOWN_LEADER_EPOCH",
)


_CLOSED: Final = "Disconnected: "
_AT_ONCE: Final = "state APIVERSION_QUERY"
_NO_TLS: Final = "connecting to a PLAINTEXT broker listener"


@dataclass(frozen=True, slots=True)
class Error:
    """librdkafka's name of an error, and what it says of it."""

    name: str
    text: str

    @property
    def passes(self) -> bool:
        """Whether trying again may help."""
        return self.name in _PASSES

    @property
    def forbidden(self) -> bool:
        """Whether it is a right that is missing."""
        return self.name in _FORBIDDEN


_NOBODY_S: Final = 1.0  # nobody listens: perhaps he is about to


def worth_s(errors: Sequence[Error], patience_s: float) -> float:
    """How long it is worth to go on trying, given what was met. Seconds."""
    if any(error.name in (*_SIGNED_OUT, "_SSL") for error in errors):
        return 0.0
    known = ("Connection refused", "Failed to resolve", _CLOSED, _NO_TLS)
    if any(text in error.text for error in errors for text in known):
        return min(_NOBODY_S, patience_s)
    return patience_s


def words(access: Access, errors: Sequence[Error]) -> str:
    """Why no client gets in, by what its attempts met, the most telling first."""
    kafka = f"Kafka at {access.addresses}"
    for error in errors:
        if error.name in _SIGNED_OUT:
            return f"{kafka} {_signed_out(access, error.text)}"
        if error.name == "_SSL":
            return f"{kafka} {_untrusted(access, error.text)}"
    for error in errors:
        if _NO_TLS in error.text:
            cause = f"{kafka} does not speak TLS, which {_SECURITY}={access.security} does"
            return f"{cause}; set it to plaintext or sasl_plaintext, or name a listener with TLS"
        if _CLOSED in error.text and (_AT_ONCE in error.text or not access.signed_in):
            return f"{kafka} {_closed(access, error.text)}"

    cause = f"no Kafka broker answers at {access.addresses}"
    if any(error.name == "_RESOLVE" for error in errors):
        cause += ": that name is unknown here"
    return f"{cause}; check INTENTWATCH_KAFKA or run `make up`"


def _signed_out(access: Access, text: str) -> str:
    takes = re.search(r"(?:supported|enabled) mechanisms(?: are)?:? *\[?([A-Z][A-Z0-9, _-]*)", text)
    if takes:
        cause = f"does not take {access.mechanism}, it takes {takes[1].strip()}"
        return f"{cause}; set INTENTWATCH_KAFKA_SASL to one of these"
    if "handshake failed" in text:
        cause = f"signs nobody in, which {_SECURITY}={access.security} asks for"
        return f"{cause}; set it to plaintext or ssl, or name a listener with SASL"
    cause = f"does not let {access.who} in by {access.mechanism}"
    return f"{cause}; check INTENTWATCH_KAFKA_USER and INTENTWATCH_KAFKA_PASSWORD"


def _untrusted(access: Access, text: str) -> str:
    if "verify failed" not in text:
        return f"ends the TLS handshake ({_short(text)}); compare {_SECURITY} with its listener"
    by = f"INTENTWATCH_KAFKA_CA ({access.ca})" if access.ca else "this system"
    cause = f"shows a certificate that {by} does not vouch for, or that names another host"
    return f"{cause}; set INTENTWATCH_KAFKA_CA to the certificate of who has signed it"


def _closed(access: Access, text: str) -> str:
    """What a broker means that hangs up: before it has said anything it is another protocol that it
    expects, later it is a user.
    """
    chosen = f"{_SECURITY}={access.security}"
    if _AT_ONCE in text:
        cause = f"hangs up on {chosen} at once, as listeners with TLS do"
        other = "sasl_ssl" if access.signed_in else "ssl or sasl_ssl"
        return f"{cause}; set it to {other}, or name a listener without TLS"
    cause = f"hangs up on {access.who} ({chosen})"
    other = "sasl_ssl" if access.tls else "sasl_plaintext"
    return f"{cause}; it may want one: set {_SECURITY} to {other}"


def _short(text: str) -> str:
    """Without the client's name for its connection, and how long it took."""
    return re.sub(r"^\S+: |\s*\(after .*?\)", "", text)


def undone(access: Access, what: str, error: Error) -> str:
    """Why Kafka does not do what it was asked. `what`: an infinitive, with its topic or group."""
    kafka = f"Kafka at {access.addresses}"
    if error.forbidden:
        remedy = f"grant it that right ({HOW_TO} lists what each process needs)"
        return f"{kafka} does not let {access.who} {what}; {remedy}"
    cause = f"{kafka} does not {what} ({_short(error.text)})"
    if error.passes:
        return f"{cause}; try again"
    return f"{cause}; that does not pass by itself: look at the broker's log"
