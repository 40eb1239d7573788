"""Addresses and secrets from the environment, nothing else. Thresholds live in policy.py,
hyper-parameters in retrain/train/recipe.py.
"""

import contextlib
import difflib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NoReturn, Self, get_args

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas import policy, topics

PREFIX = "INTENTWATCH_"
EXIT_CONFIGURATION = 3
EXIT_DEPENDENCY = 4
EXIT_INTEGRITY = 5
EXIT_FENCED = 7
EXIT_TRY_AGAIN = 75
EXIT_INTERRUPTED = 130

# Of two names' letters the share that agrees in order; beyond it one is the other misspelt.
_NEARLY = 0.85


class SecretOfFile(SecretStr):
    """A secret that stands in a file: whoever asks again gets what stands there by then, so that a
    new password needs no restart. While the file holds nothing readable, what it held before.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_content(path))
        self._path = path

    def get_secret_value(self) -> str:
        """The secret as it is now."""
        with contextlib.suppress(OSError, ValueError):
            self._secret_value = _content(self._path) or self._secret_value
        return self._secret_value


class Settings(BaseSettings):
    """One field per variable of the contract. `X_FILE` names a file that holds X."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    kafka: str | None = None
    # How one gets in to Kafka: streams/access.py says which of these go together.
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    kafka_sasl: Literal["plain", "scram-sha-256", "scram-sha-512"] | None = None
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca: Path | None = None
    database_url: SecretStr | None = None
    policy: Path | None = None
    recipe: Path | None = None
    taxonomy: Path | None = None  # schemas.present has read it before anything else
    models: Path = Path(".local/models")
    # The interpreter that has torch_neuronx, which needs another torch than ours.
    neuron_python: Path | None = None
    # Of which messages people are asked. Without it each gateway draws one of its own at its start.
    sampling_secret: SecretStr | None = None
    # Where else the numbers of a run go: a directory, and the address of a tracking server.
    tensorboard: Path | None = None
    mlflow: str | None = None
    mode: Literal["dev", "production"] = "dev"
    test_clock: bool = False
    log_format: Literal["line", "json"] = "line"
    slack_token: SecretStr | None = None
    slack_channel: str = "#ml-on-call"
    slack_signing_secret: SecretStr | None = None
    slack_base_url: str | None = None
    # A container listens on all of its own interfaces, and its ports are published on the host's
    # loopback.
    bind: str = "127.0.0.1"
    gateway_port: int = Field(8080, ge=1, le=65535)
    dashboard_port: int = Field(8081, ge=1, le=65535)
    # What a caller has to show as `Authorization: Bearer ...`; without one nobody has to.
    gateway_token: SecretStr | None = None
    dashboard_token: SecretStr | None = None
    tls_cert: Path | None = None  # PEM; with it gateway and dashboard speak TLS alone
    tls_key: Path | None = None
    dashboard_url: str | None = None  # where people reach it: messages link to it
    topic: str = topics.SERVING_LOG.name  # tests read a topic of their own
    # Stock: Faust's own, record by record; slower, for the day a new Faust breaks ours.
    transport: Literal["chunk", "stock"] = "chunk"
    # A stable name: this worker, started again, takes its partitions back without a rebalance.
    worker_id: str | None = None
    test_failpoint: str | None = None  # streams/worker/failpoints.py

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, object]) -> dict[str, object]:
        for field, declared in cls.model_fields.items():
            path = os.environ.get(f"{_variable(field)}_FILE")
            if path and field not in values:
                is_secret = SecretStr in get_args(declared.annotation)
                values[field] = SecretOfFile(path) if is_secret else _content(path)
        return values

    @field_validator(
        "kafka_security", "kafka_sasl", "kafka_user", "kafka_password", "kafka_ca", mode="before"
    )
    @classmethod
    def _not_set(cls, value: object, info: ValidationInfo) -> object:
        """docker-compose.yml hands on what nobody has set as an empty string."""
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @field_validator("kafka_security", "kafka_sasl", mode="before")
    @classmethod
    def _in_any_case(cls, value: object) -> object:
        """Brokers and other clients write SASL_SSL and SCRAM-SHA-512."""
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _tokens_are_some(self) -> Self:
        for field in ("gateway_token", "dashboard_token"):
            token: SecretStr | None = getattr(self, field)
            if token is not None and not token.get_secret_value().strip():
                raise ValueError(f"{_variable(field)} is empty; unset it, and none is asked for")
        return self

    @model_validator(mode="after")
    def _production_is_complete(self) -> Self:
        if self.mode != "production":
            return self

        needs = "INTENTWATCH_MODE=production needs"
        for field in ("kafka", "database_url", "slack_token", "slack_signing_secret"):
            value = getattr(self, field)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()  # an empty secret is none, either
            if not value:
                raise ValueError(f"{_variable(field)} is not set; {needs} it")
        if self.slack_base_url and not self.slack_base_url.lower().startswith("https://"):
            clear = "would send the token in clear text"
            raise ValueError(f"{_variable('slack_base_url')} {clear}; {needs} https://")
        for field in ("test_clock", "test_failpoint"):
            if getattr(self, field):
                raise ValueError(f"{_variable(field)} is refused with INTENTWATCH_MODE=production")
        return self


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def refuse(cause: str, code: int = EXIT_CONFIGURATION) -> NoReturn:
    """End the process with one line on stderr and the contract's exit code."""
    print(f"intentwatch: {cause}", file=sys.stderr)
    raise SystemExit(code)


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error.reason}") from error


