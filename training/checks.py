"""What may be wrong with labels beyond a bad row: copies, contradictions, leaks, mentions, balance, encoding."""

import datetime as dt
import json
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relations import gazetteer
from relations.domain import LABELS
from relations.folding import fold
from relations.mentions import MentionFinder
from training import behaviour, corpus, lexicon_table, sources
from training.corpus import LabelledSentence, held_out

Severity = Literal["error", "warning", "note"]
Watch = Callable[[Sequence[Any], str], Iterable[Any]]
"""Goes over a sequence and shows how far it is; the text says what is done."""

ALIKE = 0.6
"""Share of common word trigrams from which two sentences count as near-duplicates."""
_SCARCE = 0.05
"""Share of pairs below which a label is too rare to be learned well."""
_BANDS, _ROWS = 16, 4
"""A band is a bucket's key: of two sentences alike by 0.6, 0.89 share one, of two alike by 0.7, 0.99."""
_SHOWN = 5
_WORD = re.compile(r"\w+")
_ENCODING = (
    ("a replacement character, where a decoder gave up", re.compile("\ufffd")),
    ("UTF-8 read as Windows-1252", re.compile("[ÃÂ][\x80-\xbf]|â[\x80€]|ï»¿|ðŸ")),
    ("a control character", re.compile("[\x00-\x1f\x7f-\x9f]")),
    ("an invisible character", re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")),
    ("an HTML entity", re.compile(r"&(?:amp|lt|gt|quot|nbsp|#\d+);")),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : str
        Which check.
    severity : {"error", "warning", "note"}
        An error keeps the labels from being used.
    places : tuple of str
        File and id of each sentence concerned.
    detail : str
        What is wrong.
    """

    check: str
    severity: Severity
    places: tuple[str, ...]
    detail: str


@dataclass(frozen=True)
class Report:
    """Result of `check`; ``counts`` says how much there is, ``balance`` holds pairs by label, file by file."""

    findings: list[Finding]
    counts: dict[str, int] = field(default_factory=dict)
    balance: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, severity: Severity) -> list[Finding]:
        """Findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "counts": self.counts,
            "balance": self.balance,
            "errors": len(self.of("error")),
            "warnings": len(self.of("warning")),
            "notes": len(self.of("note")),
            "findings": [asdict(finding) for finding in self.findings],
        }

    def table(self) -> str:
        """For a reader."""
        counts = self.counts
        totals = Counter[str]()
        for labels in self.balance.values():
            totals.update(labels)
        pairs = sum(totals.values())
        first = (
            f"{counts['sentences']:,} sentences with {pairs:,} pairs, {counts['lexicon']:,} lexicon entries, "
            f"{counts['names']:,} names, {counts['leaders']:,} terms of office: no bad row"
        )
        lines = [first, ""]
        lines += [f"{label:12}{totals[label]:9,}{totals[label] / max(pairs, 1):8.1%}" for label in LABELS]
        checks = list(dict.fromkeys(finding.check for finding in self.findings))
        for check in checks:
            found = [finding for finding in self.findings if finding.check == check]
            found.sort(key=lambda finding: finding.severity == "note")
            severities = Counter(finding.severity for finding in found)
            told = ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for name, count in severities.items())
            lines += ["", f"{check}: {told}"]
            lines += [f"  {' ~ '.join(one.places)}{': ' * bool(one.places)}{one.detail}" for one in found[:_SHOWN]]
            if len(found) > _SHOWN:
                lines.append(f"  … and {len(found) - _SHOWN:,} more (--json lists all)")
        return "\n".join(lines)


