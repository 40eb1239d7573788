"""`python -m services.local up [--dir D]`: the embedded Kafka and PostgreSQL in the foreground
until SIGTERM or Ctrl-C.
"""

import argparse
import signal
import sys
from pathlib import Path

from schemas import settings
from services import provision
from services.local import ending, jars, supervisor, topology
from streams import brokers


def up(directory: Path | None) -> None:
    """Start, print the export lines and `# ready`, wait."""
    with topology.embedded(directory) as (addresses, _):
        topology.prepare(addresses)
        for name, value in addresses.environment().items():
            print(f"export {name}={value}")
        print("# ready", flush=True)
        print("intentwatch: Kafka and PostgreSQL are up; Ctrl-C stops them", file=sys.stderr)
        signal.pause()


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog="python -m services.local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser(
        "up", help="start Kafka and PostgreSQL on free loopback ports, migrated and provisioned"
    )
    start.add_argument(
        "--dir",
        type=Path,
        help="keep the data here; without it a temporary directory is used and removed",
    )
    arguments = parser.parse_args()
    if settings.load().mode == "production":
        settings.refuse(
            "INTENTWATCH_MODE=production refuses the embedded Kafka and PostgreSQL;"
            " set INTENTWATCH_KAFKA and INTENTWATCH_DATABASE_URL to your own"
        )
    try:
        with ending.terminable(0):
            up(arguments.dir)
    except KeyboardInterrupt:
        ending.last_steps()
        raise SystemExit(settings.EXIT_INTERRUPTED) from None
    except topology.InUse as error:
        settings.refuse(str(error), settings.EXIT_TRY_AGAIN)
    except (
        supervisor.NotReady,
        topology.LeftBehind,
        jars.BadJar,
        brokers.Unreachable,
        brokers.Refused,
        provision.Mismatch,
    ) as error:
        settings.refuse(str(error), settings.EXIT_DEPENDENCY)


if __name__ == "__main__":
    main()
