"""Pure. The annotation guideline, from the taxonomy: one line an intent and one a confused pair.
`services.labels next` shows it.

docs/labelling.md has that of MangaAssist, word for word.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from schemas import present

RULES: Final = {intent.name: intent.rule for intent in present.TAXONOMY.intents if intent.rule}
BETWEEN: Final = present.TAXONOMY.between
TWO_WISHES: Final = present.TAXONOMY.two_wishes


def likely(*intents: str | None) -> list[str]:
    """These intents as they are called now, each once, in the taxonomy's order: which of them the
    classifier thought likelier does not show.

    >>> likely("faq", None)
    ['faq']
    """
    wanted = set()
    for intent in intents:
        if intent:
            wanted.add(present.survivor(intent))
    return [intent for intent in present.INTENTS if intent in wanted]


def rules(intents: Iterable[str]) -> dict[str, str]:
    """The rules of these intents, of those that have one.

    >>> list(rules(["faq", "unheard_of"]))
    ['faq']
    """
    chosen = {}
    for intent in intents:
        if intent in RULES:
            chosen[intent] = RULES[intent]
    return chosen


def between(intents: Sequence[str]) -> str | None:
    """What decides between two intents, in either order; None where the guideline has no rule of
    the pair.

    >>> between(["order_tracking", "faq"])
    "In general: faq. An order of one's own: order_tracking."
    """
    asked = set(intents)
    for pair, rule in BETWEEN.items():
        if set(pair) == asked:
            return rule
    return None
