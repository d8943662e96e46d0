"""The whole way of the data."""

import datetime as dt
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relations.analyser import MAX_PAIRS, Options, TooManyPairsError
from relations.domain import LABELS
from relations.pairs import pairs_of

DAY = dt.date(2024, 5, 16)
OPTIONS = Options(DAY)
TEXTS = [
    "France condemned Iran on Monday. Iran rejected the charge. Both countries sent envoys to Geneva.",
    "Paris scolds Tehran\n\nFrance’s minister said that Germany and Italy would not help Iran.\r\n\r\nIt rained.",
    "😀 Russian forces attacked Ukraine. 🇺🇦 \u200fPoland\u200e sent aid to Ukraine; Co\u0302te d’Ivoire did not.",
    "North\u00a0Korea kept silent on Japan’s 3.5 percent, U.S. officials said.",
    "The US-led forces and pro-Russian militants traded fire, the Turkish army said. The two nations’ envoys met.",
    "China and Russia met. Both nations condemned the United States.",
    "It rained all day. France won the cup.",
    "",
]
PIECES = st.sampled_from(
    [
        "France", "Iran", "the United States", "New\nZealand", "South\nKorea", "North\u00a0Korea",
        "Saudi\r\nArabia", "Both countries", "the former", "The country", "condemned", "met", "said", "praised",
        "not", ".", ". ", "\n", "\n\n", "\r\n", "\u2028", "😀", "\u200f", "\u0301", "“", "’s", "-led", "U.S.",
        "Mr. Putin", "\ud800", "a long line of words",
    ]
)  # fmt: skip


def check(text, analysis, options=OPTIONS):
    """Hold what the contract says of an analysis."""
    for index, one in enumerate(analysis.sentences):
        sentence = one.sentence
        assert sentence.index == index
        assert text[sentence.start : sentence.end] == sentence.text
        for mention in one.mentions:
            assert text[mention.start : mention.end] == mention.text
            assert sentence.start <= mention.start < mention.end <= sentence.end
        countries = {mention.country for mention in one.mentions}
        assert one.skipped == {0: "no_country", 1: "one_country"}.get(len(countries))
        pairs = [(relation.source, relation.target) for relation in one.relations]
        assert len(pairs) == len(set(pairs))
        if options.include_neutral:
            assert set(pairs) == set(permutations(countries, 2))
        for relation in one.relations:
            assert set(relation.probabilities) == set(LABELS)
            assert sum(relation.probabilities.values()) == pytest.approx(1)
            for word in relation.evidence:
                assert text[word.start : word.end] == word.text
                assert sentence.start <= word.start < word.end <= sentence.end


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("text", TEXTS)
def test_contract(analyser, text, explain):
    """Offsets slice back, each ordered pair of countries has one relation, a sentence without says why."""
    options = replace(OPTIONS, explain=explain)
    analysis = analyser.analyse(text, options)
    check(text, analysis, options)
    if not explain:
        assert all(relation.evidence == () for one in analysis.sentences for relation in one.relations)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=25).map(" ".join) | st.lists(PIECES, max_size=25).map("".join))
def test_contract_of_any_text(analyser, text):
    """The same holds for any text."""
    check(text, analyser.analyse(text, OPTIONS))


@pytest.mark.parametrize(
    "text",
    [
        "Trade talks with New\nZealand and Australia ended in a deal that nobody had expected to last.",
        "Praise from South\nKorea for Japan, which had for many years asked for it to be held in spring.",
        "Talks with Saudi\r\nArabia and Iran ended in a deal that everybody had expected to fail in the end.",
    ],
)
def test_name_across_a_line_break(analyser, text):
    """A name that a line break divides is one mention of a sentence that holds all of it."""
    analysis = analyser.analyse(text, OPTIONS)
    check(text, analysis)
    assert any(len({mention.country for mention in one.mentions}) == 2 for one in analysis.sentences)


