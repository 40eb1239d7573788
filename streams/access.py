"""Pure. How one gets in to Kafka: the addresses, who one is, whose certificates one trusts; as the
options of the clients, and why they cannot be used, where they contradict each other.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_KAFKA: Final = "INTENTWATCH_KAFKA"
_SECURITY: Final = f"{_KAFKA}_SECURITY"
_CA: Final = f"{_KAFKA}_CA"


@dataclass(frozen=True, slots=True)
class Access:
    """As contract.md has it: addresses host:port,...; `security` plaintext | ssl | sasl_plaintext |
    sasl_ssl; `sasl` plain | scram-sha-256 | scram-sha-512. `ca`: a file with the certificates of
    who signs the brokers'; None: whom this system trusts.
    """

    addresses: str
    security: str = "plaintext"
    sasl: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security in ("ssl", "sasl_ssl")

    @property
    def signed_in(self) -> bool:
        """Whether the client says who it is."""
        return self.security in ("sasl_plaintext", "sasl_ssl")

    @property
    def mechanism(self) -> str:
        """Kafka's name of how it does so."""
        return (self.sasl or "").upper()

    @property
    def who(self) -> str:
        """For a sentence."""
        return f"user {self.user}" if self.signed_in else "a client without a user"

    def librdkafka(self) -> dict[str, Any]:
        """Options of confluent_kafka's clients.

        >>> Access("a:9092").librdkafka()
        {'bootstrap.servers': 'a:9092', 'security.protocol': 'plaintext'}
        """
        options = {"bootstrap.servers": self.addresses, "security.protocol": self.security}
        if self.signed_in:
            options["sasl.mechanism"] = self.mechanism
            options["sasl.username"] = str(self.user)
            options["sasl.password"] = str(self.password)
        if self.ca:
            options["ssl.ca.location"] = str(self.ca)
        return options

    def kafka_python(self) -> dict[str, Any]:
        """Options of kafka-python's clients.

        >>> Access("a:9092,b:9092").kafka_python()
        {'bootstrap_servers': ['a:9092', 'b:9092'], 'security_protocol': 'PLAINTEXT'}
        """
        options = self._named_alike()
        if self.ca:
            options["ssl_cafile"] = str(self.ca)
        return options

    def aiokafka(self, context: object) -> dict[str, Any]:
        """Options of aiokafka's clients. `context`: the ssl.SSLContext of brokers.context.

        >>> Access("a:9092").aiokafka(None)["ssl_context"] is None
        True
        """
        return self._named_alike() | {"ssl_context": context}

    def _named_alike(self) -> dict[str, Any]:
        """What both clients in Python call by one name."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security.upper(),
        }
        if self.signed_in:
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.user
            options["sasl_plain_password"] = self.password
        return options

    @property
    def servers(self) -> list[str]:
        """The addresses one by one."""
        return [address.strip() for address in self.addresses.split(",") if address.strip()]

    def complaint(self, *, production: bool) -> str | None:
        """Why no client can be made of this, in one line that names the variable; None where one
        can. Never says the password.

        >>> Access("a:9092", "sasl_ssl", "plain", "gateway").complaint(production=False)
        'INTENTWATCH_KAFKA_PASSWORD is not set; INTENTWATCH_KAFKA_SECURITY=sasl_ssl needs it'
        """
        if "://" in self.addresses:
            return f"{_KAFKA} is host:port,... without a protocol; {_SECURITY} says which it is"
        return self._of_the_user() or self._of_the_certificates() or self._in_clear(production)

    def _of_the_user(self) -> str | None:
        given = {"SASL": self.sasl, "USER": self.user, "PASSWORD": self.password}
        for name, value in given.items():
            variable = f"{_KAFKA}_{name}"
            if self.signed_in and not value:
                return f"{variable} is not set; {self._chosen} needs it"
            if value and not self.signed_in:
                return (
                    f"{variable} is set; {self._chosen} uses none, sasl_plaintext and sasl_ssl do"
                )
        return None

    def _of_the_certificates(self) -> str | None:
        if self.ca is None:
            return None
        if "-----BEGIN" in str(self.ca):
            return f"{_CA} is certificates; it has to be the name of the file that holds them"
        if not self.tls:
            return f"{_CA} is set; {self._chosen} uses none, ssl and sasl_ssl do"
        return None

    def _in_clear(self, production: bool) -> str | None:
        """A password that everybody on the way can read."""
        if not production or self.security != "sasl_plaintext" or self.sasl != "plain":
            return None
        cause = f"{self._chosen} sends the password of {_KAFKA}_SASL=plain in clear text"
        return f"{cause}; INTENTWATCH_MODE=production needs sasl_ssl, or scram-sha-512"

    @property
    def _chosen(self) -> str:
        return f"{_SECURITY}={self.security}"
