"""From a text to its sentences with their mentions; needs no model."""

import datetime as dt
from bisect import bisect_right

from relations import anaphora, sentences
from relations.domain import Mention, Sentence
from relations.mentions import MentionFinder


def read_mentions(finder: MentionFinder, text: str, as_of: dt.date) -> tuple[list[Sentence], list[list[Mention]]]:
    """Sentences of a text and, for each, its mentions in order, anaphors included.

    Parameters
    ----------
    finder : MentionFinder
        Finds the names.
    text : str
        Any text.
    as_of : datetime.date
        Day on which the text was written.

    Returns
    -------
    sentences : list of Sentence
        In order.
    mentions : list of list of Mention
        One list a sentence; offsets are code points into ``text``.
    """
    split = sentences.split(text)
    named = finder.find(text, as_of)
    split = _joined(text, split, named)
    every = anaphora.merge(named, anaphora.resolve(text, split, named))
    starts = [sentence.start for sentence in split]
    grouped: list[list[Mention]] = [[] for _ in split]
    for mention in every:
        grouped[bisect_right(starts, mention.start) - 1].append(mention)
    return split, grouped


def _joined(text: str, split: list[Sentence], named: list[Mention]) -> list[Sentence]:
    r"""Sentences with those joined that a name reaches across, such as "New\nZealand" at the end of a line."""
    whole: list[tuple[int, int]] = []
    mentions = iter(named)
    mention = next(mentions, None)
    for sentence in split:
        begin, end = sentence.start, sentence.end
        if whole and mention is not None and mention.start < whole[-1][1] < mention.end:
            begin = whole.pop()[0]
        while mention is not None and mention.end <= end:
            mention = next(mentions, None)
        whole.append((begin, end))
    if len(whole) == len(split):
        return split
    return [Sentence(index, begin, end, text[begin:end]) for index, (begin, end) in enumerate(whole)]
