"""The ordered pairs of a sentence."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relations.domain import Mention, Sentence
from relations.pairs import actors_of, pairs_of

TEXT = "France and Italy said that both nations and Iran would meet."
SENTENCE = Sentence(3, 100, 100 + len(TEXT), TEXT)


def mention(surface, country, kind="name"):
    """Mention of a surface of the sentence, in code points into the text around it."""
    start = 100 + TEXT.index(surface)
    return Mention(start, start + len(surface), surface, country, kind)


FRANCE, ITALY, IRAN = mention("France", "FRA"), mention("Italy", "ITA"), mention("Iran", "IRN")


def both(one, other):
    """Make an anaphor for two countries."""
    return [mention("both nations", country, "anaphor") for country in (one, other)]


@given(st.lists(st.sampled_from(["FRA", "ITA", "IRN", "USA", "source"]), max_size=8))
def test_every_ordered_pair_once(codes):
    """Every ordered pair of distinct actors comes exactly once, however often an actor is mentioned."""
    actors = tuple((2 * index, 2 * index + 1, code) for index, code in enumerate(codes))
    pairs = pairs_of("x" * 20, actors)
    found = [(pair.source, pair.target) for pair in pairs]
    assert len(found) == len(set(found))
    assert set(found) == set(permutations(set(codes), 2))


def test_order_of_pairs():
    """Pairs come by source, then target, each in order of first mention."""
    actors = ((0, 6, "FRA"), (11, 16, "ITA"), (20, 26, "FRA"), (30, 34, "IRN"))
    assert [(pair.source, pair.target) for pair in pairs_of(TEXT, actors)] == [
        ("FRA", "ITA"), ("FRA", "IRN"), ("ITA", "FRA"), ("ITA", "IRN"), ("IRN", "FRA"), ("IRN", "ITA"),
    ]  # fmt: skip


def test_pairs_share_the_sentence():
    """All pairs of a sentence hold its text and one and the same tuple of actors."""
    actors = ((0, 6, "FRA"), (11, 16, "ITA"))
    pairs = pairs_of(TEXT, actors)
    assert all(pair.text == TEXT and pair.actors is actors for pair in pairs)


@pytest.mark.parametrize("actors", [(), ((0, 6, "FRA"),), ((0, 6, "FRA"), (11, 16, "FRA"))])
def test_no_pair(actors):
    """Without two distinct countries there is no pair."""
    assert pairs_of(TEXT, actors) == []


def test_offsets_of_actors():
    """Actors stand in code points into the sentence, not into the text."""
    actors = actors_of(SENTENCE, [FRANCE, ITALY, IRAN])
    assert [(TEXT[start:end], actor) for start, end, actor in actors] == [
        ("France", "FRA"),
        ("Italy", "ITA"),
        ("Iran", "IRN"),
    ]


def test_anaphor_for_named_countries_is_no_actor():
    """An anaphor whose countries are all named in the sentence is no actor."""
    mentions = [FRANCE, ITALY, *both("FRA", "ITA"), IRAN]
    assert [actor for _, _, actor in actors_of(SENTENCE, mentions)] == ["FRA", "ITA", "IRN"]


def test_anaphor_with_an_unnamed_country_is_an_actor():
    """An anaphor counts, for both its countries, where one of them is not named in the sentence."""
    mentions = [FRANCE, *both("FRA", "USA"), IRAN]
    actors = actors_of(SENTENCE, mentions)
    assert [(TEXT[start:end], actor) for start, end, actor in actors] == [
        ("France", "FRA"),
        ("both nations", "FRA"),
        ("both nations", "USA"),
        ("Iran", "IRN"),
    ]


def test_anaphor_alone():
    """A sentence that names no country has its anaphors as actors."""
    assert [actor for _, _, actor in actors_of(SENTENCE, both("FRA", "USA"))] == ["FRA", "USA"]
