"""The interface of the mention finder; whom it finds is the matter of ``tests/mentions``."""

import datetime as dt
import itertools
import shutil

import pytest

from relations import gazetteer
from relations.mentions import MentionFinder

DAY = dt.date(2020, 6, 1)


def test_mentions_in_order(finder):
    """Mentions come in order, without overlap, with the surface that their offsets slice and a code."""
    text = "Paris and the French army left Chad; France’s ally Côte d’Ivoire did not."
    found = finder.find(text, DAY)
    assert [(one.text, one.country) for one in found] == [
        ("Paris", "FRA"), ("French", "FRA"), ("Chad", "TCD"), ("France", "FRA"), ("Côte d’Ivoire", "CIV"),
    ]  # fmt: skip
    assert all(text[one.start : one.end] == one.text for one in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))


def test_kinds(finder):
    """A mention says whether it is a name, a demonym, a capital or a leader."""
    found = finder.find("In Tokyo, Japan told the Chinese envoy what Angela Merkel had said.", DAY)
    assert [one.kind for one in found] == ["capital", "name", "demonym", "leader"]


@pytest.mark.parametrize("text", ["", " ", "Nothing to see here.", "\ud800", "\0" * 50])
def test_nothing_to_find(finder, text):
    """A text without a country has no mention."""
    assert finder.find(text, DAY) == []


@pytest.mark.parametrize("space", [" ", "\n", "\r\n", "\u00a0", "\u2028"])
def test_names_of_two_words(finder, space):
    """A name is found whichever space or line end stands between its words."""
    text = f"In New{space}Zealand, Saudi{space}Arabia won."
    found = finder.find(text, DAY)
    assert [one.country for one in found] == ["NZL", "SAU"]
    assert all(text[one.start : one.end] == one.text for one in found)


def test_words_inside_words(finder):
    """A name inside a longer word or a longer name is no mention."""
    assert finder.find("Chadwick of New Mexico romanised it.", DAY) == []


@pytest.mark.parametrize(
    ("day", "found"),
    [(dt.date(2001, 12, 31), 0), (dt.date(2002, 1, 1), 1), (dt.date(2003, 2, 28), 1), (dt.date(2003, 3, 1), 0)],
)
def test_names_are_dated(tmp_path, day, found):
    """A seat of power stands for its country from the first to the last day that the gazetteer gives it."""
    folder = shutil.copytree(gazetteer.DEFAULT_FOLDER, tmp_path / "gazetteer")
    with (folder / "names.tsv").open("a", encoding="utf-8") as file:
        file.write("Zyxwut House\tFRA\tgovernment\t2002\t2003-02\t\n")
    assert len(MentionFinder(gazetteer.load(folder)).find("The Zyxwut House protested.", day)) == found


def test_territories_are_no_actors(finder, names):
    """A dependent territory is not mistaken for a country."""
    territories = [country.name for country in names.countries.values() if not country.party]
    assert territories
    wrong = {name: finder.find(f"A storm hit {name} on Monday.", DAY) for name in territories}
    assert {name: found for name, found in wrong.items() if found} == {}
