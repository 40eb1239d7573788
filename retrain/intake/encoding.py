"""Pure. In which encoding a file of text is. Nothing is ever replaced: two names that differ in one
unreadable letter would become one person.

What its first bytes say holds. Else it is UTF-8, if at least as many lines with foreign letters are
as are not; a line that is not is then no line of it. Else it is the one encoding in which every
line reads and the letters look like words, and that is a guess.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

UTF_8: Final = "utf-8"
# Excel's in Japan, old Japanese Unix, Excel's in the West.
GUESSES: Final = ("cp932", "euc_jp", "cp1252")
# UTF-32's mark begins with UTF-16's.
_MARKS: Final = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LETTERS: Final = re.compile("[À-ÖØ-öø-ÿŠšŽžŒœŸ]")
_SIGNS: Final = re.compile("[‘’“”–—…€£§°«»¡¿·´ªº©®]")
# A capital in the middle of a word is what UTF-8 looks like when it is read as Western.
_CAPITAL: Final = re.compile("(?<=[a-zß-öø-ÿ])[À-ÖØ-Þ]")
# Half-width kana, letters of nobody, and a Chinese character within a Latin word.
_NO_JAPANESE: Final = re.compile(
    "[\uff61-\uff9f\ue000-\uf8ff]|(?<=[a-z])[^\0-\xff]|[^\0-\xff](?=[a-z])"
)
_ODD: Final = 0.3  # of the letters; more are no words
_CLEAR: Final = 0.05  # of the letters, between the likeliest and the next


@dataclass(frozen=True, slots=True)
class Encoding:
    """`sure`: told by the file itself, not guessed. `skip`: bytes of its mark."""

    name: str
    sure: bool = True
    skip: int = 0


def marked(head: bytes) -> Encoding | None:
    r"""What the first bytes of a file say: a byte order mark, or a NUL beside every letter.

    >>> marked(b"\xef\xbb\xbfreq_id").name, marked("a,b".encode("utf-16-le")).name, marked(b"a,b")
    ('utf-8', 'utf-16-le', None)
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            skip = len(mark) if name == UTF_8 else 0  # the others' decoders take it off
            return Encoding(name, skip=skip)
    begin = head[:6]  # what comes first is a bracket or a column, of Latin letters
    if len(begin) > 1 and not any(begin[1::2]):
        return Encoding("utf-16-le")
    if len(begin) > 1 and not any(begin[0::2]):
        return Encoding("utf-16-be")
    return None


def guessed(lines: Iterable[bytes]) -> Encoding | None:
    """The encoding of a file without a mark, of all its lines; None if it cannot be told.

    >>> guessed(["r1,José".encode("cp1252")]), guessed(["r1,田中".encode("cp932")]).name
    (Encoding(name='cp1252', sure=False, skip=0), 'cp932')
    """
    good = bad = 0
    odd = dict.fromkeys(GUESSES, 0.0)
    letters = dict.fromkeys(GUESSES, 0)
    for line in lines:
        if line.isascii():
            continue
        if _text(line, UTF_8) is not None:
            good += 1
        else:
            bad += 1
            _weigh(line, odd, letters)
    return Encoding(UTF_8) if good >= bad else _likeliest(odd, letters)


def _weigh(line: bytes, odd: dict[str, float], letters: dict[str, int]) -> None:
    """Add a line's foreign letters, and those of them that are odd, of each encoding; one in which
    it does not read is out.
    """
    for name in list(odd):
        text = _text(line, name)
        if text is None:
            del odd[name]
            continue
        odd[name] += _oddness(text, name)
        letters[name] += sum(letter > "\x7f" for letter in text)


def _likeliest(odd: dict[str, float], letters: dict[str, int]) -> Encoding | None:
    """The encoding with the fewest odd letters; None where two are as likely, or none is."""
    shares = sorted((odd[name] / max(letters[name], 1), name) for name in odd)
    if not shares or shares[0][0] > _ODD:
        return None
    if len(shares) > 1 and shares[1][0] - shares[0][0] < _CLEAR:
        return None
    return Encoding(shares[0][1], sure=False)


def _text(line: bytes, name: str) -> str | None:
    try:
        return line.decode(name)
    except UnicodeDecodeError:
        return None


def _oddness(text: str, name: str) -> float:
    """How many of its foreign letters stand where no word has them."""
    if name != "cp1252":
        return len(_NO_JAPANESE.findall(text))
    foreign = sum(letter > "\x7f" for letter in text)
    signs = len(_SIGNS.findall(text))
    words = len(_LETTERS.findall(text)) - len(_CAPITAL.findall(text))
    return foreign - words - signs / 2
