"""One hour's job in one transaction: view -> evaluate -> put -> lines; a day's and a week's job
belong to the hour that ends them.
"""

import dataclasses
import datetime as dt
from typing import Any

import sqlalchemy as sa

from retrain import store as retrain_store
from retrain.decide import evaluate, mix, quality
from retrain.decide.history import store as history
from retrain.decide.history.asked import store as asked
from retrain.decide.view import View
from retrain.evaluation import live, reference
from schemas import decisions, policy, present, runs, signals, verdicts, windows
from services.alerts import lifecycle, standing
from services.alerts import store as alerts_store
from services.scheduler import lines, store
from streams import outbox

DAY = windows.HORIZONS["1d"]
FIGURES = (signals.LIVE_ACCURACY.name, signals.RARE_RECALL.name)  # those whose row names a limit


def work(
    connection: sa.Connection, at: dt.datetime, rules: policy.Policy, owner: str
) -> list[lines.Line]:
    """Judge the hour that ends at `at`, decide and record; returns what the seed's log says of it.
    Nothing without a champion.
    """
    promotion = retrain_store.champion(connection, at)
    if promotion is None:
        return []
    model = promotion["model"]
    view = history.view_at(connection, model, at, rules)
    view = dataclasses.replace(
        view,
        history=history.verdicts_of(connection, model, at),
        broken=history.breaks_before(connection, at),
    )
    past = history.past(connection, promotion, at)
    evaluation = evaluate.evaluate(view, past, rules)
    put(connection, evaluation, rules)

    log_lines = list(lines.of_hour(evaluation))
    if at == windows.floor(at, DAY):
        log_lines += day(connection, evaluation, promotion, rules, owner)
    return log_lines + decide(connection, evaluation, rules)


def put(
    connection: sa.Connection,
    evaluation: evaluate.Evaluation,
    rules: policy.Policy,
) -> None:
    """Record what was measured: every signal, judged or not, and what labels say."""
    store.put_signals(connection, evaluation.fresh, evaluation.measured)
    judged = {verdict.signal.signal: verdict for verdict in evaluation.fresh}
    horizon = rules.signals.live_accuracy.horizon
    put_quality(
        connection,
        evaluation.view,
        evaluation.figures[horizon],
        judged,
        horizon,
        as_of=evaluation.view.at,
        rules=rules,
    )


def put_quality(
    connection: sa.Connection,
    view: View,
    figures: live.Figures,
    judged: dict[str, verdicts.Verdict],
    horizon: str,
    *,
    as_of: dt.datetime,
    rules: policy.Policy,
) -> None:
    """Record label figures of the horizon that ends with the view, as people knew at `as_of`."""
    start, end = view.until - windows.HORIZONS[horizon], view.until
    mature = as_of - end >= dt.timedelta(hours=rules.labels.maturity_hours)

    # What each figure is compared with: an intent's recall, or the verdict's own reference.
    recall = (view.reference.recall or {}) if view.reference else {}
    expected = {intent: recall.get(intent) for intent in present.INTENTS}
    of_figures = {}
    for name in FIGURES:
        of_figures[name] = judged[name]
        expected[name] = judged[name].signal.reference

    store.put_quality(
        connection,
        figures.every,
        of_figures,
        model=view.model,
        start=start,
        end=end,
        as_of=as_of,
        maturity="mature" if mature else "immature",
        expected=expected,
    )


def day(
    connection: sa.Connection,
    evaluation: evaluate.Evaluation,
    promotion: Any,
    rules: policy.Policy,
    owner: str,
) -> list[lines.Line]:
    """The daily job, and on Mondays the weekly one."""
    view = evaluation.view
    store.claim(connection, "daily", view.at, owner)
    restate(connection, evaluation, rules)
    of_week = quality.measured(view, evaluation.figures, "7d")
    store.put_signals(connection, (), (*of_week, _loudest(connection, view)))
    first_days(connection, evaluation, promotion, rules)

    log_lines = list(lines.of_day(evaluation))
    ends_a_week = view.at.weekday() == 0 and "7d" in view.windows
    if ends_a_week and store.claim(connection, "weekly", view.at, owner):
        log_lines += lines.of_week(evaluation)
    return log_lines


def _loudest(connection: sa.Connection, view: View) -> verdicts.Signal:
    """How much of the day's evidence one conversation makes up."""
    share, n = store.loudest(connection, view.model, view.at - DAY, view.at)
    return view.signal(signals.CONVERSATION_SHARE, "1d", share, n)


