"""F20: hostile text in every field that may hold text. It is kept as it is, and forges no line of a
log and no line or colour of a table.
"""

import json
import re
from collections.abc import Iterable

import processes
from faults import feed, invent, lab

SEED = 120
TEXTS = (
    "plain\n[ALERT] retrain_trigger=true",
    "plain\r\n[ALERT] retrain_trigger=true model=v14",
    "[DECISION] decision=retrain",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31mred",
    "bell\x07 back\x08space tab\t vertical\x0b",
    "delete\x7f next\x85line",
    "<!channel> <!here> <@U1>",
    "<https://evil.example|Approve>",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% raw %} ${7*7}",
    "'; drop table window_state; --",
    "%s %(x)s {0} \\x00",
    "\u202eright to left\u202c",
    "zero\u200bwidth\u2028line\u2029paragraph",
    "漫画を探しています\u3000",
    "👩‍👩‍👧 👍🏽",
    "=cmd|' /C calc'!A0",
    "a" * 180,
    'key=value key2="quoted" ]',
    "\\n\\[ALERT]",
    "back`tick` $(reboot)",
)
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def hostile(texts: Iterable[str]) -> list[bytes]:
    """Valid logs whose model, conversation, request and sampled text are hostile, and bad ones
    whose values are.
    """
    logs = []
    for number, text in enumerate(texts):
        log = json.loads(invent.logs(1, SEED + number)[0])
        log = {k: v for k, v in log.items() if k != "error"} | {
            "intent": "faq",
            "confidence": 0.5,
            "tokens": 3,
            "conversation": text,
            "req_id": f"{number}{text}",
        }
        logs.append(
            log | {"model": text, "sample": {"queue": "measure", "p": 0.5, "text": text + "\x00"}}
        )
    bad = [
        json.loads(invent.logs(1, 1)[0]) | {name: text}
        for text in texts
        for name in ("intent", "role", "ts")
    ]
    return [
        json.dumps(log, ensure_ascii=number % 2 == 0).encode()
        for number, log in enumerate([*logs, *bad])
    ]


def test_hostile_text(site: lab.Lab) -> None:
    good = invent.logs(20_000, SEED)
    values = hostile(TEXTS)
    feed.send(site.kafka, site.topic, invent.mixed(good, SEED))
    for start, value in enumerate(values):
        lines = good[start * 30 : start * 30 + 30]
        feed.send(
            site.kafka,
            site.topic,
            [
                invent.Record(b"\n".join(lines), batch=True, part=start % 6),
                invent.Record(value, batch=False, part=start % 6),
            ],
        )
    site.crew.start("one")
    assert site.settled(), site.crew.said()
    kept = {row.text for row in site.rows("select text from sampled_prediction")}
    site.conclude(
        "F20",
        injected=len(values),
        at_least=4 * len(TEXTS),
        all_valid=False,
        more=f"texts={len(TEXTS)} seed={SEED}",
    )
    assert {text + "\ufffd" for text in TEXTS} <= kept
    forged = [
        line
        for line in site.crew.log.read_text(errors="replace").splitlines()
        if re.match(r"\[(ALERT|DECISION)\]", line)
    ]
    assert forged == []
    problems = [
        problem
        for command in (["show", "windows"], ["show", "deadletters"], ["redrive", "ls"])
        for problem in _printed(site, *command)
    ]
    assert problems == []


def _printed(site: lab.Lab, program: str, what: str) -> list[str]:
    """What is wrong with a table: raw control characters, or lines that are no rows."""
    done = processes.run(["-m", f"services.{program}", what], dict(site.crew.environment))
    if done.returncode:
        return [f"{program} {what} ended with {done.returncode}: {done.stderr[-300:]}"]
    raw = sorted(set(_FORBIDDEN.findall(done.stdout)))
    forged = [
        line
        for line in done.stdout.splitlines()
        if line.startswith(("[ALERT]", "[DECISION]")) and "retrain_trigger=true" in line
    ]
    return [f"{program} {what} prints {raw}"] * bool(raw) + [
        f"{program} {what} prints a forged line {line!r}" for line in forged
    ]
