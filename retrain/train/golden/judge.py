"""Ask a candidate, and the champion beside it, the golden set."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from retrain.train.compile import session
from retrain.train.golden import judged, rows
from schemas import present

STEP: Final = "golden"  # of a run: what is kept of it


def strata(
    candidate: Path,
    champion: Path | None,
    sentences: Sequence[rows.Sentence],
) -> list[judged.OfStratum]:
    """How both answer, stratum by stratum. Their directories are verified before they are asked:
    raises manifest.BadArtefact.
    """
    mine = _answers(candidate, sentences)
    theirs = _answers(champion, sentences) if champion is not None else None
    return judged.strata(sentences, mine, theirs)


def _answers(directory: Path, sentences: Sequence[rows.Sentence]) -> list[str]:
    if not sentences:
        return []
    probabilities, _ = session.load(directory).classify([each.text for each in sentences])
    return [present.INTENTS[place] for place in probabilities.argmax(1).tolist()]


def detail(sentences: Sequence[rows.Sentence], told: Sequence[judged.OfStratum]) -> dict[str, Any]:
    """As JSON: what is kept of it."""
    kept = [dataclasses.asdict(each) for each in told]
    return {"sha256": rows.digest(sentences), "n": len(sentences), "strata": kept}
