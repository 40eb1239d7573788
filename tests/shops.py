"""A shop with a champion: the retrain job for real, once, on sentences invented here."""

import dataclasses
import json
import random
import shutil
from pathlib import Path
from typing import Any

import processes

from schemas import present

WORDS = {
    "product_discovery": "show me shelves of {} books",
    "product_question": "how many pages has the {} volume",
    "recommendation": "advise me something moody like {}",
    "faq": "which countries do you ship {} to",
    "order_tracking": "where is my parcel with {}",
    "return_request": "take back the torn {} and refund me",
    "promotion": "is there a coupon for {}",
    "checkout_help": "my card is declined paying for {}",
    "escalation": "let me talk to a human about {}",
    "chitchat": "good morning how are you {}",
}
POLICY = """\
[trigger]
promotion = "auto"
[gates]
min_accuracy = 0.5
min_macro_f1 = 0.3
max_ece = 0.5
[labels]
min_to_train = 100
"""
RECIPE = "rows = 400\nepochs = 2\nlearning_rate = 5e-4\n"


def corpus(count: int) -> list[dict[str, Any]]:
    """Rows of `services.labels corpus`, every intent as often as the others."""
    rng = random.Random(5)
    names = [
        "naruto",
        "berserk",
        "akira",
        "monster",
        "bleach",
        "gantz",
        "nana",
        "vagabond",
        "orange",
        "pluto",
    ]
    rows = []
    for i in range(count):
        intent = present.INTENTS[i % 10]
        title = rng.choice(names)
        ending = rng.choice(["please", "now", "thanks", "today", "again"])
        text = f"{WORDS[intent].format(title)} {ending} {i}"
        rows.append(
            {"text": text, "intent": intent, "kind": "human", "conversation": None, "cluster": None}
        )
    return rows


@dataclasses.dataclass(frozen=True)
class Shop:
    """environment: of its commands. directory: its policy, recipe, corpus and models. output: what
    the run said.
    """

    environment: dict[str, str]
    directory: Path
    output: str

    @property
    def models(self) -> Path:
        """The directory with v1 in it."""
        return self.directory / "models"

    def copied(self, url: str, directory: Path) -> "Shop":
        """The same shop in another directory; `url`: of a copy of its database."""
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        return Shop(
            environment(self.environment["INTENTWATCH_KAFKA"], url, directory),
            directory,
            self.output,
        )


def environment(kafka: str, url: str, directory: Path) -> dict[str, str]:
    """What the commands of a shop in `directory` are told."""
    return {
        "INTENTWATCH_DATABASE_URL": url,
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_MODELS": str(directory / "models"),
        "INTENTWATCH_POLICY": str(directory / "policy.toml"),
        "INTENTWATCH_RECIPE": str(directory / "recipe.toml"),
        "INTENTWATCH_TEST_CLOCK": "1",
        # A thread that spins keeps the core from the one it waits for.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def trained(kafka: str, url: str, directory: Path) -> Shop:
    """Train and promote the first champion of an empty database."""
    for name, text in (("policy.toml", POLICY), ("recipe.toml", RECIPE)):
        (directory / name).write_text(text)
    (directory / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus(600)))
    told = environment(kafka, url, directory)
    assert (
        processes.run(
            ["-m", "services.labels", "corpus", str(directory / "corpus.jsonl")], told
        ).returncode
        == 0
    )
    own = "retrain/train/golden/mangaassist.jsonl"
    more = processes.run(["retrain/run.py", "golden", "add", own, "--reviewer", "rin"], told)
    assert more.returncode == 0
    # A run by hand does not wait for the idle worker.
    with processes.running(["retrain/run.py", "work"], told, directory / "worker.log"):
        assert processes.eventually(lambda: "ready" in (directory / "worker.log").read_text())
        done = processes.run(["retrain/run.py", "run"], told, timeout_s=400)
    assert done.returncode == 0, done.stdout + done.stderr
    return Shop(told, directory, done.stdout)
