"""Pure. The six panels the policy judges: the newest verdict, its evidence and its history. Judges
nothing itself.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import policy, present, runs, signals, windows
from services.dashboard import board, facts, words
from streams.stats import divergence

State, Unit = board.State, board.Unit

_HOUR_S: Final = windows.HORIZONS["1h"].total_seconds()
_MATURITY: Final = {"immature": "labels still coming in", "mature": "labels complete"}
_RARE: Final = 6  # rare intents in one note, those of the lowest recall


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged signal's place on the board: the seed's name of its panel. Its key is the policy's
    and that of a window's figure.
    """

    of: signals.Signal
    name: str

    @property
    def key(self) -> str:
        """The signal's name."""
        return self.of.name

    @property
    def unit(self) -> board.Unit:
        """What its values are measured in."""
        return board.Unit(self.of.unit)

    @property
    def labelled(self) -> bool:
        """Whether people's labels are behind it; then each hour looks back over the horizon."""
        return self.of.labelled


def panel(signal: Judged, known: facts.Facts, rules: policy.Policy) -> board.Panel:
    """The signal's panel: the newest judged value, or the newest window's with the remark that
    nobody has judged it, or what is missing.
    """
    rule: policy.Level = getattr(rules.signals, signal.key)
    empty = board.Panel(
        signal.key,
        signal.name,
        signal.unit,
        counted=signal.of.counted,
        at_least=signal.of.falls,
        horizon=rule.horizon,
    )
    empty = dataclasses.replace(
        empty,
        lead="p95" if signal.of is signals.P95_LATENCY_MS else "",
        limit=rule.enter,
        notes=_latest_hour(signal, known, rule),
        series=_series(signal, known, rule),
    )
    rows = known.of(signal.key)
    if not rows:
        return _unjudged(empty, signal, known, rule)
    row = rows[-1]
    state, verdict = standing(signal, row, rule)
    if known.stale(row["end"], row["horizon"]):
        behind = words.span((known.stream.clock - row["end"]).total_seconds())
        state, verdict = (
            State.STALE,
            f"{behind} behind the stream, then {state}{_since(known.stream)}",
        )
    figures: dict[str, Any] = {
        name: board.finite(row[name]) for name in ("value", "low", "high", "noise_floor", "limit")
    }
    found = dataclasses.replace(
        empty,
        state=state,
        verdict=verdict,
        model=row["model"],
        n=row["n"],
        horizon=row["horizon"],
        end=row["end"],
        **figures,
    )
    return dataclasses.replace(
        found, lines=_lines(found, rule), notes=(*_evidence(signal, row, known), *empty.notes)
    )


def no_window(stream: facts.Stream, horizon: str = "1h") -> str:
    """Why there is no complete window, and when there will be one, by what is known of the stream
    worker.
    """
    if not stream.runs("streams"):
        return "No complete window yet, and no stream worker runs: `python -m streams worker`; `python -m services.doctor streams` names what is missing."
    if stream.watermark is None:
        return "No serving log has been counted yet; the stream worker runs and waits for the first one."
    return f"No complete {horizon} window yet: the first one ends at {words.when(stream.next_end(horizon))}, by the stream's clock."


def unjudged(stream: facts.Stream) -> str:
    """Why what is complete has not been judged, by what is known of the scheduler."""
    if not stream.runs("scheduler"):
        return "no scheduler runs: `python -m services.scheduler`; `python -m services.doctor scheduler` names what is missing"
    hours = (
        f", {stream.unjudged} {'hour' if stream.unjudged == 1 else 'hours'} to go"
        if stream.unjudged
        else ""
    )
    return f"the scheduler is at work{hours}"


def no_champion(known: facts.Facts) -> str:
    """Why no model serves yet, by what is known of the first run."""
    run = known.run
    if run is None or run["state"] in runs.ENDED:
        return "No champion yet: `python retrain/run.py run` trains and gates the first one."
    return f"No champion yet: the run {run['id']} is {run['state']}."


def _since(stream: facts.Stream) -> str:
    """Why a figure is behind the stream: its scheduler is, or there was nothing to judge."""
    return f": {unjudged(stream)}" if stream.unjudged else ", and nothing has been judged since"


