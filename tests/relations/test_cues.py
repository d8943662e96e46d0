"""Cues tell what an ambiguous name means."""

import pytest

from relations.cues import BLOCK, Surroundings, compile_cues
from relations.folding import fold
from relations.gazetteer import Sense

NAME = "Georgia"


def score(text, place, *cues):
    """Score of the only reading of the only name in a text."""
    (found,) = compile_cues([Sense(NAME, "GEO", place, cues)])
    folded = fold(text)[0]
    start = folded.index(NAME)
    surroundings = Surroundings(folded)
    beside = found.beside(folded, start, start + len(NAME))
    return beside + found.around(surroundings, start, surroundings.near(start))


@pytest.mark.parametrize(
    ("place", "cue", "text"),
    [
        ("before", "ex-Soviet", "In ex-Soviet Georgia it rained."),
        ("before", "ex-Soviet", "In ex-Soviet, Georgia it rained."),
        ("after", "Republic", "In Georgia Republic it rained."),
        ("after", "Republic", "In Georgia, Republic or not, it rained."),
        ("after", "president", "Georgia's president left."),
        ("after", "president", "Georgia’s president left."),
        ("after", ", Caucasus", "In Georgia, Caucasus, it rained."),
        ("near", "Tbilisi", "In Tbilisi he said that Georgia would win."),
        ("near", "Tbilisi", "He said that Georgia would win in Tbilisi."),
        ("near", "South Ossetia", "He said that Georgia would win South Ossetia back."),
        ("near", "Saakashvili", "Georgia, Saakashvili's home, won."),
        ("text", "Tbilisi", "Georgia won. " + "It rained. " * 100 + "He left Tbilisi."),
        ("text", "Côte d’Azur", "Georgia won at the Cote d'Azur."),
    ],
)
def test_cue_counts(place, cue, text):
    """A cue in its place speaks for its reading; the same text with other words there does not."""
    assert score(text, place, cue, "no such word") > 0
    assert score(text, place, "no such word") == 0


@pytest.mark.parametrize(
    ("place", "cue", "text"),
    [
        ("before", "Soviet", "The ex-Soviet army left Georgia."),
        ("before", "oviet", "In ex-Soviet Georgia it rained."),
        ("after", "Rep", "In Georgia Republic it rained."),
        ("after", "Republic", "In Georgia the Republic fell."),
        ("near", "Tbilisi", "Georgia won. " + "It rained. " * (4 * BLOCK // 10) + "He left Tbilisi."),
        ("near", "bilisi", "He left Tbilisi and Georgia."),
        ("near", "South Osset", "He left South Ossetia and Georgia."),
        ("text", "bilisi", "He left Tbilisi and Georgia."),
        ("near", "Tbilisi", "Georgia won."),
    ],
)
def test_cue_does_not_count(place, cue, text):
    """A cue elsewhere, or as a part of a longer word, says nothing."""
    assert score(text, place, cue) == 0


def test_closer_cues_weigh_more():
    """A cue beside the name outweighs one near it, and that one elsewhere in the text."""
    beside = score("In Georgia, Tbilisi won.", "after", "Tbilisi")
    near = score("In Georgia, Tbilisi won.", "near", "Tbilisi")
    anywhere = score("In Georgia, Tbilisi won.", "text", "Tbilisi")
    assert beside > near > anywhere > 0


def test_readings():
    """Cues are put together by reading, in order of first row, and defaults have none."""
    senses = [
        Sense(NAME, "-", "near", ("Atlanta",)),
        Sense(NAME, "GEO", "near", ("Tbilisi",)),
        Sense(NAME, "-", "text", ("Alabama",)),
        Sense(NAME, "GEO", "default", ()),
    ]
    assert [cues.reading for cues in compile_cues(senses)] == ["-", "GEO"]
    assert compile_cues(senses[3:]) == ()
