"""The whole way of the data: a text in, its relations out."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from relations.classifier import Model
from relations.domain import (
    AnalysedSentence,
    Analysis,
    Dyad,
    Label,
    Mention,
    Pair,
    Relation,
    Sentence,
    Skipped,
)
from relations.mentions import MentionFinder
from relations.pairs import actors_of, pairs_of
from relations.reading import read_mentions

MAX_PAIRS = 20_000
"""Pairs that one text may have. They grow with the square of the countries in a sentence: a list of all countries
in one sentence has 40,000."""


class TooManyPairsError(ValueError):
    """A text names so many countries in its sentences that its pairs would take minutes."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may ask for.

    Attributes
    ----------
    as_of : datetime.date
        Day on which the text was written: who held which office.
    min_probability : float
        Below it a relation's label is None (abstained).
    include_neutral : bool
        False leaves neutral relations out.
    explain : bool
        True adds evidence.
    """

    as_of: dt.date
    min_probability: float = 0.0
    include_neutral: bool = True
    explain: bool = False


class Analyser:
    """Reads texts with one gazetteer and one model.

    Parameters
    ----------
    finder : MentionFinder
        Finds the countries.
    model : Model
        Judges the pairs.
    """

    def __init__(self, finder: MentionFinder, model: Model) -> None:
        self.finder = finder
        self.model = model

    def mentions(self, text: str, as_of: dt.date) -> tuple[list[Sentence], list[list[Mention]]]:
        """Sentences of a text and, for each, its mentions in order, anaphors included."""
        return read_mentions(self.finder, text, as_of)

    def analyse(self, text: str, options: Options) -> Analysis:
        """Read one text.

        Parameters
        ----------
        text : str
            English text.
        options : Options
            What to return.

        Returns
        -------
        Analysis
            Every sentence; offsets are code points into ``text``.
        """
        return self.analyse_all([text], options)[0]

    def analyse_all(self, texts: Sequence[str], options: Options) -> list[Analysis]:
        """Read several texts, whose pairs are judged together.

        Parameters
        ----------
        texts : sequence of str
            English texts.
        options : Options
            What to return, the same for all.

        Returns
        -------
        list of Analysis
            One a text, in order.

        Raises
        ------
        TooManyPairsError
            If a text has more than `MAX_PAIRS` pairs; before any is judged.
        """
        read = [self.mentions(text, options.as_of) for text in texts]
        for _, grouped in read:
            _check_size(grouped)
        pairs = [
            pairs_of(sentence.text, actors_of(sentence, found))
            for split, grouped in read
            for sentence, found in zip(split, grouped, strict=True)
        ]
        judged = iter(self.judge([pair for group in pairs for pair in group], options))
        groups = iter(pairs)
        return [
            _analysis(
                [
                    (sentence, found, [next(judged) for _ in next(groups)])
                    for sentence, found in zip(split, grouped, strict=True)
                ],
                options,
            )
            for split, grouped in read
        ]

    def judge(self, pairs: Sequence[Pair], options: Options) -> list[Relation]:
        """Judge pairs whose actors are known.

        Parameters
        ----------
        pairs : sequence of Pair
            The pairs of one sentence stand together.
        options : Options
            `Options.min_probability` and `Options.explain` count.

        Returns
        -------
        list of Relation
            In order; evidence offsets are code points into the pair's sentence.
        """
        relations = self.model.judge(pairs, explain=options.explain)
        return [
            replace(relation, label=None) if relation.probability < options.min_probability else relation
            for relation in relations
        ]


def _check_size(grouped: list[list[Mention]]) -> None:
    counts = [len({mention.country for mention in found}) for found in grouped]
    pairs = sum(count * (count - 1) for count in counts)
    if pairs > MAX_PAIRS:
        raise TooManyPairsError(
            f"The text has {pairs:,} pairs of countries, up to {max(counts)} countries in one sentence; "
            f"at most {MAX_PAIRS:,} pairs are judged at a time: send it in parts, without lists of countries."
        )


def _analysis(rows: list[tuple[Sentence, list[Mention], list[Relation]]], options: Options) -> Analysis:
    analysed: list[AnalysedSentence] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    for sentence, found, relations in rows:
        countries = {mention.country for mention in found}
        counts.update((one.source, one.target, one.label) for one in relations if one.label is not None)
        kept = tuple(
            replace(
                one,
                evidence=tuple(
                    replace(word, start=word.start + sentence.start, end=word.end + sentence.start)
                    for word in one.evidence
                ),
            )
            for one in relations
            if options.include_neutral or one.label != Label.NEUTRALITY
        )
        skipped: Skipped | None = "no_country" if not countries else "one_country" if len(countries) == 1 else None
        analysed.append(AnalysedSentence(sentence, tuple(found), kept, skipped))
    dyads = tuple(
        Dyad(source, target, *(counts[source, target, label] for label in ("support", "opposition", "neutrality")))
        for source, target in dict.fromkeys((source, target) for source, target, _ in counts)
    )
    return Analysis(tuple(analysed), dyads)
