"""Cues: the words around an ambiguous name that tell what it means."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from relations.folding import fold
from relations.gazetteer import Sense

BLOCK = 128
"""Code points; a near cue is looked for in the block of the name and its two neighbours: about one sentence."""
_TOKEN = re.compile(r"\w+(?:(?:-|'(?!s\b))\w+)*")
_WEIGHT_BESIDE, _WEIGHT_NEAR, _WEIGHT_TEXT = 4, 2, 1


class Surroundings:
    """The words of a text by block, read when first asked for.

    Parameters
    ----------
    folded : str
        A folded text.
    """

    def __init__(self, folded: str) -> None:
        self.folded = folded
        self._blocks: dict[int, frozenset[str]] = {}
        self._anywhere: dict[str, bool] = {}

    def _block(self, number: int) -> frozenset[str]:
        words = self._blocks.get(number)
        if words is None:
            start = self.folded.rfind(" ", 0, max(0, number * BLOCK)) + 1
            end = self.folded.find(" ", (number + 1) * BLOCK)
            words = frozenset(_TOKEN.findall(self.folded, start, end if end >= 0 else len(self.folded)))
            self._blocks[number] = words
        return words

    def near(self, start: int) -> tuple[frozenset[str], ...]:
        """Words of the block that holds an offset and of its neighbours."""
        number = start // BLOCK
        return self._block(number - 1) if number else frozenset(), self._block(number), self._block(number + 1)

    def anywhere(self, cue: str) -> bool:
        """Whether a cue stands somewhere in the text as whole words; looked for once."""
        found = self._anywhere.get(cue)
        if found is None:
            found = self._anywhere[cue] = _find(self.folded, cue, 0, len(self.folded))
        return found


def _find(folded: str, cue: str, start: int, end: int) -> bool:
    """Whether a cue stands as whole words between two offsets."""
    place = folded.find(cue, start, end)
    while place >= 0:
        if _whole(folded, cue, place):
            return True
        place = folded.find(cue, place + 1, end)
    return False


def _whole(folded: str, cue: str, place: int) -> bool:
    end = place + len(cue)
    return not (
        (cue[0].isalnum() and place and folded[place - 1].isalnum())
        or (cue[-1].isalnum() and end < len(folded) and folded[end].isalnum())
    )


@dataclass(frozen=True, slots=True)
class Cues:
    """All cues for one reading of a surface."""

    reading: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    """Such as begin with a word."""
    attached: tuple[str, ...]
    """Such as follow at once: ", Alabama", "'s king", "-Bissau"."""
    words: frozenset[str]
    """Near cues of one word."""
    phrases: tuple[tuple[str, str], ...]
    """Near cues of several words, with their first word."""
    text: tuple[str, ...]

    def beside(self, folded: str, start: int, end: int) -> int:
        """Score of the cues directly before and after a name."""
        score = 0
        if self.before:
            stop = start
            while stop and folded[stop - 1] in " ,":
                stop -= 1
            if folded.endswith(self.before, 0, stop) and any(
                folded.endswith(cue, 0, stop) and _whole(folded, cue, stop - len(cue)) for cue in self.before
            ):
                score += _WEIGHT_BESIDE
        if self.attached and _starts(folded, self.attached, end):
            return score + _WEIGHT_BESIDE
        if self.after:
            begin = end
            if folded.startswith("'s", begin):
                begin += 2
            while folded[begin : begin + 1] in {" ", ","}:
                begin += 1
            if _starts(folded, self.after, begin):
                score += _WEIGHT_BESIDE
        return score

    def around(self, surroundings: Surroundings, start: int, near: Sequence[frozenset[str]]) -> int:
        """Score of the cues in the neighbourhood and in the whole text."""
        score = 0
        if not all(self.words.isdisjoint(words) for words in near):
            score += _WEIGHT_NEAR
        elif self.phrases:
            low, high = max(0, start - 2 * BLOCK), start + 2 * BLOCK
            if any(
                any(first in words for words in near) and _find(surroundings.folded, cue, low, high)
                for first, cue in self.phrases
            ):
                score += _WEIGHT_NEAR
        if any(surroundings.anywhere(cue) for cue in self.text):
            score += _WEIGHT_TEXT
        return score


def _starts(folded: str, cues: tuple[str, ...], place: int) -> bool:
    return folded.startswith(cues, place) and any(
        folded.startswith(cue, place) and _whole(folded, cue, place) for cue in cues
    )


def compile_cues(senses: Iterable[Sense]) -> tuple[Cues, ...]:
    """Put the cues of one surface together by reading.

    Parameters
    ----------
    senses : iterable of Sense
        Rows of the gazetteer for one surface; defaults are left out.

    Returns
    -------
    tuple of Cues
        In order of first row.
    """
    grouped: dict[str, dict[str, list[str]]] = {}
    for sense in senses:
        if sense.place != "default":
            places = grouped.setdefault(sense.reading, {"before": [], "after": [], "near": [], "text": []})
            places[sense.place] += [fold(cue)[0] for cue in sense.cues]
    found = []
    for reading, places in grouped.items():
        near = [(_TOKEN.findall(cue), cue) for cue in places["near"]]
        found.append(
            Cues(
                reading,
                tuple(cue.rstrip(" ,") for cue in places["before"]),
                tuple(cue for cue in places["after"] if cue[0].isalnum()),
                tuple(cue for cue in places["after"] if not cue[0].isalnum()),
                frozenset(cue for words, cue in near if words == [cue]),
                tuple((words[0], cue) for words, cue in near if words and words != [cue]),
                tuple(places["text"]),
            )
        )
    return tuple(found)
