"""Phrases that point back to countries named before: "both nations", "the former", "the country"."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from relations.domain import Mention, Sentence
from relations.folding import fold

_NOUN = (
    r"(?:(?:[a-z]+[ -])?(?:countries|nations|neighbou?rs|governments|capitals|states|sides|allies|rivals|powers"
    r"|republics|leaders|foreign ministers|presidents|prime ministers|foes|enemies|armies|militaries|parties))"
)
_BOTH = re.compile(
    rf"(?<!\w)(?:[Tt]he two {_NOUN}|[Tt]hese two {_NOUN}|[Bb]oth {_NOUN}|[Ee]ach other|[Oo]ne another)(?!\w)"
)
_FORMER = re.compile(
    r"(?<!\w)[Tt]he (former|latter)(?=[ ,.;:]|'s)(?! (?:[A-Z]|president|prime|leader|minister|chief|head))"
)
_ONE = re.compile(
    r"(?<!\w)(?:[Tt]he country(?! (?:of|by|club|music|house|that|where|which|side))"
    r"|(?:^|(?<=[.!?:;\"] ))Its (?:government|army|military|foreign ministry|president|prime minister|parliament"
    r"|foreign minister|defen[cs]e ministry))(?!\w)"
)
_REACH = 2
"""Sentences back in which an antecedent is looked for."""


def resolve(text: str, sentences: Sequence[Sentence], mentions: Sequence[Mention]) -> list[Mention]:
    """Find the anaphors of a text whose antecedent is clear.

    Parameters
    ----------
    text : str
        The whole text.
    sentences : sequence of Sentence
        Its sentences in order.
    mentions : sequence of Mention
        Its mentions by name, in order.

    Returns
    -------
    list of Mention
        Of kind ``anaphor``, in order of ``start``. One that stands for two countries gives two mentions with
        the same span. ``refers_to`` holds the surface of the antecedent. Where no antecedent is clear there is
        no mention.
    """
    starts = [sentence.start for sentence in sentences]
    named: list[list[Mention]] = [[] for _ in sentences]
    for mention in mentions:
        named[max(0, bisect_right(starts, mention.start) - 1)].append(mention)
    weight: dict[str, float] = {}
    found: list[Mention] = []
    for index, sentence in enumerate(sentences):
        folded, offsets = fold(sentence.text)
        done = len(found)
        spans = [
            (match.start(), match.end(), kind, match)
            for kind, pattern in (("both", _BOTH), ("which", _FORMER), ("one", _ONE))
            for match in pattern.finditer(folded)
        ]
        for start, end, kind, match in sorted(spans, key=lambda span: span[:2]):
            begin = sentence.start + (offsets[start] if offsets else start)
            stop = sentence.start + (offsets[end] if offsets else end)
            before = [mention for mention in named[index] if mention.end <= begin]
            back = [named[k] for k in range(index - 1, max(-1, index - 1 - _REACH), -1)]
            if kind == "both":
                antecedents = _two(before, back, weight)
            elif kind == "which":
                antecedents = _former_or_latter(match.group(1), before, back)
            else:
                antecedents = _single(before, named[index], back)
            found.extend(
                Mention(begin, stop, text[begin:stop], one.country, "anaphor", refers_to=one.text)
                for one in antecedents
            )
        weight = {country: 0.8 * value for country, value in weight.items()}
        for mention in named[index]:
            weight[mention.country] = weight.get(mention.country, 0.0) + 1.0
        for one in found[done:]:
            weight[one.country] = weight.get(one.country, 0.0) + 1.0
    return found


def _firsts(mentions: Sequence[Mention]) -> dict[str, Mention]:
    firsts: dict[str, Mention] = {}
    for mention in mentions:
        firsts.setdefault(mention.country, mention)
    return firsts


def _two(before: Sequence[Mention], back: Sequence[Sequence[Mention]], weight: dict[str, float]) -> list[Mention]:
    """The two countries last named together: in this sentence, else in the nearest one that names two.

    Of more than two, those that the text has spoken of most, recent sentences counting most; none where
    the second and the third are equal.
    """
    for mentions in (before, *back):
        firsts = _firsts(mentions)
        if len(firsts) == 2:
            return list(firsts.values())
        if len(firsts) > 2:
            counts = {country: weight.get(country, 0.0) for country in firsts}
            for mention in mentions:
                counts[mention.country] += 1.0
            ranked = sorted(firsts, key=lambda country: -counts[country])
            if counts[ranked[1]] == counts[ranked[2]]:
                return []
            return [mention for country, mention in firsts.items() if country in ranked[:2]]
    firsts = _firsts([mention for mentions in (*reversed(back), before) for mention in mentions])
    return list(firsts.values()) if len(firsts) == 2 else []


def _former_or_latter(which: str, before: Sequence[Mention], back: Sequence[Sequence[Mention]]) -> list[Mention]:
    for mentions in (before, *back[:1]):
        firsts = list(_firsts(mentions).values())
        if len(firsts) == 2:
            return [firsts[0 if which == "former" else 1]]
        if firsts:
            break
    return []


def _single(
    before: Sequence[Mention], here: Sequence[Mention], back: Sequence[Sequence[Mention]]
) -> list[Mention]:
    """The only country that can be meant: the one named before in this sentence, else in the sentence before."""
    if before:
        firsts = _firsts(before)
        return list(firsts.values()) if len(firsts) == 1 else []
    for mentions in back:
        firsts = _firsts(mentions)
        if firsts:
            clear = len(firsts) == 1 and not {mention.country for mention in here} & set(firsts)
            return list(firsts.values()) if clear else []
    return []


def merge(mentions: Sequence[Mention], anaphors: Sequence[Mention]) -> list[Mention]:
    """Mentions and anaphors together in order of ``start``; of two that overlap the first stays.

    The two mentions of an anaphor for two countries share their span and both stay.
    """
    merged: list[Mention] = []
    for mention in sorted((*mentions, *anaphors), key=lambda one: (one.start, one.end)):
        last = merged[-1] if merged else None
        twins = (
            last is not None and last.kind == "anaphor" and (last.start, last.end) == (mention.start, mention.end)
        )
        if last is None or mention.start >= last.end or (twins and mention.kind == "anaphor"):
            merged.append(mention)
    return merged
