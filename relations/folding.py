"""Typographic variants of a text folded into one plain form, with the way back to the original offsets."""

import unicodedata
from array import array
from functools import cache

_PLAIN = {
    "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "ʻ": "'", "`": "'", "´": "'", "\u1ffd": "'", "′": "'",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "−": "-", "﹣": "-", "－": "-",
    "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ı": "i",
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th",
    "\t": " ", "\n": " ", "\r": " ", "\v": " ", "\f": " ", "\x85": " ", "\u2028": " ", "\u2029": " ",
}  # fmt: skip
_ASCII_SPACES = "\t\n\r\v\f"
_DROPPED = {"Mn", "Cf", "Me"}
"""Combining marks and invisible format characters (soft hyphen, direction marks, zero-width joiners)."""


@cache
def fold_character(character: str) -> str:
    """One character in plain form: no accent, straight quote, simple hyphen, ordinary space; may be empty."""
    if character in _PLAIN:
        return _PLAIN[character]
    if character.isascii():
        return character
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return "".join(
        _PLAIN.get(part, part)
        for part in unicodedata.normalize("NFKD", character)
        if unicodedata.category(part) not in _DROPPED
    )


class _Fold(dict[int, str]):
    """A table for ``str.translate`` that fills itself."""

    def __missing__(self, code: int) -> str:
        folded = fold_character(chr(code))
        self[code] = folded
        return folded


_TABLE = _Fold()


def fold(text: str) -> "tuple[str, array[int] | None]":
    """Fold a text.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    folded : str
        The text in plain form, the same for every Unicode normal form of ``text``.
    offsets : array of int or None
        For each folded character and for the end the code point offset in ``text``; None where the two
        texts have the same offsets.
    """
    text = text.replace(" \u0301", "'\u0301")  # what NFKC makes of "´", written for an apostrophe
    text = text.replace("\r\n", "\u00ad\n")  # one space, so that a wrapped line divides no name
    if text.isascii():
        for space in _ASCII_SPACES:
            text = text.replace(space, " ")
        return text.replace("`", "'"), None
    folded = text.translate(_TABLE)
    if len(folded) == len(text) and all(len(_TABLE[ord(c)]) == 1 for c in set(text)):
        return folded, None
    offsets = array("L")
    for position, character in enumerate(text):
        offsets.extend([position] * len(_TABLE[ord(character)]))
    offsets.append(len(text))
    return folded, offsets
