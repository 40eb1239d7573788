"""Pure. Figures with their unit, as the board and Slack both write them."""

from schemas.signals import Unit


def amount(unit: Unit, value: float) -> str:
    """A value with its unit.

    >>> amount(Unit.RATIO, 0.714), amount(Unit.MS, 13.94), amount(Unit.NATS, 0.0291)
    ('71.4 %', '13.9 ms', '0.029 nats')
    """
    written = {Unit.RATIO: percent, Unit.MS: ms, Unit.NATS: nats, Unit.ODDS: odds}
    return written[unit](value)


def percent(ratio: float) -> str:
    """A ratio as percent; small ones keep two digits.

    >>> percent(0.714), percent(0.0002), percent(0.0)
    ('71.4 %', '0.02 %', '0.0 %')
    """
    value = 100 * ratio
    return f"{value:.1f} %" if abs(value) < 1e-6 or abs(value) >= 0.1 else f"{value:.2g} %"


def ms(value: float) -> str:
    """A latency in milliseconds."""
    return f"{value:.1f} ms"


def nats(value: float) -> str:
    """A divergence in nats."""
    return f"{value:.3f} nats"


def lasted(seconds: float) -> str:
    """A duration as one says it.

    >>> lasted(840), lasted(3 * 3600), lasted(100 * 3600), lasted(48 * 3600), lasted(20)
    ('14 min', '3 h', '4 d 4 h', '2 d', 'under a minute')
    """
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 1:
        return "under a minute"
    if hours < 2:
        return f"{minutes} min"
    days, rest = divmod(hours, 24)
    if hours < 48:
        return f"{hours} h"
    return f"{days} d {rest} h" if rest else f"{days} d"


def odds(log10: float) -> str:
    """Evidence as odds, from its decimal logarithm.

    >>> odds(3.0), odds(6.0), odds(20.0), odds(-1.0)
    ('1,000 to one', 'a million to one', 'over a million to one', 'one to 10')
    """
    size = abs(log10)
    number = f"{10**size:,.0f}" if size < 6 else "a million" if size == 6 else "over a million"
    return f"{number} to one" if log10 >= 0 else f"one to {number}"
