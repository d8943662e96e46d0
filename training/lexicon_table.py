"""Compile ``labels/lexicon.tsv`` into the plain table that the features read."""

import csv
import re
from collections import defaultdict
from pathlib import Path

from lemminflect import getAllInflections, getLemma

from relations.lexicon import NEGATIONS, STOP_WORDS, Entry, Lexicon

POLARITIES = {"support": "SUP", "opposition": "OPP", "neutrality": "NEU", "flip": "FLIP"}
CLASSES = frozenset(
    "AGREE SUPPORT COOPERATE AID YIELD REQUEST ACCUSE REJECT THREATEN PROTEST MOBILIZE SANCTION COERCE "
    "ASSAULT CONSULT STATE NEUTRAL NEG HOSTILE_NOUN FRIENDLY_NOUN".split()
)
_PARTS = {"v": ("VERB",), "n": ("NOUN",), "a": ("ADJ", "ADV"), "p": ("VERB", "NOUN", "ADJ")}
_NO_UTF8 = re.compile("[\udc80-\udcff]")
"""What bytes that are no UTF-8 become under surrogateescape."""
_HEADER = ["phrase", "pos", "type", "polarity"]


class LexiconError(ValueError):
    """A row of the lexicon is bad; the text names file, line and reason."""


def read(path: Path) -> list[tuple[tuple[str, ...], str, Entry]]:
    """Read and check the lexicon.

    Parameters
    ----------
    path : Path
        Tab-separated file with the columns phrase, pos (v, n, a or p for a phrase), type and polarity.

    Returns
    -------
    list of (words, pos, Entry)
        In the order of the file; the words are lemmas without the stop words.

    Raises
    ------
    LexiconError
        If a row is malformed, or repeats a phrase with the same part of speech.
    """
    rows: list[tuple[tuple[str, ...], str, Entry]] = []
    seen: dict[tuple[str, str], int] = {}
    if not path.stat().st_size:
        raise LexiconError(f"{path}:1: the header must be {' '.join(_HEADER)} (tab-separated)")
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
            if number == 1:
                if row != _HEADER:
                    raise LexiconError(f"{path}:1: the header must be {' '.join(_HEADER)} (tab-separated)")
                continue
            if _NO_UTF8.search("".join(row)):
                raise LexiconError(f"{path}:{number}: not UTF-8")
            if len(row) != len(_HEADER):
                raise LexiconError(f"{path}:{number}: {len(row)} columns where {len(_HEADER)} belong")
            phrase, pos, kind, polarity = row
            words = tuple(word for word in phrase.lower().split() if word not in STOP_WORDS)
            for wrong, name, allowed in (
                (not words, "phrase", "a word that is no article"),
                (pos not in _PARTS, "pos", ", ".join(_PARTS)),
                (kind not in CLASSES, "type", ", ".join(sorted(CLASSES))),
                (polarity not in POLARITIES, "polarity", ", ".join(POLARITIES)),
            ):
                if wrong:
                    raise LexiconError(f"{path}:{number}: {name} of '{phrase}' must be one of: {allowed}")
            if (phrase, pos) in seen:
                raise LexiconError(
                    f"{path}:{number}: '{phrase}' ({pos}) stands already in line {seen[phrase, pos]}"
                )
            seen[phrase, pos] = number
            rows.append((words, pos, Entry(kind, POLARITIES[polarity])))
    return rows


def compile_lexicon(path: Path) -> Lexicon:
    """Read the lexicon and inflect it, so that run time needs only look-ups.

    Parameters
    ----------
    path : Path
        As for `read`.

    Returns
    -------
    Lexicon
        Where two entries share a form, the one further up in the file wins.
    """
    words = {word: Entry("NEG", "FLIP") for word in sorted(NEGATIONS)}
    lemmas: dict[str, str] = {}
    phrases: dict[str, list[tuple[tuple[str, ...], Entry]]] = defaultdict(list)
    rows = read(path)
    for parts, pos, entry in rows:
        if len(parts) == 1:
            for form in [parts[0], *_forms(parts[0], _PARTS[pos])]:
                words.setdefault(form, entry)
        else:
            for part in parts:
                for form in [part, *_forms(part, _PARTS["p"]), *_forms(_lemma(part), _PARTS["p"])]:
                    lemmas.setdefault(form, _lemma(part))
    for parts, _, entry in rows:
        if len(parts) > 1:
            # By the same map as at run time: "higher" is "high" once another phrase has taught that.
            first, *rest = (lemmas[part] for part in parts)
            phrases[first].append((tuple(rest), entry))
    for entries in phrases.values():
        entries.sort(key=lambda item: -len(item[0]))
    return Lexicon(words, {form: lemma for form, lemma in lemmas.items() if form != lemma}, dict(phrases))


def _forms(word: str, parts: tuple[str, ...]) -> list[str]:
    return sorted(
        {form.lower() for part in parts for forms in getAllInflections(word, upos=part).values() for form in forms}
    )


def _lemma(word: str) -> str:
    """The verb's, else the noun's lemma of a word in any form, so that "sanctions" and "sanctioned" meet."""
    for part in ("VERB", "NOUN"):
        found = getLemma(word, upos=part, lemmatize_oov=False)
        if found:
            return str(found[0]).lower()
    return word
