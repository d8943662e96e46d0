"""Text into sentences."""

import re
from itertools import pairwise

from sentencex import get_sentence_boundaries

from relations.domain import Sentence

_LINE = re.compile(r"[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Halves of characters, which broken decoding leaves; the segmenter takes whole ones only."""
_SPACE = re.compile(r"[^\S\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Spans of the paragraphs of a text.

    A blank line ends a paragraph. A single line break ends one too (a headline, a pasted web page) unless
    it is there only because the line was full: where the next line's first word would still have fitted
    under the widest line of the block, somebody meant the break.
    """
    lines = [m.span() for m in _LINE.finditer(text) if not m.group().isspace()]
    blocks: list[list[tuple[int, int]]] = []
    for start, end in lines:
        gap = text[blocks[-1][-1][1] : start] if blocks else ""
        if blocks and len(gap.splitlines()) == 1 and not _SPACE.sub("", gap).strip():
            blocks[-1].append((start, end))
        else:
            blocks.append([(start, end)])
    spans: list[tuple[int, int]] = []
    for block in blocks:
        width = max(end - start for start, end in block)
        begin = block[0][0]
        for (start, end), (following, stop) in pairwise(block):
            words = text[following:stop].split(maxsplit=1)
            if end - start + 1 + len(words[0]) <= width:
                spans.append((begin, end))
                begin = following
        spans.append((begin, block[-1][1]))
    return spans


def split(text: str) -> list[Sentence]:
    """Split a text into sentences.

    Parameters
    ----------
    text : str
        English text of any length, with any line ends.

    Returns
    -------
    list of Sentence
        In order, without surrounding white space; offsets are code points into ``text``, and
        ``text[s.start:s.end] == s.text`` holds for each. What lies between sentences is white space.
    """
    found: list[Sentence] = []
    for begin, end in _paragraphs(text):
        paragraph = text[begin:end]
        for boundary in get_sentence_boundaries("en", _SURROGATE.sub("\ufffd", paragraph)):
            start, stop = boundary["start_index"], boundary["end_index"]
            body = paragraph[start:stop]
            bare = body.strip()
            if bare:
                offset = begin + start + len(body) - len(body.lstrip())
                found.append(Sentence(len(found), offset, offset + len(bare), bare))
    return found