def test_evidence(analyser):
    """Evidence comes where it is asked for, offset into the text, not the sentence."""
    text = "It rained.\n\nFrance condemned Iran."
    analysis = analyser.analyse(text, replace(OPTIONS, explain=True))
    evidence = [word for one in analysis.sentences for relation in one.relations for word in relation.evidence]
    assert "condemned" in {word.text for word in evidence}
    assert all(text[word.start : word.end] == word.text for word in evidence)


def test_explaining_changes_no_judgement(analyser):
    """With evidence the labels and probabilities are the same."""
    plain = analyser.analyse(TEXTS[0], OPTIONS)
    explained = analyser.analyse(TEXTS[0], replace(OPTIONS, explain=True))
    assert plain.dyads == explained.dyads
    assert [replace(r, evidence=(), decision=None) for one in explained.sentences for r in one.relations] == [
        r for one in plain.sentences for r in one.relations
    ]


def test_dyads_count_the_sentences(analyser):
    """A dyad counts how often each label stands in the sentences, and balance is (support - opposition) / all."""
    for text in TEXTS:
        analysis = analyser.analyse(text, OPTIONS)
        counts = Counter((r.source, r.target, r.label) for one in analysis.sentences for r in one.relations)
        dyads = {(dyad.source, dyad.target): dyad for dyad in analysis.dyads}
        assert len(dyads) == len(analysis.dyads)
        assert set(dyads) == {(source, target) for source, target, _ in counts}
        for (source, target), dyad in dyads.items():
            found = [counts[source, target, label] for label in ("support", "opposition", "neutrality")]
            assert [dyad.support, dyad.opposition, dyad.neutrality] == found
            assert dyad.balance == pytest.approx((found[0] - found[1]) / sum(found))
            assert -1 <= dyad.balance <= 1