def check(folder: Path, against: Sequence[Path], as_of: dt.date, watch: Watch) -> Report:
    """Check a labels folder.

    Parameters
    ----------
    folder : Path
        Holds corpus/; lexicon.tsv, gazetteer/ and behaviour tests, if it has its own.
    against : sequence of Path
        JSON lines with a ``text`` that no labelled sentence may resemble, such as a test set.
    as_of : datetime.date
        Day by which leaders are found.
    watch : Watch
        Shows progress.

    Returns
    -------
    Report
        With errors alone where a row is bad.
    """
    try:
        chosen = sources.of(folder)
        known = gazetteer.load(chosen.gazetteer)
        entries = lexicon_table.read(chosen.lexicon)
        foreign = list(_foreign(chosen.behaviour, against))
        sentences, problems = corpus.scan(corpus.files(folder), frozenset(known.countries))
    except (
        sources.SourcesError,
        gazetteer.GazetteerError,
        lexicon_table.LexiconError,
        behaviour.BehaviourError,
        OSError,
    ) as error:
        return Report([Finding("rows", "error", (), str(error))])
    if not sentences and not problems:
        problems = [f"{folder / 'corpus'}: no labelled sentence in any *.jsonl"]
    if problems:
        return Report([Finding("rows", "error", (), problem) for problem in problems])
    balance: dict[str, dict[str, int]] = {}
    for sentence in sentences:
        labels = balance.setdefault(sentence.slice, dict.fromkeys(LABELS, 0))
        for one in sentence.pairs:
            labels[one.label] += 1
    findings = [
        *_copies(sentences, foreign, watch),
        *_contradictions(sentences),
        *_mentions(sentences, MentionFinder(known), frozenset(known.countries), as_of, watch),
        *_balance(balance),
        *_encoding(sentences),
    ]
    counts = {
        "sentences": len(sentences),
        "lexicon": len(entries),
        "names": len(known.names),
        "leaders": len(known.leaders),
    }
    return Report(findings, counts, balance)


def place_of(sentence: LabelledSentence) -> str:
    """File and id."""
    return f"{sentence.slice}.jsonl {sentence.id}"


