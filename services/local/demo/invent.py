"""Pure. The demo's own messages: what customers of a manga shop might write, made from the
hand-written patterns in invented/.

A pattern is a cluster. Whoever splits by cluster tests on patterns that were never trained on;
`later` shares no pattern and no text with `base`.
"""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schemas import normalise
from services.local.demo import story

_FOLDER: Final = Path(__file__).parent / "invented"
_CHOICE: Final = re.compile(r"\(([^()]*)\)")
_WORD: Final = re.compile(r"\{([a-z_]+)\}")
_LONG_WORD: Final = re.compile(r"[a-z]{5,}")
_TRIES: Final = 8  # for each message wanted: a short pattern has few different ones

Words = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Language:
    """One file of invented/: openings a core, cores by intent, rows a pattern by intent, words by
    name, dressing and its shares.
    """

    name: str
    openings: int
    cores: Mapping[str, Sequence[str]]
    rows: Mapping[str, int]
    words: Words
    dress: Words
    share: Mapping[str, float]


def tables(seed: int) -> tuple[list[story.Row], list[story.Row]]:
    """(base rows, later rows), each about as many as two weeks of 1,200 messages a day ask for; the
    same for the same seed.
    """
    base = language("base", {})
    later = language("later", base.words)
    rng = random.Random(seed)  # noqa: S311 - messages, not secrets
    seen: set[str] = set()
    return list(table(base, rng, seen)), list(table(later, rng, seen))


def language(name: str, words: Words) -> Language:
    """The file invented/NAME.toml; its own words come before the given ones."""
    path = _FOLDER / f"{name}.toml"
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    cores = {}
    for intent, text in written["cores"].items():
        cores[intent] = text.strip().splitlines()
    return Language(
        name,
        written["openings"],
        cores,
        written["rows"],
        {**words, **written["words"]},
        written["dress"],
        written["share"],
    )


def table(
    spoken: Language,
    rng: random.Random,
    seen: set[str],
) -> Iterator[story.Row]:
    """Every pattern's rows. `seen` holds the normalised texts so far: none comes twice, under
    whichever pattern.
    """
    for intent, cores in spoken.cores.items():
        for core in cores:
            for pattern in _patterns(core, spoken, rng):
                cluster = f"{spoken.name}: {pattern}"
                for text in _texts(pattern, spoken, spoken.rows[intent], rng, seen):
                    yield {
                        "text": text,
                        "intent": intent,
                        "kind": "human",
                        "conversation": None,
                        "cluster": cluster,
                    }


def _patterns(
    core: str,
    spoken: Language,
    rng: random.Random,
) -> list[str]:
    """A core in some of the openings, each time in one of its wordings."""
    patterns = []
    for opening in rng.sample(spoken.dress["opening"], spoken.openings):
        pattern = opening.replace("{core}", _worded(core, rng))
        patterns.append(pattern)
    return patterns


def _worded(core: str, rng: random.Random) -> str:
    def wording(choice: re.Match[str]) -> str:
        wordings: list[str] = choice[1].split("|")
        return rng.choice(wordings)

    words = _CHOICE.sub(wording, core).split()
    return " ".join(words)


def _texts(
    pattern: str,
    spoken: Language,
    wanted: int,
    rng: random.Random,
    seen: set[str],
) -> Iterator[str]:
    """Up to `wanted` different messages of one pattern."""
    for _ in range(wanted * _TRIES):
        text = dressed(filled(pattern, spoken.words, rng), spoken, rng)
        key = normalise.text(text)
        if key not in seen:
            seen.add(key)
            yield text
            wanted -= 1
        if not wanted:
            return


def filled(pattern: str, words: Words, rng: random.Random) -> str:
    """The pattern with a choice for each {word}; a word may be a pattern itself.

    >>> filled("where is {thing}", {"thing": ["vol {n}"], "n": [3, 3]}, random.Random(1))
    'where is vol 3'
    """

    def chosen(place: re.Match[str]) -> str:
        return _word(words[place[1]], rng)

    while _WORD.search(pattern):
        pattern = _WORD.sub(chosen, pattern)
    return pattern


def _word(choices: Sequence[Any], rng: random.Random) -> str:
    """One of the strings, or a number between the two integers."""
    if isinstance(choices[0], int):
        return str(rng.randint(*choices))
    return str(rng.choice(choices))


def dressed(text: str, spoken: Language, rng: random.Random) -> str:
    """The request as somebody typed it: misspelt, with a second thought or a word of thanks. The
    first request remains the main one.
    """
    if rng.random() < spoken.share["typo"]:
        text = misspelt(text, rng)
    if rng.random() < spoken.share["aside"]:
        aside = rng.choice(spoken.dress["aside"])
        text = f"{text}, {filled(aside, spoken.words, rng)}"
    if rng.random() < spoken.share["closing"]:
        closing = rng.choice(spoken.dress["closing"])
        text = f"{text} {closing}"
    return text


def misspelt(text: str, rng: random.Random) -> str:
    """One slip in one longer word: a letter lost, doubled, or two that changed places.

    >>> misspelt("any manga", random.Random(2))
    'any mnga'
    """
    words = list(_LONG_WORD.finditer(text))
    if not words:
        return text
    word = rng.choice(words)
    i = word.start() + rng.randrange(1, len(word[0]) - 1)
    letter = text[i]
    following = text[i + 1]
    slip = rng.choice(
        [
            following,
            letter * 2 + following,
            following + letter,
        ]
    )
    return text[:i] + slip + text[i + 2 :]