def restate(
    connection: sa.Connection, evaluation: evaluate.Evaluation, rules: policy.Policy
) -> None:
    """Label figures of the last days again, with the labels that have come since; once mature they
    stay.
    """
    now = evaluation.view
    days = int(rules.labels.maturity_hours // 24) + now.age.days + 2
    since = now.at - max(days, 7) * DAY
    sampled = asked.sampled(
        connection,
        now.model,
        since,
        now.at,
        as_of=now.at,
        rules=rules.labels,
    )
    # Judged by the day, the day that ends now is put already.
    if rules.signals.live_accuracy.horizon != "1d":
        put_day(connection, now, evaluation.figures["1d"], as_of=now.at, rules=rules)

    for back in range(1, days):
        end = now.at - back * DAY
        hours = history.hours(connection, now.model, end - DAY, end)
        if not hours:
            continue
        of_day = sampled.between(end - DAY, end)
        then = View(now.model, end, {}, now.reference, of_day, hours)
        put_day(connection, then, then.figures("1d"), as_of=now.at, rules=rules)


def put_day(
    connection: sa.Connection,
    view: View,
    figures: live.Figures,
    *,
    as_of: dt.datetime,
    rules: policy.Policy,
) -> None:
    """Record what labels say of the day that ends with the view, each figure judged by itself."""
    judged = {}
    for estimate in (figures.accuracy, figures.rare_recall):
        verdict = quality.falling(view, estimate, "1d", rules)
        judged[verdict.signal.signal] = verdict
    put_quality(connection, view, figures, judged, "1d", as_of=as_of, rules=rules)


def first_days(
    connection: sa.Connection,
    evaluation: evaluate.Evaluation,
    promotion: Any,
    rules: policy.Policy,
) -> None:
    """A champion's first complete day of traffic replaces the mix its held-out rows predicted, and
    a whole week that of the day, which may have been a Saturday: recorded events.
    """
    view = evaluation.view
    window = view.windows.get("1d")
    before = view.reference
    if window is None or before is None or window.start < promotion["at"]:
        return

    sources = [source for _, source, _ in retrain_store.references(connection, view.model)]
    enough = max(1, rules.signals.intent_mix_kl.min_n)
    if len(sources) == 1 and window.tally.answered >= enough:
        learnt, source = window.tally, runs.Source.FIRST_DAY
    elif sources[-1] == runs.Source.FIRST_DAY and _first_week(evaluation, promotion["at"]):
        learnt, source = mix.together(view.last_days), runs.Source.FIRST_WEEK
    else:  # or a person has replaced it already
        return
    retrain_store.put_reference(
        connection,
        reference.seen(learnt, before),
        at=view.at,
        source=source,
    )


def _first_week(evaluation: evaluate.Evaluation, promoted_at: dt.datetime) -> bool:
    """Whether a week with the new champion is over, not long ago, in which its answers were as good
    as they should be: the mix is then what people ask for.
    """
    view, clause = evaluation.view, evaluation.decision.clause
    age = view.at - promoted_at
    week = windows.HORIZONS["7d"]
    if not week <= age <= 2 * week or len(view.last_days) < week // DAY:
        return False
    well = any(v.well for v in evaluation.fresh if v.signal.signal == FIGURES[0])
    return well and clause in (decisions.Clause.CALM, decisions.Clause.MIX_MOVED)


def decide(
    connection: sa.Connection, evaluation: evaluate.Evaluation, rules: policy.Policy
) -> list[lines.Line]:
    """Record the decision; a retrain queues its run, and what is told of it stands in the same
    transaction.

    An hour that was taken up again is recorded alone: what came since, a pause or a run, is not
    in its evidence.
    """
    taken = evaluation.decision
    if store.decided_after(connection, taken.at):
        store.put_decision(connection, taken, evaluation.evidence, None, None)
        return []

    retrain = taken.decision is decisions.Kind.RETRAIN
    acts = retrain and rules.trigger.autonomy.retrain == "act"
    run_id = f"ft_{taken.at:%Y_%m_%d}_{taken.id[-6:]}" if acts else None
    changes = list(lifecycle.after(alerts_store.open_alerts(connection), _seen(evaluation, rules)))
    asking = next((change.alert.id for change in changes if change.asks), None)

    store.put_decision(connection, taken, evaluation.evidence, run_id, asking)
    alerts_store.put(connection, [change.alert for change in changes])
    if run_id:
        retrain_store.queue_run(
            connection,
            run_id=run_id,
            decision_id=taken.id,
            as_of=taken.at,
        )
    for message in lifecycle.told(changes, taken, run_id):
        outbox.tell(connection, message)
    return [lines.alert(taken, evaluation.past.incidents)] if retrain else []


def _seen(evaluation: evaluate.Evaluation, rules: policy.Policy) -> standing.Hour:
    """What alerts rest on."""
    judged = (*evaluation.fresh, *evaluation.standing)
    never = standing.never_met(evaluation.view.history, judged)
    return standing.Hour(evaluation.decision, judged, rules, never)
