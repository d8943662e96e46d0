"""What holds for the mentions of any text."""

import datetime as dt
import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relations import anaphora, sentences

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
LIMITS = settings(max_examples=200, deadline=None)


def _texts(snippets):
    """Texts made of snippets, of pieces of them and of stray characters, so that mentions do occur."""
    whole = st.sampled_from([snippet.text for snippet in snippets])
    piece = st.tuples(whole, st.integers(0, 200), st.integers(1, 200)).map(lambda t: t[0][t[1] : t[1] + t[2]])
    return st.lists(st.one_of(whole, piece, st.text(max_size=5)), min_size=1, max_size=8).map(" ".join)


def _check(text, mentions):
    """Hold what the contract says of a list of mentions."""
    for mention in mentions:
        assert 0 <= mention.start < mention.end <= len(text)
        assert text[mention.start : mention.end] == mention.text
    for one, other in itertools.pairwise(mentions):
        assert one.start <= other.start
        if (one.start, one.end) == (other.start, other.end):
            assert one.kind == other.kind == "anaphor"
            assert one.country != other.country
        else:
            assert one.end <= other.start


@LIMITS
@given(data=st.data())
def test_offsets_and_order(data, snippets, finder, find_all):
    """Offsets slice back to the surface; mentions are in order and share no character.

    Only the two mentions of an anaphor for two countries share their span.
    """
    text = data.draw(_texts(snippets))
    as_of = data.draw(DAYS)
    by_name = finder.find(text, as_of)
    _check(text, by_name)
    assert all(mention.kind != "anaphor" for mention in by_name)
    _check(text, find_all(text, as_of))


def test_offsets_and_order_of_the_snippets(snippets, find_all):
    """The same holds for every snippet as it stands, and for all of them as one text."""
    for snippet in snippets:
        _check(snippet.text, find_all(snippet.text, snippet.as_of))
    everything = "\n\n".join(snippet.text for snippet in snippets)
    _check(everything, find_all(everything))


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_normal_forms_name_the_same_countries(form, snippets, find_all):
    """How a text's accents, ligatures and spaces are encoded changes no country."""
    changed = []
    for snippet in snippets:
        other = unicodedata.normalize(form, snippet.text)
        before = [(m.country, m.kind) for m in find_all(snippet.text, snippet.as_of)]
        after = [(m.country, m.kind) for m in find_all(other, snippet.as_of)]
        if before != after:
            changed.append(f"{snippet.place}: {before} became {after}")
    assert not changed, "\n".join(changed)


@LIMITS
@given(data=st.data(), form=st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_mixed_forms_name_the_same_countries(data, form, snippets, find_all):
    """A text put together from snippets in different normal forms names the countries of its plain form."""
    parts = data.draw(st.lists(st.sampled_from(snippets), min_size=1, max_size=4))
    plain = "\n\n".join(unicodedata.normalize("NFC", part.text) for part in parts)
    mixed = "\n\n".join(
        unicodedata.normalize(form, part.text) if place % 2 == 0 else part.text for place, part in enumerate(parts)
    )
    assert [m.country for m in find_all(plain)] == [m.country for m in find_all(mixed)]


@LIMITS
@given(text=st.text(), as_of=DAYS)
def test_any_text_is_read(text, as_of, find_all):
    """No text raises."""
    _check(text, find_all(text, as_of))


@LIMITS
@given(text=st.text(alphabet=st.characters()), as_of=DAYS)
def test_lone_surrogates_are_read(text, as_of, find_all):
    """Half of a surrogate pair, which JSON can carry, raises nothing either."""
    _check(text, find_all(text, as_of))


@LIMITS
@given(data=st.data())
def test_same_text_same_mentions(data, snippets, find_all):
    """The finder keeps nothing from one text to the next."""
    text = data.draw(_texts(snippets))
    first = find_all(text)
    find_all(data.draw(_texts(snippets)))
    assert find_all(text) == first


@LIMITS
@given(data=st.data())
def test_anaphors_point_to_countries_named_before(data, snippets, finder):
    """An anaphor's countries are named in the text, before it, and ``refers_to`` is set."""
    text = data.draw(_texts(snippets))
    mentions = finder.find(text, dt.date(2024, 6, 1))
    for anaphor in anaphora.resolve(text, sentences.split(text), mentions):
        assert anaphor.kind == "anaphor"
        assert anaphor.refers_to
        assert anaphor.country in {m.country for m in mentions if m.end <= anaphor.start}


def test_empty_text(find_all):
    """A text without a word has no mention."""
    assert find_all("") == []
    assert find_all(" \n\t\u00a0 ") == []