def key(secret: SecretStr | None) -> bytes | None:
    """A secret as the bytes of a key; None where none is set, or an empty one."""
    text = secret.get_secret_value() if secret else ""
    return text.encode() or None


def misspelt(names: Iterable[str]) -> str | None:
    """What is wrong with the first name that is nearly one of ours; None where nothing is.

    Others that begin like ours are let be: Kubernetes sets INTENTWATCH_GATEWAY_SERVICE_HOST and its
    like.

    >>> misspelt(["INTENTWATCH_POLICY", "INTENTWATCH_GATEWAY_SERVICE_HOST", "INTENTWATCH_POLICYY"])
    'unknown variable INTENTWATCH_POLICYY; the nearest known one is INTENTWATCH_POLICY'
    """
    ours = [field.upper() for field in Settings.model_fields]
    ours += [f"{name}_FILE" for name in ours]
    for name in sorted(names):
        upper = name.upper()
        own = upper.removeprefix(PREFIX)
        if own == upper or own in ours:
            continue
        nearest = difflib.get_close_matches(own, ours, n=1, cutoff=_NEARLY)
        if nearest:
            return f"unknown variable {name}; the nearest known one is {PREFIX}{nearest[0]}"
    return None


def rules(loaded: Settings) -> policy.Policy:
    """The policy that INTENTWATCH_POLICY names, or the default. Ends with exit 3 and one line where
    it cannot be used.
    """
    try:
        return policy.load(loaded.policy)
    except policy.PolicyError as error:
        refuse(str(error))


def load(*needs: str) -> Settings:
    """Read the environment; `needs` names fields this process cannot do without. Exit 3 with one
    line otherwise. The host's zone is left at this door.
    """
    os.environ["TZ"] = "UTC"
    time.tzset()
    complaint = misspelt(os.environ)  # a misspelt policy would be no policy, silently
    if complaint:
        refuse(complaint)
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"{_variable(str(part))}: " for part in first["loc"])
        cause = first["msg"].removeprefix("Value error, ")
        refuse(f"{field}{cause}")
    except OSError as error:
        cause = f"cannot read {error.filename}: {error.strerror}"
        refuse(f"{cause}; check the INTENTWATCH_*_FILE variables")

    for field in needs:
        if getattr(settings, field) is None:
            up = "run `python -m services.local up` and paste its export lines"
            kept = "`. .local/demo/env` beside `make demo KEEP=1`"
            refuse(f"{_variable(field)} is not set; {up}, {kept}, or point it at your own")
    return settings


@contextlib.contextmanager
def readable_in_part() -> Iterator[None]:
    """Whoever reads stdout may stop at any line (`| head`): the rest is not needed then, and the
    exit is 0.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
