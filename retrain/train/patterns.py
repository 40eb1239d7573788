"""Pure. More messages of an intent that has few, from its own: words that stand in one and the same
sentence may stand for each other in its other sentences.

    where is my parcel | where is my order | has the parcel left   ->   has the order left
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

_LEAST_WORDS = 3  # of a sentence, else any word stands for any


def made(texts: Sequence[str], wanted: int, taken: Collection[str] = ()) -> list[str]:
    """At most `wanted` new sentences from normalised ones; none of them, and none of `taken`. The
    order of what is given changes nothing.

    >>> made(["where is my parcel", "where is my order", "has the parcel left"], 9)
    ['has the order left']
    """
    sentences = sorted({text for text in texts if len(text.split()) >= _LEAST_WORDS})
    others = _interchangeable(sentences)
    known = {*texts, *taken}
    new = {each for text in sentences for each in _variants(text, others) if each not in known}
    # By a hash: the first of the alphabet would all be one sentence.
    return sorted(new, key=_order)[: max(0, wanted)]


def _interchangeable(sentences: Sequence[str]) -> dict[str, set[str]]:
    """By word, those that stand where it stands, with all else alike."""
    stands: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for sentence in sentences:
        words = sentence.split()
        for place, word in enumerate(words):
            stands[*words[:place], "", *words[place + 1 :]].add(word)

    others: dict[str, set[str]] = defaultdict(set)
    for words_there in stands.values():
        for word in words_there:
            others[word] |= words_there - {word}
    return others


def _variants(sentence: str, others: dict[str, set[str]]) -> Iterator[str]:
    words = sentence.split()
    for place, word in enumerate(words):
        for other in others[word]:
            yield " ".join([*words[:place], other, *words[place + 1 :]])


def _order(sentence: str) -> str:
    return hashlib.sha256(sentence.encode()).hexdigest()
