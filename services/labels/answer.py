"""Pure. What an annotator types for a message: `4`, `faq`, `4 7` for an intent and one more in
`also`, or `?` where nobody can tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from schemas import present

GLANCE: Final = 20  # intents in one line of choices


@dataclass(frozen=True, slots=True)
class Choice:
    """The main intent and further wishes; no intent where none can be told."""

    intent: str | None
    also: list[str]


def parse(typed: str) -> Choice | Literal["skip", "quit"] | str:
    """A choice, one of no intent for ?; `skip` for an empty line or s, `quit` for q; else a
    sentence that says what is wrong.

    Intents go by number (their place in the taxonomy, from 1) or by name; the first is the intent,
    the others go into `also`, each once. A part of a name answers nothing: the sentence lists the
    intents that have it, with their numbers.

    >>> parse("4 7"), parse(" FAQ, promotion faq")
    (Choice(intent='faq', also=['promotion']), Choice(intent='faq', also=['promotion']))
    >>> parse(""), parse("q")
    ('skip', 'quit')
    >>> parse("?")
    Choice(intent=None, also=[])
    >>> parse("11")
    "'11' is no intent; type 1 to 10, a name or a part of one, ?, s to skip or q to stop"
    >>> parse("product")
    "2 have 'product': 1 product_discovery  2 product_question"
    """
    words = typed.lower().replace(",", " ").split()
    if words in ([], ["s"]):
        return "skip"
    if words == ["q"]:
        return "quit"
    if words == ["?"]:
        return Choice(None, [])
    chosen: list[str] = []
    for word in words:
        intent = _intent(word)
        if intent is None:
            return _near(word)
        if intent not in chosen:
            chosen.append(intent)
    return Choice(chosen[0], chosen[1:])


def _intent(word: str) -> str | None:
    """The intent that a word names, by its number or its name; None if it names none."""
    if word in present.INDEX:
        return present.survivor(word)
    # At most three digits: int() refuses a number of thousands of digits.
    if not (word.isascii() and word.isdigit() and len(word) < 4):
        return None
    number = int(word)
    if not 1 <= number <= len(present.INTENTS):
        return None
    return present.INTENTS[number - 1]


def _near(word: str) -> str:
    """What is wrong with a word that is no intent: which intents it is a part of, if of any."""
    shown = repr(word[:40])
    having = [intent for intent in present.INTENTS if word in intent]
    if having and len(word) > 1 and not word.isdigit():
        return f"{len(having)} have {shown}: {numbered(having)}"
    return (
        f"{shown} is no intent; type 1 to {len(present.INTENTS)},"
        " a name or a part of one, ?, s to skip or q to stop"
    )


def numbered(intents: Sequence[str]) -> str:
    """Intents with the numbers they go by, as many as one takes in at a glance, and how many more
    there are.
    """
    shown = [f"{present.INDEX[intent] + 1} {intent}" for intent in intents[:GLANCE]]
    more = len(intents) - len(shown)
    if more:
        shown.append(f"and {more} more: type more of the name")
    return "  ".join(shown)
