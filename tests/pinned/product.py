"""All that is known here of the product: its commands, and the few functions no command stands for.

Who moves one of them mends it here.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import past
import sqlalchemy as sa

from pinned import scenario
from schemas import settings
from services.local import topology
from services.local.demo import __main__ as demo
from services.local.demo import invent, story
from streams import connect, sample

# The last bit of a logarithm is another one where the processor has AVX-512 (numpy) or no FMA
# (libm),
# and every digit is in a decision's sha256. Without either all processors of this architecture
# agree.
SAME_EVERYWHERE = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable",
}
ROOT = Path(__file__).parents[2]


def run(argv: Sequence[str], environment: Mapping[str, str], may: Sequence[int] = (0,)) -> str:
    """What a command of the product prints. Raises RuntimeError where it ends otherwise than it
    may.
    """
    everywhere = {**topology.inherited(), **SAME_EVERYWHERE, **environment}
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env=everywhere,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in may:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def replayed(arguments: Sequence[str], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The decisions of a replay, oldest first; 10 says that there is a retrain among them."""
    printed = run(["retrain/run.py", "replay", "--json", *arguments], environment, may=(0, 10))
    return [json.loads(line) for line in printed.splitlines()]


def incident(kind: str, seed: int, days: int, onset_day: float) -> scenario.History:
    """The logs and labels of a simulated incident."""
    told = scenario.Scenario(kind, seed, size=0.9, onset_day=onset_day, days=days)
    return scenario.history(told)


@contextlib.contextmanager
def databases(*names: str) -> Iterator[list[str]]:
    """URLs of empty, migrated databases, on servers of their own."""
    with topology.embedded() as (addresses, _):
        root = sa.make_url(addresses.database_url)
        made = connect.engine(addresses.database_url, isolation_level="AUTOCOMMIT")
        with made.connect() as connection:
            for name in names:
                connection.execute(sa.text(f"create database {name}"))
        made.dispose()
        urls = [root.set(database=name).render_as_string(hide_password=False) for name in names]
        for url in urls:
            topology.migrate(url)
        yield urls


def environment(url: str) -> dict[str, str]:
    """What a command needs to find that database."""
    return {settings.PREFIX + "DATABASE_URL": url}


def engine(url: str) -> sa.Engine:
    """Connections to a database, which reckon in UTC whatever its zone."""
    return connect.engine(url)


def count(on: sa.Engine, logs: Sequence[dict[str, Any]]) -> None:
    """Count serving logs and roll them up, after those of before."""
    past.count(on, logs)


def demo_story() -> story.Story:
    """The demo's short story at half its volume: its days' kinds and messages, and what the first
    model trains on.
    """
    days, most = story.SHORT_DAYS, story.SHORT_A_DAY // 2
    return story.plan(*invent.tables(demo.SEED), seed=demo.SEED, days=days, most=most)


def demo_policy() -> str:
    """Where the demo's policy stands."""
    return str(Path(demo.__file__).with_name("policy.toml"))


def sampled(
    req_id: str, intent: str, confidence: float, a_day: int, budget: int
) -> dict[str, Any] | None:
    """Whether the gateway would ask what this message meant; without its text."""
    margin = max(0.0, 2 * confidence - 1)
    chosen = sample.choice(
        req_id,
        intent,
        confidence,
        margin,
        0.0,
        volume_per_day=a_day,
        budget_per_day=budget,
        min_p=0.002,
    )
    return None if chosen is None else {"queue": chosen.queue, "p": chosen.p}
