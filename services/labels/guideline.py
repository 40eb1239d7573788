"""Pure. The annotation guideline in one line an intent: what `services.labels next` shows. docs/labelling.md holds the same rules with examples."""

from collections.abc import Iterable
from typing import Final

RULES: Final[dict[str, str]] = {
    "product_discovery": "Looks for products by name, genre, author or trait, without asking for advice: the answer is a list.",
    "product_question": "Asks a fact about a product: language, volumes, author, size, age rating. The answer is that fact.",
    "recommendation": "Asks for advice on what to choose, often by likeness or mood. The answer is an opinion.",
    "faq": "Asks how the shop works in general: delivery areas, fees, policies, opening hours. No order of the person's own is meant.",
    "order_tracking": "Asks where an order of one's own is or when it will come.",
    "return_request": "Wants to send something back, exchange it, or get money for it. Asking about the policy alone is faq.",
    "promotion": "Asks about offers, coupons, points, newsletters or rewards.",
    "checkout_help": "Cannot, or asks how to, pay, place an order, sign in or change the address while ordering. Ways of paying belong here.",
    "escalation": "Wants a person, or complains so that a person must answer.",
    "chitchat": "Greets, thanks, jokes, or talks about something the shop does not serve.",
}


def rules(intents: Iterable[str]) -> dict[str, str]:
    """The rules of these intents."""
    return {intent: RULES[intent] for intent in intents}