def standing(signal: Judged, row: facts.Row, rule: policy.Level) -> tuple[board.State, str]:
    """What the verdict is called, and why, in words. `in_breach` is the policy's k-of-n rule with
    its hysteresis; `verdict` is one window.
    """
    verdict, beyond = row["verdict"], signal.of.bad
    if verdict == "blind":
        wanting = f"{row['n']:,} of the {rule.min_n:,} {signal.of.counted} the policy asks for"
        if row["in_breach"]:
            return (
                State.BREACH,
                f"was in breach; too little evidence to say it has ended: {wanting}",
            )
        return State.BLIND, f"too little evidence: {wanting}"
    if row["in_breach"] and verdict == "breach":
        return (
            State.BREACH,
            f"{beyond} the limit, interval and all"
            if rule.alpha is None
            else "the mix has moved, beyond chance",
        )
    if row["in_breach"]:
        return (
            State.BREACH,
            f"recovering, but not back past {words.amount(signal.unit, rule.leave)} yet",
        )
    if verdict == "breach":
        return (
            State.WATCH,
            f"{beyond} the limit in this window; {rule.k} of {rule.of} make a breach",
        )
    if verdict == "watch":
        return State.WATCH, f"level {row['level']}: beyond chance" if row[
            "level"
        ] else f"{beyond} the limit, but the interval reaches across it"
    if rule.alpha is not None and row["p_value"] is not None and row["p_value"] >= rule.alpha:
        return State.OK, "no more than chance"
    return State.OK, "within the limit"


def _unjudged(
    empty: board.Panel, signal: Judged, known: facts.Facts, rule: policy.Level
) -> board.Panel:
    """A panel without any verdict."""
    found = known.served(rule.horizon)
    why = f"Not judged yet: {unjudged(known.stream)}."
    if known.champion is None:
        why = f"Nothing is judged without a champion. {no_champion(known)}"
    if not known.windows:
        return dataclasses.replace(empty, missing=no_window(known.stream))
    if signal.labelled:
        return dataclasses.replace(empty, missing=why)
    if not found:
        return dataclasses.replace(empty, missing=no_window(known.stream, rule.horizon))
    row = found[-1]
    point = _point(signal, row, known)
    if point is None and known.champion is not None:
        why = (
            "No reference mix to compare with: it comes with the first promotion."
            if signal.of is signals.INTENT_MIX_KL
            else why
        )
    panel = dataclasses.replace(
        empty,
        state=State.UNJUDGED,
        verdict=why,
        model=row["model"],
        n=row["n"],
        end=row["end"],
        value=point.value if point else None,
    )
    return dataclasses.replace(panel, lines=_lines(panel, rule))


def _lines(found: board.Panel, rule: policy.Level) -> tuple[board.Line, ...]:
    """The limit and, where the policy has them, the levels before it."""
    lower = [
        board.Line(word, value)
        for word, value in (("watch", rule.watch), ("alert", rule.alert))
        if value is not None
    ]
    return (
        *([board.Line("limit", found.limit, limit=True)] if found.limit is not None else []),
        *lower,
    )


def _series(signal: Judged, known: facts.Facts, rule: policy.Level) -> tuple[board.Series, ...]:
    """The history: as judged; before any verdict, as the windows have it. p95 latency stands
    between p50 and p99.
    """
    judged = [_judged_point(row) for row in known.of(signal.key)]
    rows = known.served(rule.horizon)
    points = judged or [_point(signal, row, known) for row in rows if not signal.labelled]
    step = _HOUR_S if signal.labelled else windows.STEPS[rule.horizon].total_seconds()
    main = board.Series(signal.key, step, tuple(point for point in points if point))
    if signal.of is not signals.P95_LATENCY_MS:
        return (main,)
    beside = [
        (name, [(row, board.finite(row[f"{name}_latency_ms"])) for row in rows])
        for name in ("p50", "p99")
    ]
    others = [
        board.Series(
            name, step, tuple(board.Point(r["end"], v, r["n"]) for r, v in found if v is not None)
        )
        for name, found in beside
    ]
    return (main, *others)


def _judged_point(row: facts.Row) -> board.Point | None:
    value = board.finite(row["value"])
    return (
        None
        if value is None
        else board.Point(
            row["end"], value, row["n"], board.finite(row["low"]), board.finite(row["high"])
        )
    )


