"""How rate limits are written."""

import pytest

from service import rates


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("600/minute", "600/minute"),
        (" 600 per minutes ", "600/minute"),
        ("1 per 5 seconds", "1/5second"),
        ("10/second; 600/minute", "10/second;600/minute"),
        ("9/HOUR,99/day", "9/hour;99/day"),
    ],
)
def test_good_rate(text, short):
    """A rate comes back in one word, which means the same."""
    assert rates.read(text) == short
    assert rates.read(short) == short


@pytest.mark.parametrize(
    "text", ["", "many", "5", "5/", "/minute", "5/fortnight", "0/minute", "1/second;0/day", "-1/day"]
)
def test_bad_rate(text):
    """What is no rate, or lets nothing through, is refused with an example."""
    with pytest.raises(ValueError, match="600/minute") as refusal:
        rates.read(text)
    assert repr(text) in str(refusal.value)
