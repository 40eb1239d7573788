"""Pure. The ten intents, which of them are rare, which are critical, and how bad each confusion is.

The order of INTENTS is the order of every array that is stored (panes, windows, logits): it is only ever appended to.
"""

import re
from typing import Final

INTENTS: Final[tuple[str, ...]] = (
    "product_discovery",
    "product_question",
    "recommendation",
    "faq",
    "order_tracking",
    "return_request",
    "promotion",
    "checkout_help",
    "escalation",
    "chitchat",
)
INDEX: Final[dict[str, int]] = {intent: i for i, intent in enumerate(INTENTS)}
SCRIPTS: Final[tuple[str, ...]] = ("latin", "japanese", "mixed", "other")
_JAPANESE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff66-\uff9f]")
_LATIN: Final = re.compile(r"[A-Za-z]")
ROLES: Final[tuple[str, ...]] = ("champion", "shadow", "canary")

RARE: Final[tuple[str, ...]] = ("escalation", "checkout_help", "promotion")
CRITICAL: Final[tuple[str, ...]] = (*RARE, "order_tracking", "return_request")

# Where a route ends. Confusing two intents of one destination costs little; missing a person who asks for help costs most.
_DESTINATION: Final[dict[str, str]] = {
    "product_discovery": "catalogue",
    "product_question": "catalogue",
    "recommendation": "catalogue",
    "faq": "answers",
    "order_tracking": "orders",
    "return_request": "orders",
    "promotion": "answers",
    "checkout_help": "checkout",
    "escalation": "person",
    "chitchat": "small_talk",
}
# The two confusions the seed names (10.5): one tolerable, one severe.
_NAMED: Final[dict[tuple[str, str], float]] = {
    ("product_discovery", "recommendation"): 0.1,
    ("recommendation", "product_discovery"): 0.1,
    ("order_tracking", "product_discovery"): 1.0,
}


def severity(true: str, predicted: str) -> float:
    """How bad it is to route a `true` message as `predicted`, in [0, 1].

    >>> severity("faq", "faq"), severity("product_discovery", "recommendation"), severity("order_tracking", "product_discovery")
    (0.0, 0.1, 1.0)
    """
    if true == predicted:
        return 0.0
    if (true, predicted) in _NAMED:
        return _NAMED[true, predicted]
    if true == "escalation":
        return 1.0
    if _DESTINATION[true] == _DESTINATION[predicted]:
        return 0.3
    return 0.8 if true in CRITICAL else 0.5


def script(text: str) -> str:
    """latin | japanese | mixed | other, by the letters in it.

    >>> script("NARUTO"), script("ナルト"), script("Naruto みたいな"), script("123")
    ('latin', 'japanese', 'mixed', 'other')
    """
    japanese, latin = bool(_JAPANESE.search(text)), bool(_LATIN.search(text))
    return "mixed" if japanese and latin else "japanese" if japanese else "latin" if latin else "other"


SEVERITY: Final[dict[tuple[str, str], float]] = {(t, p): severity(t, p) for t in INTENTS for p in INTENTS}