def test_abstention(analyser):
    """Below ``min_probability`` the label is None; probabilities stay, and dyads do not count it."""
    every = analyser.analyse(TEXTS[0], OPTIONS)
    chances = sorted(relation.probability for one in every.sentences for relation in one.relations)
    limit = chances[len(chances) // 2]
    analysis = analyser.analyse(TEXTS[0], replace(OPTIONS, min_probability=limit))
    for one, other in zip(every.sentences, analysis.sentences, strict=True):
        for before, after in zip(one.relations, other.relations, strict=True):
            assert after == (before if before.probability >= limit else replace(before, label=None))
    labelled = [relation for one in analysis.sentences for relation in one.relations if relation.label]
    assert 0 < len(labelled) < len(chances)
    assert sum(dyad.support + dyad.opposition + dyad.neutrality for dyad in analysis.dyads) == len(labelled)


def test_abstaining_from_all(analyser):
    """Where no label is sure enough there are relations without labels and no dyads."""
    analysis = analyser.analyse(TEXTS[0], replace(OPTIONS, min_probability=1.0))
    relations = [relation for one in analysis.sentences for relation in one.relations]
    assert relations
    assert all(relation.label is None or relation.probability == 1.0 for relation in relations)
    assert analysis.dyads == () or any(relation.label for relation in relations)


def test_without_neutral(analyser):
    """Neutral relations are left out where that is asked for; all else, dyads included, stays."""
    for text in TEXTS:
        every = analyser.analyse(text, OPTIONS)
        some = analyser.analyse(text, replace(OPTIONS, include_neutral=False))
        check(text, some, replace(OPTIONS, include_neutral=False))
        assert some.dyads == every.dyads
        for one, other in zip(every.sentences, some.sentences, strict=True):
            assert other == replace(one, relations=tuple(r for r in one.relations if r.label != "neutrality"))


def test_abstained_is_not_neutral(analyser):
    """Leaving neutral relations out leaves abstained ones in."""
    options = replace(OPTIONS, include_neutral=False, min_probability=1.0)
    analysis = analyser.analyse(TEXTS[0], options)
    assert any(relation.label is None for one in analysis.sentences for relation in one.relations)


def test_as_of(analyser):
    """Who held which office depends on the day."""
    text = "The Chancellor Angela Merkel met Israel's envoy. East Germany protested to Poland."
    day = analyser.analyse(text, Options(dt.date(1980, 1, 1)))
    assert "DDR" in {mention.country for one in day.sentences for mention in one.mentions}


def test_skipped(analyser):
    """A sentence says whether no country or only one is mentioned, and then has no relation."""
    analysis = analyser.analyse("It rained. France won. France beat Italy.", OPTIONS)
    assert [one.skipped for one in analysis.sentences] == ["no_country", "one_country", None]
    assert [len(one.relations) for one in analysis.sentences] == [0, 0, 2]


@pytest.mark.parametrize("text", ["", " \r\n ", "It rained. Nobody came.", "😀", "\0"])
def test_text_without_countries(analyser, text):
    """A text without countries has no relation and no dyad, and every sentence says why."""
    analysis = analyser.analyse(text, OPTIONS)
    check(text, analysis)
    assert analysis.dyads == ()
    assert all(one.skipped == "no_country" for one in analysis.sentences)


def rounded(one):
    """Give an answer without the last bits of its numbers: they depend on how a processor cuts rows up."""
    if isinstance(one, float):
        return round(one, 9)
    if is_dataclass(one):
        return [rounded(getattr(one, field.name)) for field in fields(one)]
    if isinstance(one, dict):
        return {name: rounded(value) for name, value in one.items()}
    return [rounded(part) for part in one] if isinstance(one, (list, tuple)) else one


def test_all_equals_each(analyser):
    """Texts that are read together get the answers that each gets alone, in order."""
    options = replace(OPTIONS, explain=True)
    together = rounded(analyser.analyse_all(TEXTS, options))
    assert together == rounded([analyser.analyse(text, options) for text in TEXTS])
    assert rounded(analyser.analyse_all(TEXTS[::-1], options)) == together[::-1]


def test_no_texts(analyser):
    """Of no texts come no answers."""
    assert analyser.analyse_all([], OPTIONS) == []


def test_too_many_pairs(analyser, names):
    """A text with more pairs than can be judged in good time is refused, and so is a batch that holds it."""
    parties = [country.name for country in names.countries.values() if country.party]
    text = "The list: " + ", ".join(parties) + "."
    for texts in ([text], ["France met Iran.", text]):
        with pytest.raises(TooManyPairsError, match=f"{MAX_PAIRS:,}"):
            analyser.analyse_all(texts, OPTIONS)


def test_many_texts(analyser):
    """The limit on pairs is for each text, not for all together."""
    text = "France, Iran, Iraq, Chad, Mali, Niger, Egypt, Libya, Italy, Spain and Japan met. " * 100
    found = analyser.analyse_all([text, text], OPTIONS)
    pairs = [sum(len(one.relations) for one in analysis.sentences) for analysis in found]
    assert max(pairs) <= MAX_PAIRS < sum(pairs)


def test_judge(analyser, mark):
    """Pairs with known actors are judged as the model judges them, with evidence and abstention on demand."""
    pairs = pairs_of(*mark("[Hamas|hamas] condemned [the bank|bank], which praised [Hamas|hamas]."))
    plain = analyser.judge(pairs, OPTIONS)
    assert plain == analyser.model.judge(pairs)
    explained = analyser.judge(pairs, replace(OPTIONS, explain=True))
    assert all(
        word.text == pair.text[word.start : word.end]
        for pair, one in zip(pairs, explained, strict=True)
        for word in one.evidence
    )
    shy = analyser.judge(pairs, replace(OPTIONS, min_probability=1.0))
    assert [one.label for one in shy] == [one.label if one.probability >= 1 else None for one in plain]
    assert analyser.judge([], OPTIONS) == []


def test_mentions(analyser):
    """Sentences come with their mentions, anaphors included, each under its sentence and in order."""
    text = "France met Iran. Both countries agreed."
    sentences, grouped = analyser.mentions(text, DAY)
    assert len(sentences) == len(grouped) == 2
    assert [mention.kind for mention in grouped[1]] == ["anaphor", "anaphor"]
    for sentence, mentions in zip(sentences, grouped, strict=True):
        assert [mention.start for mention in mentions] == sorted(mention.start for mention in mentions)
        assert all(sentence.start <= mention.start < sentence.end for mention in mentions)
