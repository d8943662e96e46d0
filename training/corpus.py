"""Labelled sentences: read, check, split."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

from relations.domain import EVENTS, LABELS, Pair, fits

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "labels"
_BROKEN = re.compile("[\ud800-\udfff]")
"""Half characters, which bytes that are no UTF-8 become, too."""
_SENTENCE_KEYS = {"id", "text", "mentions", "relations"}
_RELATION_KEYS = {"source", "target", "label", "event"}


class CorpusError(ValueError):
    """Labelled data is bad. ``problems`` holds one line for each bad row: file, line and reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = "\n".join(problems[:20])
        more = f"\n… and {len(problems) - 20} more" if len(problems) > 20 else ""
        super().__init__(f"{len(problems)} bad rows:\n{shown}{more}")


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A pair with its label; ``event`` is a PLOVER type or None."""

    pair: Pair
    label: str
    event: str | None


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A row of the corpus.

    Attributes
    ----------
    id : str
        Of the row.
    slice : str
        Name of its file.
    text : str
        The sentence.
    pairs : tuple of LabelledPair
        Every ordered pair.
    folder : str
        Name of its labels folder, where several are read.
    weight : float
        How much it counts in fitting.
    """

    id: str
    slice: str
    text: str
    pairs: tuple[LabelledPair, ...]
    folder: str = ""
    weight: float = 1.0


def _check_text(row: dict[str, Any]) -> str:
    if not isinstance(row["id"], str) or not row["id"].strip():
        return "id must be a non-empty string"
    if not isinstance(row["text"], str) or not row["text"].strip():
        return "text must be a non-empty string"
    if _BROKEN.search(row["text"] + row["id"]):
        return "not UTF-8, or half a character"
    if "\0" in row["text"] or "\n" in row["text"]:
        return "text must be one line without NUL"
    return ""


def _check_mentions(row: dict[str, Any], countries: frozenset[str]) -> str:
    spans: list[tuple[int, int]] = []
    for mention in row["mentions"]:
        if not isinstance(mention, dict) or set(mention) not in (
            {"start", "end", "country"},
            {"start", "end", "actor"},
        ):
            return "a mention has the keys start, end and either country or actor"
        start, end = mention["start"], mention["end"]
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(row["text"]):
            return f"mention {start}–{end} lies outside the text"
        surface = row["text"][start:end]
        if surface != surface.strip():
            return f"mention '{surface}' has white space at an end"
        if "country" in mention and _actor(mention) not in countries:
            return f"country '{mention['country']}' of '{surface}' is not in the gazetteer"
        if "actor" in mention and not (isinstance(mention["actor"], str) and mention["actor"].islower()):
            return f"actor of '{surface}' must be a lower-case name"
        spans.append((start, end))
    for (_, end), (start, _) in pairwise(sorted(spans)):
        if start < end:
            return f"mentions overlap at {start}"
    return ""


def _check_relations(row: dict[str, Any], actors: list[str]) -> str:
    expected = set(permutations(actors, 2))
    found: set[tuple[str, str]] = set()
    for relation in row["relations"]:
        if not isinstance(relation, dict) or set(relation) != _RELATION_KEYS:
            return f"a relation has the keys {', '.join(sorted(_RELATION_KEYS))}"
        pair = (str(relation["source"]), str(relation["target"]))
        label, event = relation["label"], relation["event"]
        if pair not in expected:
            return f"relation {pair[0]}→{pair[1]} is no pair of this sentence's mentions"
        if pair in found:
            return f"relation {pair[0]}→{pair[1]} stands twice"
        found.add(pair)
        if label not in LABELS:
            return f"label '{label}' is none of {', '.join(LABELS)}"
        if event is not None and str(event) not in EVENTS:
            return f"event '{event}' is no PLOVER type"
        if not fits(event, label):
            return f"event {event} does not go with {label}"
    if found != expected:
        source, target = min(expected - found)
        return f"pair {source}→{target} has no row"
    return ""


