"""From a text to its sentences with their mentions."""

import datetime as dt

import pytest

from relations import gazetteer
from relations.mentions import MentionFinder
from relations.reading import read_mentions

DAY = dt.date(2024, 6, 1)


@pytest.fixture(scope="module")
def finder():
    """Find with the gazetteer that ships."""
    return MentionFinder(gazetteer.load())


def test_each_mention_lies_in_its_sentence(finder):
    """Every mention stands with the sentence that holds it, also one whose name a line break divides."""
    text = "Talks failed\nIn New\nZealand, Chile agreed. Nobody came. Both countries signed."
    sentences, grouped = read_mentions(finder, text, DAY)
    assert len(sentences) == len(grouped)
    for sentence, mentions in zip(sentences, grouped, strict=True):
        assert all(sentence.start <= one.start < one.end <= sentence.end for one in mentions)
    kinds = [(one.country, one.kind) for mentions in grouped for one in mentions]
    assert kinds == [("NZL", "name"), ("CHL", "name"), ("NZL", "anaphor"), ("CHL", "anaphor")]


def test_text_without_countries(finder):
    """Without a country every sentence comes with an empty list."""
    sentences, grouped = read_mentions(finder, "It rained. It stopped.", DAY)
    assert [one.text for one in sentences] == ["It rained.", "It stopped."]
    assert grouped == [[], []]
