"""All that is known here of the product: its commands, and the few functions no command stands for.

Who moves one of them mends it here.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.decisions import scenario
from services.local import topology

# The last bit of a logarithm is another one where the processor has AVX-512 (numpy) or no FMA (libm),
# and every digit is in a decision's sha256. Without either all processors of this architecture agree.
SAME_EVERYWHERE = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable",
}
ROOT = Path(__file__).parents[2]


def run(argv: Sequence[str], environment: Mapping[str, str], may: Sequence[int] = (0,)) -> str:
    """What a command of the product prints. Raises RuntimeError where it ends otherwise than it may."""
    everywhere = topology.inherited() | SAME_EVERYWHERE | environment
    done = subprocess.run([sys.executable, *argv], cwd=ROOT, env=everywhere, capture_output=True, text=True, check=False)
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
