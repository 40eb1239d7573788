"""Pure. The annotation guideline in one line an intent and one a confused pair: what `services.labels next` shows, and docs/labelling.md word for word."""

from collections.abc import Iterable, Sequence
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
# The pairs that people and classifiers confuse, and what decides.
BETWEEN: Final[dict[tuple[str, str], str]] = {
    ("product_discovery", "product_question"): "Looks for what fits: product_discovery. A product is named and a fact of it wanted: product_question.",
    ("product_discovery", "recommendation"): "Wants to see what there is: product_discovery. Wants advice on what to choose: recommendation.",
    ("product_question", "faq"): "True of this product only: product_question. True of every order: faq.",
    ("faq", "order_tracking"): "In general: faq. An order of one's own: order_tracking.",
    ("faq", "return_request"): "Asks what the policy is: faq. Wants it done: return_request.",
    ("faq", "checkout_help"): "Ways of paying, ordering, signing in: checkout_help. All else about how the shop works: faq.",
    (
        "order_tracking",
        "return_request",
    ): "Wants to know where it is: order_tracking. Wants money or another one, even if only because it is late: return_request.",
    ("promotion", "checkout_help"): "Asks what an offer gives: promotion. The offer is refused while ordering: checkout_help.",
    ("return_request", "escalation"): "A complaint with a clear wish is that wish: return_request. Asks for a person, or only complains: escalation.",
    ("escalation", "chitchat"): "A complaint that a person must answer: escalation. Banter about the shop or the assistant: chitchat.",
}
TWO_WISHES: Final = "Two wishes: the one whose delay hurts most is the intent (money, then orders, then questions); the other goes into also."


def rules(intents: Iterable[str]) -> dict[str, str]:
    """The rules of these intents, in the guideline's order: which of them the classifier thought likelier does not show.

    >>> list(rules(["chitchat", "faq"]))
    ['faq', 'chitchat']
    """
    wanted = set(intents)
    return {intent: rule for intent, rule in RULES.items() if intent in wanted}


def between(intents: Sequence[str]) -> str | None:
    """What decides between two intents, in either order; None where the guideline has no rule of the pair.

    >>> between(["order_tracking", "faq"])
    "In general: faq. An order of one's own: order_tracking."
    """
    return next((rule for pair, rule in BETWEEN.items() if set(pair) == set(intents)), None)
