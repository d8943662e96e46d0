"""How a person writes a rate limit: ``600/minute``, or several as ``10/second;600/minute``."""

import limits


def read(text: str) -> str:
    """Check a rate limit.

    Parameters
    ----------
    text : str
        A number of requests per second, minute, hour, day, month or year, or several such limits with ``;``
        between them.

    Returns
    -------
    str
        The same without white space.

    Raises
    ------
    ValueError
        If it is none, or lets no request through.
    """
    try:
        parsed = limits.parse_many(text)
    except ValueError:
        parsed = []
    if not parsed or any(one.amount < 1 for one in parsed):
        raise ValueError(f'{text!r} is no rate: write it as "600/minute" or "10/second;600/minute"')
    return ";".join(map(_short, parsed))


def _short(rate: limits.RateLimitItem) -> str:
    return f"{rate.amount}/{rate.multiples if rate.multiples > 1 else ''}{rate.GRANULARITY.name}"
