"""Pure. The one list of the product's processes: the embedded topology, the tests and
docker-compose.yml all start these and no others.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Process:
    """A process in the order of the line. `command` follows the interpreter; `needs` names its
    variables; `port` the variable of its port.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...]
    after: tuple[str, ...] = ()
    port: str | None = None
    torch: bool = False
    one_shot: bool = False


PROCESSES: Final[tuple[Process, ...]] = (
    Process("migrate", ("-m", "alembic", "upgrade", "head"), ("DATABASE_URL",), one_shot=True),
    Process("provision", ("-m", "services.provision"), ("KAFKA",), one_shot=True),
    Process(
        "streams", ("-m", "streams", "worker"), ("KAFKA", "DATABASE_URL"), ("migrate", "provision")
    ),
    Process(
        "gateway",
        ("-m", "services.gateway"),
        ("KAFKA", "DATABASE_URL", "MODELS", "POLICY", "SPOOL"),
        ("migrate", "provision"),
        port="GATEWAY_PORT",
    ),
    Process("scheduler", ("-m", "services.scheduler"), ("DATABASE_URL", "POLICY"), ("migrate",)),
    Process(
        "retrain",
        ("retrain/run.py", "work"),
        ("DATABASE_URL", "MODELS", "POLICY"),
        ("migrate",),
        torch=True,
    ),
    Process(
        "notifier",
        ("-m", "services.notifier"),
        ("DATABASE_URL", "SLACK_TOKEN", "SLACK_CHANNEL", "SLACK_BASE_URL", "DASHBOARD_URL"),
        ("migrate",),
    ),
    Process(
        "dashboard",
        ("-m", "services.dashboard"),
        ("DATABASE_URL", "POLICY"),
        ("migrate",),
        port="DASHBOARD_PORT",
    ),
)


def named(name: str) -> Process:
    """One of them."""
    return next(process for process in PROCESSES if process.name == name)
