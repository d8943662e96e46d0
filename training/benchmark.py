"""Measure the whole way of the data on texts with known answers."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from relations.analyser import Analyser, Options
from relations.domain import LABELS, Pair
from training.metrics import Scores, score


class BenchmarkError(ValueError):
    """A file with gold answers cannot be read; the text names file, line and reason."""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BenchmarkError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from None


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(_read(path).split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise BenchmarkError(f"{path}:{number}: no JSON: {error}") from None
    if not rows:
        raise BenchmarkError(f"{path}: no row")
    return rows


def _check_labels(path: Path, labels: Sequence[str]) -> None:
    """Refuse a label that the codebook does not know."""
    unknown = sorted(set(labels) - set(LABELS))
    if unknown:
        raise BenchmarkError(f"{path}: unknown labels: {', '.join(unknown)}")


def pairs(analyser: Analyser, path: Path) -> Scores:
    """Score judgements on given pairs.

    Parameters
    ----------
    analyser : Analyser
        What is measured.
    path : Path
        JSON lines with text, source {start, end}, target {start, end} and label.

    Returns
    -------
    Scores
    """
    rows = _rows(path)
    try:
        asked = [
            Pair(
                row["text"],
                tuple(sorted((row[role]["start"], row[role]["end"], role) for role in ("source", "target"))),
                "source",
                "target",
            )
            for row in rows
        ]
        labels = [row["label"] for row in rows]
    except (KeyError, TypeError) as error:
        raise BenchmarkError(f"{path}: a row has text, source and target spans and a label ({error})") from None
    _check_labels(path, labels)
    return score(labels, analyser.model.probabilities(asked), analyser.model.classes)


@dataclass(frozen=True)
class DocumentScores:
    """Result of `documents`.

    Attributes
    ----------
    scores : Scores
        Over all gold pairs; a pair that was not found counts as neutrality.
    missed : list of (text, country)
        Countries with a gold relation that were not found.
    extra : list of (text, country, surface)
        Countries that were found and have no gold relation.
    """

    scores: Scores
    missed: list[tuple[str, str]]
    extra: list[tuple[str, str, str]]


def documents(analyser: Analyser, path: Path, as_of: dt.date) -> DocumentScores:
    """Score the whole way, mentions included, on one-sentence documents.

    Parameters
    ----------
    analyser : Analyser
        What is measured.
    path : Path
        JSON lines with text and relations [{source, target, label}].
    as_of : datetime.date
        Day of the texts.

    Returns
    -------
    DocumentScores
    """
    rows = _rows(path)
    try:
        gold = [{(one["source"], one["target"]): one["label"] for one in row["relations"]} for row in rows]
        texts = [row["text"] for row in rows]
    except (KeyError, TypeError) as error:
        raise BenchmarkError(f"{path}: a row has text and relations ({error})") from None
    _check_labels(path, [label for relations in gold for label in relations.values()])
    if not any(gold):
        raise BenchmarkError(f"{path}: no gold relation")
    classes = analyser.model.classes
    unfound = np.array([1.0 if label == "neutrality" else 0.0 for label in classes])
    labels: list[str] = []
    probabilities = []
    missed, extra = [], []
    for text, relations, analysis in zip(
        texts, gold, analyser.analyse_all(texts, Options(as_of=as_of)), strict=True
    ):
        found = {
            (one.source, one.target): np.array([one.probabilities[label] for label in classes])
            for sentence in analysis.sentences
            for one in sentence.relations
        }
        mentions = [mention for sentence in analysis.sentences for mention in sentence.mentions]
        surfaces = {mention.country: mention.text for mention in mentions}
        wanted = {country for pair in relations for country in pair}
        missed += [(text, country) for country in sorted(wanted - set(surfaces))]
        extra += [(text, country, surfaces[country]) for country in sorted(set(surfaces) - wanted)]
        for pair, label in relations.items():
            labels.append(label)
            probabilities.append(found.get(pair, unfound))
    return DocumentScores(score(labels, np.array(probabilities), classes), missed, extra)


@dataclass(frozen=True)
class ArticleResult:
    """Result of `article`; a line for each gold relation."""

    lines: list[str]
    required: int
    right: int
    missed: list[str]


def article(analyser: Analyser, text: Path, gold: Path, as_of: dt.date) -> ArticleResult:
    """Compare the answer for one article with its gold relations.

    Parameters
    ----------
    analyser : Analyser
        What is measured.
    text : Path
        The article.
    gold : Path
        JSON lines with sentence (number from 0), countries and relations, of which some are ``required``.
    as_of : datetime.date
        Day of the article.

    Returns
    -------
    ArticleResult
    """
    analysis = analyser.analyse(_read(text), Options(as_of=as_of))
    lines, missed = [], []
    required = right = 0
    for row in _rows(gold):
        number = row["sentence"]
        if number >= len(analysis.sentences):
            missed.append(f"sentence {number} was not found")
            continue
        sentence = analysis.sentences[number]
        countries = {mention.country for mention in sentence.mentions}
        missed += [f"sentence {number}: {code}" for code in row["countries"] if code not in countries]
        judged = {(one.source, one.target): one for one in sentence.relations}
        for want in row["relations"]:
            one = judged.get((want["source"], want["target"]))
            label = one.label if one else "not found"
            hit = label == want["label"]
            required += want["required"]
            right += want["required"] and hit
            mark = ("right" if hit else "WRONG") if want["required"] else ("(right)" if hit else "(wrong)")
            probability = f"{one.probability:.2f}" if one else ""
            pair = f"{number:3} {want['source']}→{want['target']}"
            lines.append(f"{pair}  {want['label']:11} {label or 'abstained':11} {probability:5} {mark}")
    return ArticleResult(lines, required, right, missed)
