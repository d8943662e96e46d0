"""A sentence as a row of tokens in which every actor mention is one token."""

import re
from dataclasses import dataclass

_WORD = re.compile(
    r"n't\b|[^\W\d_]+(?=n't\b)|'s\b|-?[^\W\d_]+(?:[-'](?!s\b)[^\W\d_]+)*-?|\d+(?:[.,]\d+)*|[^\w\s]",
    re.IGNORECASE,
)
_PLAIN = str.maketrans("‘’‛ʼ“”„«»‐‑–—", '\'\'\'\'"""""----')


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a sentence, as parallel tuples.

    Attributes
    ----------
    words : tuple of str
        Each token in lower case; of an actor its surface.
    spans : tuple of (int, int)
        Where it stands, in code points into the sentence, end exclusive.
    actors : tuple of (str or None)
        The actor of an actor mention, else None.
    """

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    actors: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.words)


def tokenise(text: str, actors: tuple[tuple[int, int, str], ...]) -> Tokens:
    """Split a sentence into tokens.

    Parameters
    ----------
    text : str
        One sentence.
    actors : tuple of (start, end, actor)
        The actor mentions in order of ``start``, without overlap, in code points into ``text``. Two
        actors with one span (an anaphor for two countries) give two tokens.

    Returns
    -------
    Tokens
        A hyphen stays with the word that an actor leans on ("-led", "pro-"), a possessive "'s" and the
        "n't" of a negation are tokens of their own. Between two actors of one span stands an "and".
    """
    plain = text.translate(_PLAIN)
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    owners: list[str | None] = []
    position = 0
    for start, end, actor in (*actors, (len(text), len(text), None)):
        for match in _WORD.finditer(plain, position, max(start, position)):
            words.append(match.group().lower())
            spans.append(match.span())
            owners.append(None)
        if actor is not None:
            if start < position:
                words.append("and")
                spans.append((start, end))
                owners.append(None)
            words.append(plain[start:end])
            spans.append((start, end))
            owners.append(actor)
            position = max(end, position)
    return Tokens(tuple(words), tuple(spans), tuple(owners))
