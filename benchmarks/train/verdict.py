"""Pure. What the quality part comes to: mean and spread over the seeds, each target with what is
reached, and both as tables.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = Mapping[str, Any]
Spread = dict[str, float | None]
FIGURES: Final = ("accuracy", "macro_f1", "rare_recall", "ece", "later", "new", "wall_s", "cpu_s")
_SEED_P: Final = 0.01


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed at, and what is reached; `met` is None where it was not measured."""

    what: str
    aim: str
    reached: str
    met: bool | None


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation; none of a single value.

    >>> spread([1.0, 3.0])
    {'mean': 2.0, 'sd': 1.4142135623730951}
    """
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "sd": sd}


def seeds(n: int) -> str:
    """So many, in words.

    >>> seeds(1), seeds(3)
    ('1 seed', '3 seeds')
    """
    return f"{n} seed" if n == 1 else f"{n} seeds"


def judged(taken: Sequence[Row]) -> dict[str, Any]:
    """`quality` by contestant, and `paired` by the two that are compared and by what rows."""
    quality, paired = {}, {}
    for name in _names(taken, "quality"):
        rows = _rows(taken, "quality", name)
        quality[name] = {of: spread([row[of] for row in rows]) for of in FIGURES}
    for name in _names(taken, "paired"):
        by_rows: dict[str, Any] = {}
        for row in _rows(taken, "paired", name):
            each = by_rows.setdefault(row["on"], {"differences": [], "p": [], "intervals": []})
            each["differences"].append(row["difference"])
            each["intervals"].append([row["low"], row["high"]])
            each["p"].append(row["p"])
        paired[name] = by_rows
    return {"quality": quality, "paired": paired}


def _names(taken: Sequence[Row], part: str) -> list[str]:
    return list(dict.fromkeys(row["contestant"] for row in taken if row["part"] == part))


def _rows(taken: Sequence[Row], part: str, name: str) -> list[Row]:
    return [row for row in taken if (row["part"], row["contestant"]) == (part, name)]


def targets(result: Row) -> Iterator[Target]:
    """Each with the mean over the seeds; one of a p holds in every seed."""
    ours = result["quality"]["ours"]
    for what, of, least in (
        ("accuracy", "accuracy", 95.5),
        ("macro-F1", "macro_f1", 93.5),
        ("recall of rare intents", "rare_recall", 93.0),
    ):
        value = 100 * ours[of]["mean"]
        yield Target(what, f"{least} or more", _cell(ours[of], 100), value >= least)
    ece = ours["ece"]
    yield Target("calibration error", "0.015 or less", _cell(ece, 1, 3), ece["mean"] <= 0.015)

    rival = result["paired"]["ours-tfidf"]
    chances = rival["test"]["p"]
    listed = ", ".join(f"{p:.2g}" for p in chances)
    surely = all(p < _SEED_P for p in chances) and min(rival["test"]["differences"]) > 0
    yield Target("above TF-IDF on held-out rows, p", f"under {_SEED_P}", listed, surely)
    yield _points("above TF-IDF on later language, points", rival["later"], 8.0)

    taught = result["paired"]["ours_taught-ours"]
    yield _points("regained by 400 labels of new language, points", taught["new"], 37.0)
    yield _points("of it kept in the old one, points", taught["test"], -0.5)

    for ratio, least in (("ours/hf_defaults", 10.0), ("ours/hf_best", 2.0)):
        reached = result["ratios"][ratio]
        words = f"examples a second, {ratio}"
        yield Target(words, f"{least:g} or more", _cell(reached, 1), reached["mean"] >= least)
    wall = ours["wall_s"]
    words = "default retrain, seconds from snapshot to gates"
    yield Target(words, "90 or less on 2 free cores", _cell(wall, 1, 0), wall["mean"] <= 90)


def _points(what: str, compared: Row, least: float) -> Target:
    reached = spread([100 * value for value in compared["differences"]])
    mean = reached["mean"]
    return Target(what, f"{least:g} or more", _cell(reached, 1), mean is not None and mean >= least)


def table(result: Row) -> str:
    """Contestants, then targets, in Markdown."""
    said = "of invented messages" if result["messages"] == "invented" else "of real messages"
    lines = [
        f"{seeds(result['seeds'])} of {result['train_rows']} rows to train {said}, "
        f"{result['test_rows']} held out, {result['later_rows']} of later language, of which "
        f"{result['new_rows']} new. In points but for calibration error and seconds.",
        "",
        "| contestant | accuracy | macro-F1 | rare recall | ECE | later | new | wall s | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, each in result["quality"].items():
        cells = []
        for of in FIGURES:
            scale, places = {"ece": (1, 3), "wall_s": (1, 0), "cpu_s": (1, 0)}.get(of, (100, 1))
            cells.append(_cell(each[of], scale, places))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| target | aim | reached | |", "|---|---|---|---|"]
    for target in targets(result):
        met = "met" if target.met else "**missed**"
        lines.append(f"| {target.what} | {target.aim} | {target.reached} | {met} |")
    return "\n".join(lines) + "\n"


def _cell(value: Mapping[str, float | None], scale: float, places: int = 1) -> str:
    mean, sd = value["mean"], value["sd"]
    if mean is None:
        return "unknown"
    about = "" if sd is None else f" ± {scale * sd:.{places}f}"
    return f"{scale * mean:.{places}f}{about}"
