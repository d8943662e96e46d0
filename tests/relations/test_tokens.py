"""A sentence as a row of tokens."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relations.tokens import tokenise


@st.composite
def marked_texts(draw):
    """Texts of words and odd characters in which some pieces are actors."""
    text, actors = "", []
    for piece in draw(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=15)):
        start = len(text)
        text += piece
        if piece and draw(st.booleans()):
            actors += [
                (start, len(text), code) for code in draw(st.sampled_from([["FRA"], ["IRN"], ["USA", "CHN"]]))
            ]
        text += draw(st.sampled_from(["", " ", " ", "-", "'s ", "\u2019s ", ", "]))
    return text, tuple(actors)


PIECES = [
    "France", "both nations", "the", "didn't", "DIDN'T", "cannot", "5,000", "3.5", "U.S.", "led", "pro", "😀", "“",
    "”", "—", "Co\u0302te d’Ivoire", "\u200fIran", "North\u00a0Korea", "_", "ſ", "İzmir",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(marked_texts())
def test_spans_slice_back(marked):
    """Every actor is one token with its own span; other tokens are the lower-case words at their spans, in order.

    Only between two actors of one span stands an "and" that is not in the text.
    """
    text, actors = marked
    tokens = tokenise(text, actors)
    assert len(tokens) == len(tokens.words) == len(tokens.spans) == len(tokens.actors)
    found = [(*span, actor) for span, actor in zip(tokens.spans, tokens.actors, strict=True) if actor is not None]
    assert found == list(actors)
    for word, (start, end), actor in zip(tokens.words, tokens.spans, tokens.actors, strict=True):
        assert 0 <= start < end <= len(text)
        surface = text[start:end]
        if actor is None and (start, end) in {span[:2] for span in actors}:
            assert word == "and"
        elif surface.isalnum() and surface.isascii():
            assert word == (surface if actor else surface.lower())
    assert all(one[1] <= other[0] or one == other for one, other in itertools.pairwise(tokens.spans))


@settings(max_examples=200, deadline=None)
@given(marked_texts())
def test_no_letter_is_lost(marked):
    """Every letter and digit of the text lies in a token."""
    text, actors = marked
    covered = {position for span in tokenise(text, actors).spans for position in range(*span)}
    assert [
        character for index, character in enumerate(text) if character.isalpha() and index not in covered
    ] == []


@pytest.mark.parametrize(
    ("marked", "words", "actors"),
    [
        ("[US|USA]-led forces", ["US", "-led", "forces"], ["USA", None, None]),
        ("US-led", ["us-led"], [None]),
        ("a pro-[Russian|RUS] party", ["a", "pro-", "Russian", "party"], [None, None, "RUS", None]),
        ("anti‑[American|USA]", ["anti-", "American"], [None, "USA"]),
        ("[French|FRA]-[German|DEU] ties", ["French", "-", "German", "ties"], ["FRA", None, "DEU", None]),
        ("[Iran|IRN]'s army", ["Iran", "'s", "army"], ["IRN", None, None]),
        ("[Iran|IRN]’s army", ["Iran", "'s", "army"], ["IRN", None, None]),
        ("the minister's army", ["the", "minister", "'s", "army"], [None] * 4),
        ("the minister’s army", ["the", "minister", "'s", "army"], [None] * 4),
        ("It didn't", ["it", "did", "n't"], [None] * 3),
        ("It DIDN’T", ["it", "did", "n't"], [None] * 3),
        ("THE MINISTER'S ARMY", ["the", "minister", "'s", "army"], [None] * 4),
        ("cease-fire, at 5,000.5!", ["cease-fire", ",", "at", "5,000.5", "!"], [None] * 5),
        ("", [], []),
    ],
)
def test_words(mark, marked, words, actors):
    """A hyphen stays with the word that an actor leans on; "'s" and "n't" are tokens, however typed."""
    tokens = tokenise(*mark(marked))
    assert list(tokens.words) == words
    assert list(tokens.actors) == actors


def test_two_actors_on_one_span():
    """An anaphor for two countries gives two tokens with one span, and an "and" between them."""
    tokens = tokenise("Both nations met.", ((0, 12, "CHN"), (0, 12, "RUS")))
    assert tokens.spans[:3] == ((0, 12),) * 3
    assert tokens.actors == ("CHN", None, "RUS", None, None)
    assert tokens.words[1] == "and"
    assert tokens.words[3:] == ("met", ".")