def _point(signal: Judged, row: facts.Row, known: facts.Facts) -> board.Point | None:
    """A window's own figure, for what no monitor has judged."""
    value = (
        _kl(row, known)[0] if signal.of is signals.INTENT_MIX_KL else board.finite(row[signal.key])
    )
    return None if value is None else board.Point(row["end"], value, row["n"])


def _kl(row: facts.Row, known: facts.Facts) -> tuple[float | None, float | None]:
    """A window's intent-mix KL and its noise floor, nats; (None, None) without a reference or
    without answers.
    """
    reference = known.reference(row["model"], row["end"])
    live = [row["intent_counts"][intent] for intent in present.INTENTS]
    if reference is None or not sum(live):
        return None, None
    expected = [reference.intent_counts.get(intent, 0) for intent in present.INTENTS]
    floor = divergence.noise_floor(k=len(live), n=sum(live), reference_n=reference.n)
    return divergence.kl(live=live, reference=expected), floor


def _latest_hour(signal: Judged, known: facts.Facts, rule: policy.Level) -> tuple[str, ...]:
    """The newest hour of what is judged by the day: a drift of this night shows here first."""
    rows = known.served("1h")
    if signal.labelled or rule.horizon == "1h" or not rows:
        return ()
    row, floor = rows[-1], None
    value = board.finite(row[signal.key]) if signal.of is not signals.INTENT_MIX_KL else None
    if signal.of is signals.INTENT_MIX_KL:
        value, floor = _kl(row, known)
    chance = "" if floor is None else f", chance alone {words.amount(signal.unit, floor)}"
    return (
        ()
        if value is None
        else (
            f"Latest hour, to {words.when(row['end'])}: {words.amount(signal.unit, value)} (n = {row['n']:,}{chance})",
        )
    )


def _evidence(signal: Judged, row: facts.Row, known: facts.Facts) -> tuple[str, ...]:
    """What else belongs to the value."""
    if signal.of is signals.P95_LATENCY_MS:
        same = [
            w
            for w in known.served(row["horizon"])
            if (w["model"], w["end"]) == (row["model"], row["end"])
        ]
        return tuple(
            f"p50 {words.amount(Unit.MS, w['p50_latency_ms'])}, p99 {words.amount(Unit.MS, w['p99_latency_ms'])}"
            for w in same[-1:]
        )
    if signal.of is signals.INTENT_MIX_KL:
        chance = "" if row["p_value"] is None else f", p {words.probability(row['p_value'])}"
        return (
            f"Reference n = {row['reference_n'] or 0:,}{chance}. Levels count above the noise floor.",
        )
    return _labels(row, known.quality, signal.key) if signal.labelled else ()


def _labels(row: facts.Row, quality: Sequence[facts.Row], metric: str) -> tuple[str, ...]:
    """The label figures of the same window: what they stand for, what is still to be labelled, and
    each rare intent's recall.
    """
    start = row["end"] - windows.HORIZONS[row["horizon"]]
    same = [
        q
        for q in quality
        if (q["model"], q["start"], q["end"]) == (row["model"], start, row["end"])
    ]
    said = []
    for found in (q for q in same if q["metric"] == metric):
        reference = (
            ""
            if found["reference"] is None
            else f"; reference {words.amount(Unit.RATIO, found['reference'])}"
        )
        said.append(
            f"Stands for {found['n_predictions']:,} answers, {_MATURITY.get(found['maturity'], found['maturity'])}{reference}"
        )
        if found["labels_needed"]:
            purpose = (
                "would prove the loss, should it stay" if found["verdict"] == "watch" else "needed"
            )
            said.append(
                f"{found['labels_needed']:,} more labels {purpose}: `python -m services.labels next`"
            )
    rare = [
        q
        for q in same
        if metric == signals.RARE_RECALL.name
        and q["metric"] == "recall"
        and q["intent"] in present.RARE
    ]
    if rare:
        worst = sorted(rare, key=lambda q: 1.0 if q["estimate"] is None else q["estimate"])[:_RARE]
        told = [
            f"{q['intent']} {words.amount(Unit.RATIO, q['estimate'])} (n = {q['n_labels']:,})"
            for q in rare
            if q in worst
        ]
        said.append(
            ", ".join(told)
            + (
                f"; {len(rare) - len(worst)} more have a better one"
                if len(rare) > len(worst)
                else ""
            )
        )
    return tuple(said)
