"""The lexicon at run time: words and phrases to PLOVER event classes, by plain table look-ups."""

from collections.abc import Sequence
from dataclasses import dataclass

STOP_WORDS = frozenset({"the", "a", "an", "its", "his", "her", "their", "this", "that", "these", "those", "of"})
"""Words that phrases of the lexicon leave out and that a match skips."""

NEGATIONS = frozenset({"not", "n't", "never", "no", "without", "nor", "neither", "cannot"})
_MAX_GAP = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """What the lexicon says of a word or phrase."""

    kind: str
    """PLOVER event class, or STATE, NEUTRAL, NEG, HOSTILE_NOUN, FRIENDLY_NOUN."""
    polarity: str
    """SUP, OPP, NEU or FLIP (inverts what it governs)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry found in a sentence; ``first`` and ``last`` are token indexes, both inclusive."""

    first: int
    last: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Compiled lexicon.

    Attributes
    ----------
    words : dict of str to Entry
        Every inflected form of the one-word entries.
    lemmas : dict of str to str
        Form to lemma, for the words that occur in phrases.
    phrases : dict of str to list of (rest, Entry)
        First lemma to the phrases that begin with it, the longest first.
    """

    words: dict[str, Entry]
    lemmas: dict[str, str]
    phrases: dict[str, list[tuple[tuple[str, ...], Entry]]]

    def find(self, words: Sequence[str], actors: Sequence[str | None]) -> list[Hit]:
        """Find the entries in a sentence, leftmost and longest first, without overlap of their first words.

        Parameters
        ----------
        words : sequence of str
            Lower-case tokens.
        actors : sequence of (str or None)
            Which tokens are actor mentions; these match nothing, and a phrase may reach across them.

        Returns
        -------
        list of Hit
            In order of ``first``.
        """
        lemmas = [
            None if actor else self.lemmas.get(word, word) for word, actor in zip(words, actors, strict=True)
        ]
        present = set(lemmas)
        hits: list[Hit] = []
        taken = [False] * len(words)
        for first, lemma in enumerate(lemmas):
            if lemma is None or taken[first]:
                continue
            for rest, entry in self.phrases.get(lemma, ()):
                indexes = self._match(lemmas, first, rest) if present.issuperset(rest) else None
                if indexes is not None:
                    hits.append(Hit(first, indexes[-1], entry))
                    for index in indexes:
                        taken[index] = True
                    break
            else:
                found = self.words.get(words[first])
                if found is not None:
                    hits.append(Hit(first, first, found))
        return hits

    @staticmethod
    def _match(lemmas: list[str | None], first: int, rest: tuple[str, ...]) -> list[int] | None:
        indexes = [first]
        for wanted in rest:
            for index in range(indexes[-1] + 1, min(len(lemmas), indexes[-1] + 2 + _MAX_GAP)):
                if lemmas[index] == wanted:
                    indexes.append(index)
                    break
            else:
                return None
        return indexes
