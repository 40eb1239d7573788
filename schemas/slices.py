"""Pure. Kinds of messages that a classifier may serve worse than the rest: scripts, short and long
ones, jargon, slang; those with two wishes come with labels.

A slice is one bit, so a message's slices are one number. The words are examples enough to draw a
slice, not a dictionary: a message may be in none.
"""

import functools
import re
from typing import Final

SCRIPTS: Final[tuple[str, ...]] = ("latin", "japanese", "mixed", "other")
_JAPANESE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff66-\uff9f]")
_LATIN: Final = re.compile(r"[A-Za-z]")
NAMES: Final[tuple[str, ...]] = (*SCRIPTS, "short", "long", "jargon", "slang")
TWO_WISHES: Final = "two_wishes"  # known of labelled messages alone
BITS: Final = {name: 1 << i for i, name in enumerate(NAMES)}
_SHORT, _LONG = 12, 120  # characters; about two words, and more than one sentence
# Characters looked at for words: nobody's wish begins later, and no text can keep a pattern busy.
_READ: Final = 500
_JARGON: Final = re.compile(
    r"\b(manga(ka)?|anime|isekai|sh(ou|o|ō)nen|sh(ou|o|ō)jo|seinen|josei|iyashikei|mecha|yaoi|yuri"
    r"|doujin(shi)?|tank(ou|o|ō)bon|omnibus|box ?sets?|light novels?|manhwa|manhua|webtoon"
    r"|art ?books?|scanlations?|vol(ume)?s?\.? ?\d+|chapter \d+)\b"
    r"|漫画|マンガ|アニメ|異世界|少年|少女|青年|単行本|全巻|\d巻|同人|画集|[『「].+?[』」]",
    re.IGNORECASE,
)
_SLANG: Final = re.compile(
    r"\b(u(?![.-])|ur|pls|plz|thx|lol|lmao|omg|wtf|tbh|imo|idk|ngl|btw|asap|gonna|wanna|gotta"
    r"|kinda|sorta|lemme|gimme|dunno|ain'?t|y'?all|bro|dude|yo|nah|yep|goated|meh)\b"
    r"|ww+$|草$|まじ|ヤバい|やばい",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=1 << 14)
def _worded(head: str) -> tuple[str, ...]:
    """The slices that words tell. A week's messages are looked at every hour."""
    worded = []
    if _JARGON.search(head):
        worded.append("jargon")
    if _SLANG.search(head):
        worded.append("slang")
    return tuple(worded)


def of(text: str) -> int:
    """The slices of a message, as bits in the order of NAMES.

    >>> [name for name in NAMES if BITS[name] & of("got vol 3 of that isekai pls")]
    ['latin', 'jargon', 'slang']
    """
    names = [script(text), *_worded(text[:_READ])]
    if len(text) <= _SHORT:
        names.append("short")
    elif len(text) > _LONG:
        names.append("long")
    return sum(BITS[name] for name in names)


def script(text: str) -> str:
    """latin | japanese | mixed | other, by the letters in it.

    >>> script("NARUTO"), script("ナルト"), script("Naruto みたいな"), script("123")
    ('latin', 'japanese', 'mixed', 'other')
    """
    japanese = _JAPANESE.search(text)
    latin = _LATIN.search(text)
    if japanese and latin:
        return "mixed"
    if japanese:
        return "japanese"
    return "latin" if latin else "other"