def row_problem(row: Any, countries: frozenset[str]) -> str:
    """Reason why a row of the corpus is bad, or nothing."""
    if not isinstance(row, dict) or set(row) != _SENTENCE_KEYS:
        return f"a row is an object with the keys {', '.join(sorted(_SENTENCE_KEYS))}"
    if not isinstance(row["mentions"], list) or not isinstance(row["relations"], list):
        return "mentions and relations are lists"
    return (
        _check_text(row)
        or _check_mentions(row, countries)
        or ("" if len(_actors(row)) > 1 else "fewer than two countries are mentioned")
        or _check_relations(row, _actors(row))
    )


def _actor(mention: dict[str, Any]) -> str:
    return str(mention["country"] if "country" in mention else mention["actor"])


def _actors(row: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(_actor(mention) for mention in row["mentions"]))


def _labelled(row: dict[str, Any], name: str) -> LabelledSentence:
    mentions = sorted(row["mentions"], key=lambda mention: mention["start"])
    actors = tuple((mention["start"], mention["end"], _actor(mention)) for mention in mentions)
    return LabelledSentence(
        row["id"],
        name,
        row["text"],
        tuple(
            LabelledPair(
                Pair(row["text"], actors, relation["source"], relation["target"]),
                relation["label"],
                relation["event"],
            )
            for relation in row["relations"]
        ),
    )


def files(folder: Path) -> list[Path]:
    """The corpus files of a labels folder, in order of name."""
    return sorted((folder / "corpus").glob("*.jsonl"))


def read(folder: Path, countries: frozenset[str]) -> list[LabelledSentence]:
    """Read and check every corpus file of a labels folder.

    Parameters
    ----------
    folder : Path
        A labels folder; the sentences lie in ``corpus/*.jsonl``.
    countries : frozenset of str
        Codes that a mention may carry.

    Returns
    -------
    list of LabelledSentence
        In order of file and line.

    Raises
    ------
    CorpusError
        If there is no sentence, or any row is bad; every bad row is listed.
    """
    sentences, problems = scan(files(folder), countries)
    if problems:
        raise CorpusError(problems)
    if not sentences:
        raise CorpusError([f"{folder / 'corpus'}: no labelled sentence in any *.jsonl"])
    return sentences


def scan(paths: Iterable[Path], countries: frozenset[str]) -> tuple[list[LabelledSentence], list[str]]:
    """Read and check some corpus files.

    Parameters
    ----------
    paths : iterable of Path
        JSON lines.
    countries : frozenset of str
        Codes that a mention may carry.

    Returns
    -------
    sentences : list of LabelledSentence
        The good rows, in order of file and line.
    problems : list of str
        File, line and reason of each bad row.
    """
    problems: list[str] = []
    sentences: list[LabelledSentence] = []
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    for path in paths:
        for number, line in lines(path):
            place = f"{path}:{number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                problems.append(f"{place}: no JSON: {error}")
                continue
            problem = row_problem(row, countries)
            if not problem and row["id"] in ids:
                problem = f"id {row['id']} stands already in {ids[row['id']]}"
            if not problem and row["text"] in texts:
                problem = f"the same sentence stands already in {texts[row['text']]}"
            if problem:
                problems.append(f"{place}: {problem}")
                continue
            ids[row["id"]] = texts[row["text"]] = place
            sentences.append(_labelled(row, path.stem))
    return sentences, problems


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every line that is not blank, with its number; a byte that is no UTF-8 becomes a half character."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if raw.strip():
                yield number, raw.decode("utf-8", errors="surrogateescape")


def digest(folder: Path, lexicon: Path | None = None) -> str:
    """SHA-256 of all that a model is fitted from: lexicon (by default the folder's own) and corpus files."""
    whole = hashlib.sha256()
    for path in [lexicon or folder / "lexicon.tsv", *files(folder)]:
        whole.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def held_out(sentence: LabelledSentence, parts: int = 10) -> bool:
    """Whether a sentence belongs to the held-out part: one in ``parts``, by its text alone.

    Decided by the text's digest, a sentence keeps its side when the corpus grows.
    """
    return part_of(sentence, parts) == 0


def part_of(sentence: LabelledSentence, parts: int) -> int:
    """Number of the part, from 0, that a sentence falls into; even and stable."""
    return part_of_text(sentence.text, parts)


def part_of_text(text: str, parts: int) -> int:
    """Number of the part that a sentence of this text falls into."""
    return int(text_digest(text), 16) % parts


def text_digest(text: str) -> str:
    """What a sentence is known by: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
