"""Pure. The one normaliser of message text, used by training and by serving: style (case, spacing,
final punctuation) predicts the intent of public data sets, so a difference between the two would be
a serving mismatch. Its hash travels with every model.
"""

import hashlib
import re
import unicodedata
from typing import Final

_SPACE: Final = re.compile(r"\s+")
_FINAL: Final = ".!?。！？…,;: "
# Changes whenever the function's behaviour does; a model trained under another version refuses to
# load.
VERSION: Final = "1: NFKC, lower case, one space, no final punctuation"
SHA256: Final = hashlib.sha256(VERSION.encode()).hexdigest()


def text(raw: str) -> str:
    r"""The message as the classifier sees it; never longer in meaning, may be empty.

    >>> text("  Is this ISEKAI peak\n or mid?! ")
    'is this isekai peak or mid'
    """
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", raw).lower()).strip().rstrip(_FINAL)
