"""Measure the whole way of the data on texts with known answers."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from relations.analyser import Analyser, Options
from relations.domain import LABELS, Pair, Relation
from training.metrics import Scores, score


class BenchmarkError(ValueError):
    """A file with gold answers cannot be read; the text names file, line and reason."""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BenchmarkError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from None


class _Span(Schema):
    start = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    end = fields.Integer(required=True, strict=True)


class _Row(Schema):
    class Meta:
        unknown = INCLUDE


class _PairRow(_Row):
    text = fields.String(required=True)
    source = fields.Nested(_Span, required=True, unknown=INCLUDE)
    target = fields.Nested(_Span, required=True, unknown=INCLUDE)
    label = fields.String(required=True, validate=validate.OneOf(LABELS, error="{input} is no label"))

    @validates_schema
    def check_spans(self, data: dict[str, Any], **_: object) -> None:
        """Each span holds something and lies in the text; real sets have spans inside each other."""
        for role in ("source", "target"):
            start, end = data[role]["start"], data[role]["end"]
            if not start < end <= len(data["text"]):
                raise ValidationError(f"the span {start}–{end} does not lie in the text", role)


class _RelationRow(_Row):
    source = fields.String(required=True)
    target = fields.String(required=True)
    label = fields.String(required=True, validate=validate.OneOf(LABELS, error="{input} is no label"))


class _DocumentRow(_Row):
    text = fields.String(required=True)
    relations = fields.List(fields.Nested(_RelationRow), required=True)


class _RequiredRelationRow(_RelationRow):
    required = fields.Boolean(required=True)


class _SentenceRow(_Row):
    sentence = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    countries = fields.List(fields.String(), required=True)
    relations = fields.List(fields.Nested(_RequiredRelationRow), required=True)


def _rows(path: Path, schema: Schema) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(_read(path).split("\n"), 1):
        if line.strip():
            try:
                rows.append(schema.load(json.loads(line)))
            except ValidationError as error:
                wanted = ", ".join(schema.fields)
                raise BenchmarkError(f"{path}:{number}: {error.messages} in a row with {wanted}") from None
            except ValueError as error:
                raise BenchmarkError(f"{path}:{number}: no JSON: {error}") from None
    if not rows:
        raise BenchmarkError(f"{path}: no row")
    return rows


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
    rows = _rows(path, _PairRow())
    asked = [
        Pair(
            row["text"],
            tuple(sorted((row[role]["start"], row[role]["end"], role) for role in ("source", "target"))),
            "source",
            "target",
        )
        for row in rows
    ]
    return score([row["label"] for row in rows], analyser.model.probabilities(asked), analyser.model.classes)


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
    rows = _rows(path, _DocumentRow())
    gold = [{(one["source"], one["target"]): one["label"] for one in row["relations"]} for row in rows]
    texts = [row["text"] for row in rows]
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
    for row in _rows(gold, _SentenceRow()):
        number = row["sentence"]
        judged: dict[tuple[str, str], Relation] = {}
        if number < len(analysis.sentences):
            sentence = analysis.sentences[number]
            countries = {mention.country for mention in sentence.mentions}
            missed += [f"sentence {number}: {code}" for code in row["countries"] if code not in countries]
            judged = {(one.source, one.target): one for one in sentence.relations}
        else:
            missed.append(f"sentence {number}, which the text does not have")
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
