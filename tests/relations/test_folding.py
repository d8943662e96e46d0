"""Typographic variants of a text folded into one plain form."""

import itertools
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relations.folding import fold

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
NAMES = st.sampled_from(
    [
        "Côte d’Ivoire", "São Tomé", "Türkiye", "Curaçao", "Åland", "Réunion", "Łódź", "Đà Nẵng", "Æthelred",
        "İzmir", "ﬁ", "½", "…", "ǅ", "한국", "中国", "Ελλάδα", "Россия", "إيران", "ישראל", "भारत", "\u00ad",
        "\u200d", "\u200f", "\u00a0", "–", "—", "−", "“", "”", "‘", "’", "´", "`", "😀", "👩‍👧", "\t", "\r\n",
        "\u2028", "ß", "ø", "ŉ", "Ǆ",
    ]
)  # fmt: skip
TEXTS = st.lists(NAMES | st.text(max_size=3), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Côte d’Ivoire", "Cote d'Ivoire"),
        ("São Tomé and Príncipe", "Sao Tome and Principe"),
        ("Türkiye", "Turkiye"),
        ("Łukasz Ødegård", "Lukasz Odegard"),
        ("“Iran”", '"Iran"'),
        ("US–led, U.S.‑led", "US-led, U.S.-led"),
        ("North\u00a0Korea", "North Korea"),
        ("Swit\u00adzerland", "Switzerland"),
        ("\u200fIran\u200e", "Iran"),
        ("Ｉｒａｎ", "Iran"),
        ("New\nZealand\tand", "New Zealand and"),
        ("New\r\nZealand\rand", "New Zealand and"),
    ],
)
def test_plain_form(text, plain):
    """Accents go, quotes get straight, hyphens and spaces ordinary; a line end is one space."""
    assert fold(text)[0] == plain


def test_ascii_words_stay():
    """English text in plain ASCII is its own plain form, with the same offsets."""
    text = 'The U.S. said: "Iran\'s 3 ships - all of them - left (at 5 p.m.)!"'
    assert fold(text) == (text, None)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("d´Ivoire \u1ffd")
def test_normal_forms_fold_alike(text):
    """Every Unicode normal form of a text has the same plain form."""
    assert {fold(unicodedata.normalize(form, text))[0] for form in FORMS} == {fold(text)[0]}


@settings(max_examples=300, deadline=None)
@given(TEXTS | st.text())
def test_offsets_map_back(text):
    """From the character that an offset names the rest of the text folds to the rest of the folded text."""
    folded, offsets = fold(text)
    if offsets is None:
        assert len(folded) == len(text)
        offsets = range(len(text) + 1)
    assert len(offsets) == len(folded) + 1
    assert offsets[len(folded)] == len(text)
    assert all(one <= other for one, other in itertools.pairwise(offsets))
    for index in range(len(folded)):
        if index == 0 or offsets[index - 1] < offsets[index]:
            assert fold(text[offsets[index] :])[0] == folded[index:]


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_folding_twice(text):
    """A folded text is its own plain form."""
    folded, _ = fold(text)
    assert fold(folded)[0] == folded
