"""Anaphors among the mentions; which anaphor means whom is the matter of ``tests/mentions``."""

import pytest

from relations.anaphora import merge, resolve
from relations.domain import Mention
from relations.sentences import split


def named(start, end, country="FRA"):
    """Make a mention by name."""
    return Mention(start, end, "x" * (end - start), country, "name")


def anaphor(start, end, country="FRA"):
    """Make an anaphor."""
    return Mention(start, end, "x" * (end - start), country, "anaphor", refers_to="x")


def test_in_order():
    """Mentions and anaphors come together in order of ``start``."""
    first, second, third = named(0, 3), anaphor(5, 9), named(12, 15, "IRN")
    assert merge([first, third], [second]) == [first, second, third]
    assert merge([third, first], [second]) == [first, second, third]


def test_two_countries_share_a_span():
    """Both mentions of an anaphor for two countries stay."""
    both = [anaphor(20, 32, "CHN"), anaphor(20, 32, "RUS")]
    assert merge([named(0, 3)], both) == [named(0, 3), *both]


@pytest.mark.parametrize("end", [4, 6, 12])
def test_first_of_two_that_overlap(end):
    """Of two that overlap the one that starts first stays."""
    assert merge([named(0, 5)], [anaphor(3, 3 + end)]) == [named(0, 5)]
    assert merge([named(3, 3 + end)], [anaphor(0, 5)]) == [anaphor(0, 5)]


def test_name_and_anaphor_on_one_span():
    """A name and an anaphor with the same span overlap, so that the name alone stays."""
    assert merge([named(0, 11)], [anaphor(0, 11, "IRN")]) == [named(0, 11)]


def test_neighbours_do_not_overlap():
    """Where one ends the next may begin."""
    assert merge([named(0, 5)], [anaphor(5, 8)]) == [named(0, 5), anaphor(5, 8)]


def test_nothing():
    """Of nothing comes nothing."""
    assert merge([], []) == []


def test_resolve_gives_two_mentions_with_one_span():
    """An anaphor for two countries gives two mentions whose span slices back, with what they refer to."""
    text = "😀 France met Iran. Both countries agreed."
    start = text.index("France")
    mentions = [
        Mention(start, start + 6, "France", "FRA", "name"),
        Mention(start + 11, start + 15, "Iran", "IRN", "name"),
    ]
    found = resolve(text, split(text), mentions)
    assert [(one.country, one.kind, one.refers_to) for one in found] == [
        ("FRA", "anaphor", "France"),
        ("IRN", "anaphor", "Iran"),
    ]
    assert {text[one.start : one.end] for one in found} == {"Both countries"} == {one.text for one in found}