def _foreign(cases: Path, against: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Place and text of what is kept for testing: the behaviour tests and the files that are named."""
    for case in behaviour.read(cases):
        yield case.sentence.place, case.sentence.text
    for path in against:
        for number, line in corpus.lines(path):
            try:
                yield f"{path}:{number}", str(json.loads(line)["text"])
            except (ValueError, KeyError, TypeError):
                raise OSError(f"{path}:{number}: no JSON object with a text") from None


# Copies


def _copies(
    sentences: Sequence[LabelledSentence], foreign: Sequence[tuple[str, str]], watch: Watch
) -> Iterator[Finding]:
    places = [place_of(sentence) for sentence in sentences] + [place for place, _ in foreign]
    texts = [sentence.text for sentence in sentences] + [text for _, text in foreign]
    for one, other, alike in near_duplicates(watch(texts, "comparing sentences")):
        if one >= len(sentences):
            continue
        where = (places[one], places[other])
        if other >= len(sentences):
            yield Finding("leaks", "warning", where, f"{alike:.2f} alike, and the second is for tests")
        elif held_out(sentences[one]) != held_out(sentences[other]):
            yield Finding("leaks", "warning", where, f"{alike:.2f} alike, and one of them is held out")
        else:
            yield Finding("near-duplicates", "warning", where, f"{alike:.2f} alike")


def near_duplicates(texts: Iterable[str], threshold: float = ALIKE) -> list[tuple[int, int, float]]:
    """Pairs of texts that share most of their word trigrams, in time that grows as the number of texts.

    Candidates agree in a band of their MinHash signatures, and of each bucket neighbours alone are compared: of
    many copies each is told with one or a few of the others.

    Parameters
    ----------
    texts : iterable of str
        Case, accents and punctuation do not count.
    threshold : float
        Jaccard index of the sets of trigrams from which on a pair is given.

    Returns
    -------
    list of (int, int, float)
        Indexes, the smaller first, in order, with the Jaccard index.

    References
    ----------
    Broder (1997), "On the resemblance and containment of documents".
    """
    shingles = [_shingles(text) for text in texts]
    if not shingles:
        return []
    signatures = _signatures(shingles)
    candidates: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        rows = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        last: dict[bytes, int] = {}
        for index, row in enumerate(rows):
            key = row.tobytes()
            if key in last:
                candidates.add((last[key], index))
            last[key] = index
    found = []
    for one, other in sorted(candidates):
        common = np.intersect1d(shingles[one], shingles[other], assume_unique=True).size
        alike = common / (shingles[one].size + shingles[other].size - common)
        if alike >= threshold:
            found.append((one, other, alike))
    return found


def _shingles(text: str) -> NDArray[np.uint64]:
    words = _WORD.findall(fold(text)[0].lower())
    grams = {" ".join(words[start : start + 3]) for start in range(max(1, len(words) - 2))}
    return np.array(sorted({zlib.crc32(gram.encode("utf-8", "replace")) for gram in grams}), dtype=np.uint64)


def _signatures(shingles: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """The least value of each of 64 hash functions (multiply-shift) over the shingles of each text."""
    generator = np.random.default_rng(0)
    flat = np.concatenate(shingles)
    starts = np.cumsum([0, *(one.size for one in shingles[:-1])])
    signatures = np.empty((len(shingles), _BANDS * _ROWS), dtype=np.uint64)
    for column in range(signatures.shape[1]):
        factor, term = generator.integers(0, 2**63, 2, dtype=np.uint64)
        hashed = (flat * (factor | np.uint64(1)) + term) >> np.uint64(32)
        signatures[:, column] = np.minimum.reduceat(hashed, starts)
    return signatures


# Contradictions


def _contradictions(sentences: Sequence[LabelledSentence]) -> Iterator[Finding]:
    """Sentences that differ in nothing but their countries, and have other labels."""
    groups: dict[str, list[tuple[LabelledSentence, dict[tuple[int, int], str]]]] = {}
    for sentence in sentences:
        masked, numbers = _masked(sentence)
        labels = {(numbers[one.pair.source], numbers[one.pair.target]): one.label for one in sentence.pairs}
        groups.setdefault(masked, []).append((sentence, labels))
    for group in groups.values():
        first, labels = group[0]
        for other, different in group[1:]:
            wrong = [pair for pair, label in labels.items() if different[pair] != label]
            if wrong:
                source, target = wrong[0]
                detail = (
                    f"{labels[wrong[0]]} and {different[wrong[0]]} from country {source + 1} to {target + 1} "
                    "of the same words"
                )
                yield Finding("contradictions", "warning", (place_of(first), place_of(other)), detail)


def _masked(sentence: LabelledSentence) -> tuple[str, dict[str, int]]:
    """The text with a number in place of each mention, and the number of each country."""
    numbers: dict[str, int] = {}
    parts = []
    position = 0
    for start, end, actor in sentence.pairs[0].pair.actors:
        number = numbers.setdefault(actor, len(numbers))
        parts += [sentence.text[position:start], f"\0{number}"]
        position = end
    parts.append(sentence.text[position:])
    return " ".join(fold("".join(parts))[0].lower().split()), numbers


# Mentions


def _mentions(
    sentences: Sequence[LabelledSentence],
    finder: MentionFinder,
    countries: frozenset[str],
    as_of: dt.date,
    watch: Watch,
) -> Iterator[Finding]:
    """Mentions that the gazetteer does not find, or gives to another country."""
    for sentence in watch(sentences, "finding mentions"):
        found = finder.find(sentence.text, as_of)
        for start, end, actor in sentence.pairs[0].pair.actors:
            here = {one.country for one in found if one.start < end and start < one.end}
            if actor not in countries or actor in here:
                continue
            surface = f"'{sentence.text[start:end]}' ({actor})"
            if here:
                detail = f"{surface} is {' and '.join(sorted(here))} to the gazetteer"
                yield Finding("mentions", "warning", (place_of(sentence),), detail)
            else:
                elsewhere = next((one.text for one in found if one.country == actor), None)
                more = f", '{elsewhere}' is" if elsewhere else ""
                detail = f"{surface} is not known to the gazetteer{more}"
                yield Finding("mentions", "note", (place_of(sentence),), detail)


# Balance, encoding


def _balance(balance: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    totals = {label: sum(labels[label] for labels in balance.values()) for label in LABELS}
    pairs = sum(totals.values())
    for label, count in totals.items():
        if count < _SCARCE * pairs:
            yield Finding("balance", "warning", (), f"{label} is the label of {count} of {pairs} pairs only")
    for name, labels in balance.items():
        lacking = [label for label, count in labels.items() if not count]
        if lacking:
            yield Finding("balance", "note", (f"{name}.jsonl",), f"no pair is {' or '.join(lacking)}")


def _encoding(sentences: Sequence[LabelledSentence]) -> Iterator[Finding]:
    for sentence in sentences:
        for what, pattern in _ENCODING:
            match = pattern.search(sentence.text)
            if match:
                around = sentence.text[max(0, match.start() - 8) : match.end() + 8]
                yield Finding("encoding", "warning", (place_of(sentence),), f"{what} in {around!r}")
        if not unicodedata.is_normalized("NFC", sentence.text):
            detail = "not in normal form C, as other sentences are: accents as characters of their own"
            yield Finding("encoding", "warning", (place_of(sentence),), detail)
