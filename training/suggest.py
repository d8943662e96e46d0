"""Which unlabelled sentences teach most: those the model is unsure of, and that are unlike each other."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer

from relations.analyser import Analyser
from relations.domain import Pair, Relation
from relations.folding import fold
from relations.pairs import actors_of, pairs_of
from training.annotations import keys_of, regions_of
from training.formats import label_studio
from training.formats.model import Document, FormatError, Link, read_text

_POOL = 20
"""Sentences, for each that is asked for, among which unlike ones are sought: the most uncertain ones."""
_DIVERSITY = 0.5
"""Weight of unlikeness against uncertainty."""
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A sentence to label.

    Attributes
    ----------
    id, text : str
        The sentence.
    actors : tuple of (start, end, country)
        Its mentions.
    relations : tuple of Relation
        What the model thinks.
    uncertainty : float
        Of the least certain pair, one less the margin between its two likeliest labels: 0 is sure, 1 a toss-up.
    """

    id: str
    text: str
    actors: tuple[tuple[int, int, str], ...]
    relations: tuple[Relation, ...]
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Result of `suggest`: what to label, the best first, and how many sentences were passed over, by reason."""

    chosen: list[Suggestion]
    passed_over: dict[str, int]


def read(path: Path) -> Iterator[tuple[str, str]]:
    """Id and text of each line: plain text, or objects with ``text`` and perhaps ``id`` in a file named .jsonl.

    Raises
    ------
    FormatError
        If a line is no such object, or the file is not UTF-8.
    """
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        name = f"{path.stem}-{number}"
        if path.suffix != ".jsonl":
            yield name, line
            continue
        try:
            row = json.loads(line)
            text = row["text"]
        except (ValueError, KeyError, TypeError):
            text = None
        if not isinstance(text, str):
            raise FormatError(f"{path}:{number}: no JSON object with a text")
        yield str(row.get("id", name)), text


def suggest(
    analyser: Analyser, texts: Sequence[tuple[str, str]], labelled: Sequence[str], count: int, as_of: dt.date
) -> Suggestions:
    """Choose sentences to label.

    Parameters
    ----------
    analyser : Analyser
        Finds and judges the pairs.
    texts : sequence of (str, str)
        Id and text, of one sentence or more.
    labelled : sequence of str
        Sentences that have labels already.
    count : int
        How many are wanted.
    as_of : datetime.date
        Day of the texts.

    Returns
    -------
    Suggestions
    """
    known = {_key(text) for text in labelled}
    passed = {"labelled already": 0, "twice": 0, "fewer than two countries": 0}
    seen: set[str] = set()
    candidates: list[tuple[str, list[Pair]]] = []
    for name, text in texts:
        sentences, mentions = analyser.mentions(text, as_of)
        for sentence, found in zip(sentences, mentions, strict=True):
            pairs = pairs_of(sentence.text, apart(actors_of(sentence, found)))
            key = _key(sentence.text)
            if not pairs:
                passed["fewer than two countries"] += 1
            elif key in known or key in seen:
                passed["labelled already" if key in known else "twice"] += 1
            else:
                seen.add(key)
                candidates.append((name if len(sentences) == 1 else f"{name}-{sentence.index + 1}", pairs))
    judged = _judged(analyser, candidates)
    return Suggestions([judged[index] for index in _unlike(judged, count)], passed)


def _key(text: str) -> str:
    return " ".join(fold(text)[0].lower().split())


def apart(actors: tuple[tuple[int, int, str], ...]) -> tuple[tuple[int, int, str], ...]:
    """Mentions without those that stand for two countries at once: a region of a label has one."""
    spans = [(start, end) for start, end, _ in actors]
    return tuple(one for one in actors if spans.count(one[:2]) == 1)


def _judged(analyser: Analyser, candidates: Sequence[tuple[str, list[Pair]]]) -> list[Suggestion]:
    found = []
    for start in range(0, len(candidates), _BATCH):
        batch = candidates[start : start + _BATCH]
        relations = iter(analyser.model.judge([pair for _, pairs in batch for pair in pairs]))
        for name, pairs in batch:
            judged = tuple(next(relations) for _ in pairs)
            found.append(suggestion(name, pairs[0].text, pairs[0].actors, judged))
    return found


def suggestion(
    name: str, text: str, actors: tuple[tuple[int, int, str], ...], relations: tuple[Relation, ...]
) -> Suggestion:
    """Make a suggestion of a sentence, whose uncertainty is that of its least certain relation."""
    uncertainty = max((1 - _margin(one.probabilities) for one in relations), default=1.0)
    return Suggestion(name, text, actors, relations, uncertainty)


def _margin(probabilities: Mapping[str, float]) -> float:
    first, second, *_ = sorted(probabilities.values(), reverse=True)
    return first - second


def _unlike(judged: Sequence[Suggestion], count: int) -> list[int]:
    """Indexes by maximal marginal relevance over words and word pairs.

    Source: Carbonell and Goldstein (1998), "The use of MMR, diversity-based reranking".
    """
    order = sorted(range(len(judged)), key=lambda index: -judged[index].uncertainty)[: _POOL * count]
    if not order:
        return []
    vectors = HashingVectorizer(ngram_range=(1, 2), alternate_sign=False).transform(
        [_masked(judged[index]) for index in order]
    )
    uncertainty = np.array([judged[index].uncertainty for index in order])
    likeness: NDArray[np.float64] = np.zeros(len(order))
    chosen: list[int] = []
    for _ in range(min(count, len(order))):
        worth = (1 - _DIVERSITY) * uncertainty - _DIVERSITY * likeness
        worth[chosen] = -np.inf
        best = int(worth.argmax())
        chosen.append(best)
        likeness = np.maximum(likeness, (vectors @ vectors[best].T).toarray().ravel())
    return [order[index] for index in chosen]


def _masked(one: Suggestion) -> str:
    text = one.text
    for start, end, _ in reversed(one.actors):
        text = f"{text[:start]}COUNTRY{text[end:]}"
    return text


def tasks(chosen: Sequence[Suggestion], model: str) -> list[dict[str, Any]]:
    """Suggestions as Label Studio's tasks with predictions.

    Parameters
    ----------
    chosen : sequence of Suggestion
        In order.
    model : str
        Name of the model.

    Returns
    -------
    list of dict
        A prediction's score is one less its uncertainty, so that Label Studio sorts as we do; neutral pairs have
        no relation, as in an import.
    """
    found = []
    for one in chosen:
        keys = keys_of(one.actors)
        shown = [relation for relation in one.relations if relation.label != "neutrality"]
        links = tuple(Link(keys[each.source], keys[each.target], (str(each.label),)) for each in shown)
        document = Document(one.id, one.id, one.text, regions_of(one.actors), links, one.id)
        prediction = {
            "model_version": model,
            "score": round(1 - one.uncertainty, 4),
            "result": label_studio.results(document, [round(each.probability, 4) for each in shown]),
        }
        found.append({"data": label_studio.data(document), "predictions": [prediction]})
    return found
