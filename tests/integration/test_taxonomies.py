"""Intents appended and merged on a database with old windows, labels, a reference and a model:
nothing is rewritten, and everything stays readable.
"""

import contextlib
import datetime as dt
import http.client
import json
import re
from pathlib import Path
from typing import Any

import builders
import past
import processes
import pytest
import sqlalchemy as sa
import taxonomies
from shops import Shop

from retrain.train.compile import manifest
from schemas import present, taxonomy
from services import ports
from streams import connect
from streams.intents import store as intents_store

AT = dt.datetime(2026, 4, 20, 10, 5, tzinfo=dt.UTC)
GONE, TOOK = "product_question", "product_discovery"
LATER = """
import datetime as dt, json, sys
import builders, past, pydantic
from streams import database
engine = database.opened(pydantic.SecretStr(sys.argv[1]))
at = dt.datetime(2026, 4, 20, 10, 5, tzinfo=dt.UTC)
past.count(
    engine,
    [
        builders.log(i, at, intent=intent)
        for i, intent in enumerate(json.loads(sys.argv[2]), start=100)
    ],
)
"""
READ = """
import json, sys
import pydantic
from pathlib import Path
from retrain import store
from retrain.train.compile import session
from streams import store as streams_store
from schemas import present, taxonomy
from streams import database
with database.opened(pydantic.SecretStr(sys.argv[1])).connect() as connection:
    _, _, reference = store.references(connection, "v1")[0]
    rows = store.labelled_rows(connection, streams_store.clock(connection), 1000)
texts = ["how many pages has the bleach volume now 1"]
probabilities, _ = session.load(Path(sys.argv[2])).classify(texts)
seen = {
    "counts": reference.intent_counts,
    "recall": list(reference.recall),
    "intents": sorted({row["intent"] for row in rows}),
    "probabilities": probabilities.tolist(),
    "names": present.INTENTS,
}
print(json.dumps(seen))
"""


def following(path: Path) -> dict[str, str]:
    """The default's file with one intent merged into another and one appended."""
    text = present.DEFAULT.read_text()
    text = re.sub(rf"\[intents\.{GONE}\]\n(.+\n)+\n", "", text)
    lines = [line for line in text.splitlines() if not (line.startswith('"') and GONE in line)]
    lines += ["[intents.gift_card]", 'destination = "checkout"', "[merged]", f'{GONE} = "{TOOK}"']
    path.write_text("\n".join(lines).replace("mangaassist-1", "mangaassist-2") + "\n")
    return {"INTENTWATCH_TAXONOMY": str(path)}


def hour(environment: dict[str, str]) -> dict[str, Any]:
    """The window of the hour from ten."""
    (window,) = [
        w
        for w in processes.show("windows", environment, "--horizon", "1h")
        if w["start"].startswith("2026-04-20T10:00")
    ]
    return window


def test_old_windows_labels_references_and_models_are_read_through_a_merge_and_an_append(
    shop: Shop, tmp_path: Path
) -> None:
    url = shop.environment["INTENTWATCH_DATABASE_URL"]
    engine = connect.engine(url, poolclass=sa.NullPool)
    sample = {"queue": "measure", "p": 1.0, "text": "how many pages"}
    past.count(
        engine,
        [
            builders.log(i, AT, intent=intent, sample=sample)
            for i, intent in enumerate([GONE] * 3 + [TOOK] * 2 + ["faq"])
        ],
    )
    past.count(engine, [builders.log(50, AT + dt.timedelta(hours=2))])
    label = {
        "req_id": "r0",
        "intent": GONE,
        "also": ["faq"],
        "annotator": "a1",
        "labelled_at": "2026-04-20T11:00:00Z",
    }
    (tmp_path / "labels.jsonl").write_text(json.dumps(label) + "\n")
    assert (
        processes.run(
            ["-m", "services.labels", "import", str(tmp_path / "labels.jsonl")], shop.environment
        ).returncode
        == 0
    )
    before = hour(shop.environment)
    assert (before["intent_counts"][GONE], before["intent_counts"][TOOK]) == (3, 2)

    after = shop.environment | following(tmp_path / "next.toml")
    wait = processes.run(["-m", "services.show", "windows"], after)
    assert (wait.returncode, wait.stderr.count("\n")) == (3, 1)
    assert (
        f"gift_card appended and {GONE} into {TOOK} merged; "
        "apply that with `python -m services.provision taxonomy`"
    ) in wait.stderr
    for words, code in ((["--check"], 3), ([], 0)):
        done = processes.run(["-m", "services.provision", "taxonomy", *words], after)
        assert (done.returncode, done.stdout) == (
            0,
            f"mangaassist-2: gift_card appended and {GONE} into {TOOK} merged\n",
        ), done.stderr
        assert processes.run(["-m", "services.show", "offsets"], after).returncode == code
    old = processes.run(["-m", "services.show", "windows"], shop.environment)
    assert old.returncode == 3
    assert "mangaassist-1 lacks gift_card" in old.stderr

    now = hour(after)
    assert GONE not in now["intent_counts"]
    assert (
        now["intent_counts"][TOOK],
        now["intent_counts"]["gift_card"],
        now["n"],
        now["revision"],
    ) == (5, 0, before["n"], before["revision"])
    counted = processes.run(
        ["-c", LATER, url, json.dumps([GONE, "gift_card"])], after | {"PYTHONPATH": "tests"}
    )
    assert counted.returncode == 0, counted.stderr
    now = hour(after)
    assert (
        now["intent_counts"][TOOK],
        now["intent_counts"]["gift_card"],
        now["intent_counts"]["faq"],
        now["n"],
    ) == (6, 1, 1, 8)
    with engine.connect() as connection:
        stored = connection.execute(
            sa.text(
                "select intent_count from window_state"
                " where horizon = '1h' and start = '2026-04-20 10:00Z'"
            )
        ).scalar_one()
        said = connection.execute(sa.text("select intent from human_label")).scalar_one()
    assert (len(stored), stored[present.INDEX[GONE]], stored[-1], said) == (11, 0, 1, GONE)

    exported = processes.run(["-m", "services.labels", "export"], after)
    (row,) = [json.loads(line) for line in exported.stdout.splitlines()]
    assert (row["intent"], row["predicted"], row["also"]) == (TOOK, TOOK, ["faq"])
    done = processes.run(["-c", READ, url, str(shop.models / "v1")], after)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert GONE not in {*read["counts"], *read["recall"], *read["intents"]}
    ((*known, appended),) = read["probabilities"]
    assert (len(known), appended) == (9, 0.0)
    assert read["names"][known.index(max(known))] == TOOK
    assert abs(sum(known) - 1) < 1e-6
    assert served(after, tmp_path) == TOOK


