"""Held-out sentences have no near-duplicate among those that are fitted on."""

from dataclasses import replace

import pytest

from training import corpus
from training.checks import near_duplicates
from training.corpus import held_out
from training.split import split


@pytest.fixture(scope="module")
def sentences(small_labels, codes):
    """Read the small labels."""
    return corpus.read(small_labels, codes)


def like(sentence, *, held):
    """Give a near-duplicate on one side."""
    texts = (f"{sentence.text[:-1]} in week {number}." for number in range(1, 1000))
    return next(one for one in (replace(sentence, text=text) for text in texts) if held_out(one) == held)


def long(sentences, *, held):
    """Give the first sentence on one side that is long enough for its near-duplicates to be found for sure."""
    return next(one for one in sentences if held_out(one) == held and len(one.text.split()) > 25)


def test_without_near_duplicates(sentences):
    """Where no two sentences are alike, a digit of the digest decides, and nothing is set aside."""
    parts = split(sentences)
    assert near_duplicates([one.text for one in sentences]) == []
    assert parts.tested == [one for one in sentences if held_out(one)]
    assert parts.kept == [one for one in sentences if not held_out(one)]
    assert (parts.aside, parts.heads) == ([], {})


def test_near_duplicates_of_held_out(sentences):
    """What is like a held-out sentence is set aside; no held-out sentence changes sides."""
    near = like(long(sentences, held=True), held=False)
    parts = split([*sentences, near])
    assert parts.aside == [near]
    assert (parts.kept, parts.tested) == (split(sentences).kept, split(sentences).tested)


def test_near_duplicates_that_come_to_be_held_out(sentences):
    """A new sentence that is held out sets the old one that it is like aside."""
    old = long(sentences, held=False)
    new = like(old, held=True)
    parts = split([*sentences, new])
    assert parts.aside == [old]
    assert new in parts.tested


def test_group_goes_by_its_first(sentences):
    """Near-duplicates that are fitted on stay together: the first one's text decides for all."""
    first = long(sentences, held=False)
    near = like(first, held=False)
    parts = split([*sentences, near])
    assert parts.aside == []
    assert parts.head(near) == parts.head(first) == first.text
    assert parts.head(sentences[-1]) == sentences[-1].text
