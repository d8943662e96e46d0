"""The ordered pairs of a sentence."""

from collections.abc import Sequence
from itertools import permutations

from relations.domain import Mention, Pair, Sentence


def actors_of(sentence: Sentence, mentions: Sequence[Mention]) -> tuple[tuple[int, int, str], ...]:
    """The actor mentions of a sentence, in code points into the sentence.

    An anaphor counts as an actor only where one of its countries is not named in the sentence: "France and
    Italy said the two countries …" reads as it stands.
    """
    named = {mention.country for mention in mentions if mention.kind != "anaphor"}
    phrases: dict[tuple[int, int], set[str]] = {}
    for mention in mentions:
        if mention.kind == "anaphor":
            phrases.setdefault((mention.start, mention.end), set()).add(mention.country)
    return tuple(
        (mention.start - sentence.start, mention.end - sentence.start, mention.country)
        for mention in mentions
        if mention.kind != "anaphor" or not phrases[mention.start, mention.end] <= named
    )


def pairs_of(text: str, actors: tuple[tuple[int, int, str], ...]) -> list[Pair]:
    """Every ordered pair of distinct actors.

    Parameters
    ----------
    text : str
        The sentence.
    actors : tuple of (start, end, actor)
        Its actor mentions in order of ``start``, in code points into ``text``.

    Returns
    -------
    list of Pair
        By source, then target, each in order of first mention.
    """
    distinct = dict.fromkeys(actor for _, _, actor in actors)
    return [Pair(text, actors, source, target) for source, target in permutations(distinct, 2)]