def served(environment: dict[str, str], place: Path) -> str:
    """What the gateway answers with the model of before."""
    (port,) = ports.free(1)
    body = json.dumps({"text": "how many pages has the bleach volume now 1"})
    with processes.running(
        ["-m", "services.gateway"],
        environment | {"INTENTWATCH_GATEWAY_PORT": str(port)},
        place / "gateway.log",
    ):
        assert processes.eventually(lambda: ports.listening(port), 120), (
            place / "gateway.log"
        ).read_text()
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        ) as connection:
            connection.request("POST", "/classify", body, {"Content-Type": "application/json"})
            return str(json.loads(connection.getresponse().read())["intent"])


@pytest.mark.parametrize(
    "command", [["-m", "services.gateway"], ["retrain/run.py", "work"], ["retrain/run.py", "run"]]
)
def test_a_model_of_another_taxonomy_is_refused(
    command: list[str], database: str, kafka: str, tmp_path: Path
) -> None:
    """Its directory as another shop's job signed it."""
    past.champion(connect.engine(database, poolclass=sa.NullPool), AT)
    directory = tmp_path / "models" / "v1"
    directory.mkdir(parents=True)
    (directory / manifest.LABELS).write_text('["card_lost", "card_arrival"]')
    manifest.write(directory)
    environment = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_MODELS": str(tmp_path / "models"),
    }
    done = processes.run(command, environment)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
    assert (
        "is a model of another taxonomy: mangaassist-1 lacks card_lost, card_arrival" in done.stderr
    )


def test_a_new_database_is_the_first_ones_and_while_it_holds_nothing_may_be_claimed_again(
    database: str, tmp_path: Path
) -> None:
    environment = {"INTENTWATCH_DATABASE_URL": database}
    mine, other = (
        taxonomies.written(tmp_path / f"{name}.toml", intents, version=name)
        for name, intents in (("mine", ["a", "b"]), ("other", ["c", "d", "e"]))
    )
    assert processes.run(["-m", "services.show", "windows"], environment | mine).returncode == 0
    assert processes.run(["-m", "services.show", "windows"], environment | other).returncode == 3
    done = processes.run(["-m", "services.provision", "taxonomy"], environment | other)
    assert (done.returncode, done.stdout) == (0, "other: a new database, with 3 intents\n"), (
        done.stderr
    )
    (tmp_path / "corpus.jsonl").write_text('{"text": "hello", "intent": "c"}\n')
    assert (
        processes.run(
            ["-m", "services.labels", "corpus", str(tmp_path / "corpus.jsonl")], environment | other
        ).returncode
        == 0
    )
    done = processes.run(["-m", "services.provision", "taxonomy"], environment | mine)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "mine lacks c, d, e" in done.stderr


FENCED = """
import json, sys
import builders, past, pydantic
from schemas import present
from streams import database, store
from streams.intents import store as intents_store
from streams.count import chunks
from streams.worker import counter
engine = database.opened(pydantic.SecretStr(sys.argv[1]))
counting = counter.Counter(engine, topic=past.TOPIC, check_time=False)
claim = counting.claim([0])[0]
with engine.begin() as connection:
    intents_store.change(connection, present.TAXONOMY, present.INTENTS)
value = json.dumps(builders.log(0, past.dt.datetime(2026, 4, 20, 10, tzinfo=past.dt.UTC))).encode()
counting.add(chunks.Chunk(past.TOPIC, 0, claim.epoch, 0, 1, range(1), [value], [False], [0]))
counting.flush()
"""


def test_a_change_fences_who_counts_under_the_taxonomy_before(database: str) -> None:
    done = processes.run(["-c", FENCED, database], {"PYTHONPATH": "tests"})
    assert done.returncode == 7, done.stderr
    (offset,) = processes.show("offsets", {"INTENTWATCH_DATABASE_URL": database})
    assert (offset["next_offset"], offset["epoch"]) == (0, 2)


def test_of_several_claims_of_a_new_database_the_first_one_holds(database: str) -> None:
    engine = connect.engine(database, poolclass=sa.NullPool)
    for mine in (present.TAXONOMY, taxonomy.parse(taxonomies.text(["a", "b"]))):
        with engine.begin() as connection:
            intents_store.claim(connection, mine)
    with engine.connect() as connection:
        held = intents_store.held(connection)
    assert held is not None
    assert (held[0].sha256, held[1]) == (present.TAXONOMY.sha256, present.INTENTS)
