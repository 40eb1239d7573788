"""Pure. What an annotator types for a message: `4`, `faq`, or `4 7` for an intent and one more in `also`."""

from dataclasses import dataclass
from typing import Any, Literal

from schemas import taxonomy


@dataclass(frozen=True, slots=True)
class Choice:
    """The main intent and further wishes."""

    intent: Any  # one of taxonomy.INTENTS; Any, since msgspec's Literal spells them out
    also: list[Any]


def parse(typed: str) -> Choice | Literal["skip", "quit"] | str:
    """A choice; `skip` for an empty line or s, `quit` for q; else a sentence that says what is wrong.

    Intents go by number (1 to 10 in the guideline's order) or by name; the first is the intent, the others go into `also`, each once.

    >>> parse("4 7"), parse(" FAQ, promotion faq")
    (Choice(intent='faq', also=['promotion']), Choice(intent='faq', also=['promotion']))
    >>> parse(""), parse("q"), parse("11")
    ('skip', 'quit', "'11' is no intent; type 1 to 10, a name, s to skip or q to stop")
    """
    words = typed.lower().replace(",", " ").split()
    if words in ([], ["s"]):
        return "skip"
    if words == ["q"]:
        return "quit"
    chosen: list[str] = []
    for word in words:
        intent = _intent(word)
        if intent is None:
            return f"{word[:40]!r} is no intent; type 1 to {len(taxonomy.INTENTS)}, a name, s to skip or q to stop"
        if intent not in chosen:
            chosen.append(intent)
    return Choice(chosen[0], chosen[1:])


def _intent(word: str) -> str | None:
    if word in taxonomy.INDEX:
        return word
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 3 else 0
    return taxonomy.INTENTS[number - 1] if 1 <= number <= len(taxonomy.INTENTS) else None
