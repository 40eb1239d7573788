"""Pure. Figures with their unit, as the board and Slack both write them."""


def percent(ratio: float) -> str:
    """A ratio as percent; small ones keep two digits.

    >>> percent(0.714), percent(0.0002), percent(0.0)
    ('71.4 %', '0.02 %', '0.0 %')
    """
    value = 100 * ratio
    return f"{value:.1f} %" if value == 0 or abs(value) >= 0.1 else f"{value:.2g} %"


def ms(value: float) -> str:
    """A latency in milliseconds."""
    return f"{value:.1f} ms"


def nats(value: float) -> str:
    """A divergence in nats."""
    return f"{value:.3f} nats"
