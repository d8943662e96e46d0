"""Words and phrases to classes."""

import pytest

from relations.lexicon import NEGATIONS, Entry, Hit, Lexicon


def find(lexicon, sentence, actors=()):
    """Hits as (words, class), where ``actors`` are the words that are actor mentions."""
    words = sentence.split()
    hits = lexicon.find(words, [word if word in actors else None for word in words])
    return [(" ".join(words[hit.first : hit.last + 1]), hit.entry.kind) for hit in hits]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("it attacked and condemned it", [("attacked", "ASSAULT"), ("condemned", "ACCUSE")]),
        ("it imposed sanctions", [("imposed sanctions", "SANCTION")]),
        ("imposing tough new sanctions", [("imposing tough new sanctions", "SANCTION")]),
        ("it imposed sanctions again", [("imposed sanctions again", "THREATEN")]),
        ("it imposed taxes", []),
        ("impose taxes", [("impose", "STATE")]),
        ("sanctions were imposed", []),
        ("it sent aid", [("sent aid", "AID")]),
        ("it met", []),
        ("", []),
    ],
)
def test_longest_first(lexicon, sentence, expected):
    """Inflected words match, of phrases the longest one, and a word alone where no phrase begins with it."""
    assert find(lexicon, sentence) == expected


def test_gap(lexicon):
    """Between two words of a phrase may stand three others, and no more."""
    assert find(lexicon, "it imposed three very tough sanctions") == [
        ("imposed three very tough sanctions", "SANCTION")
    ]
    assert find(lexicon, "it imposed its view on them despite the sanctions") == []


def test_taken_words_begin_nothing(lexicon):
    """A word inside a phrase begins no match of its own."""
    entry = Entry("YIELD", "SUP")
    tricky = Lexicon({**lexicon.words, "sanction": entry, "sanctions": entry}, lexicon.lemmas, lexicon.phrases)
    assert find(tricky, "it imposed sanctions") == [("imposed sanctions", "SANCTION")]
    assert find(tricky, "sanctions it imposed sanctions") == [
        ("sanctions", "YIELD"),
        ("imposed sanctions", "SANCTION"),
    ]


def test_order(lexicon):
    """Hits come in order of their first word, which no two share."""
    words = "it condemned the attack then lifted all sanctions and attacked after it imposed sanctions".split()
    firsts = [hit.first for hit in lexicon.find(words, [None] * len(words))]
    assert firsts == sorted(set(firsts))
    assert len(firsts) == 5


@pytest.mark.parametrize("word", sorted(NEGATIONS))
def test_negations(word):
    """A negation that the lexicon holds is found like a word."""
    entry = Entry("NEG", "FLIP")
    assert Lexicon({word: entry}, {}, {}).find(["it", word], [None, None]) == [Hit(1, 1, entry)]


def test_actors_match_nothing(lexicon):
    """An actor mention matches neither a word nor a part of a phrase."""
    assert find(lexicon, "attack on it", actors={"attack"}) == []
    assert find(lexicon, "it imposed sanctions", actors={"sanctions"}) == []
    assert find(lexicon, "it imposed sanctions", actors={"imposed"}) == []


def test_phrases_reach_across_actors(lexicon):
    """A phrase may have an actor between its words."""
    assert find(lexicon, "sent Chad aid", actors={"Chad"}) == [("sent Chad aid", "AID")]
