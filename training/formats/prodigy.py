"""Prodigy's JSONL of the recipe rel.manual: spans of tokens, and relations from a head to a child."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import fields, validate

from training.formats.model import Document, Lenient, Link, Note, Region, dump_lines, joined, json_lines

_TOKEN = re.compile(r"\w+|[^\w\s]")


class _Span(Lenient):
    start = fields.Integer(required=True, strict=True)
    end = fields.Integer(required=True, strict=True)
    label = fields.String(load_default=None, allow_none=True)


class _Token(Lenient):
    start = fields.Integer(required=True, strict=True)
    end = fields.Integer(required=True, strict=True)


class _Relation(Lenient):
    head = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    child = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    head_span = fields.Nested(_Span, load_default=None, allow_none=True)
    child_span = fields.Nested(_Span, load_default=None, allow_none=True)
    label = fields.String(load_default=None, allow_none=True)


class _Row(Lenient):
    text = fields.String(required=True)
    spans = fields.List(fields.Nested(_Span), load_default=list)
    tokens = fields.List(fields.Nested(_Token), load_default=list)
    relations = fields.List(fields.Nested(_Relation), required=True)
    answer = fields.String(load_default="accept", validate=validate.OneOf(["accept", "reject", "ignore"]))
    meta = fields.Dict(load_default=dict)
    annotator = fields.String(data_key="_annotator_id", load_default="", allow_none=True)


def read(path: Path) -> Iterator[Document | Note]:
    """Read what ``db-out`` writes; offsets are code points, the head is the source."""
    for row in json_lines(path, _Row()):
        if isinstance(row, Note):
            yield row
            continue
        place, content = row
        if content["answer"] != "accept":
            yield Note(place, f"answered with {content['answer']}", "left out")
            continue
        spans: dict[tuple[int, int], str] = {}
        links = []
        for span in content["spans"]:
            spans[span["start"], span["end"]] = span["label"] or ""
        for relation in content["relations"]:
            ends = [_end(content, relation, role) for role in ("head", "child")]
            for span in ends:
                spans[span["start"], span["end"]] = (
                    spans.get((span["start"], span["end"])) or span.get("label") or ""
                )
            source, target = (f"{span['start']}-{span['end']}" for span in ends)
            links.append(Link(source, target, (relation["label"],) if relation["label"] else ()))
        regions = tuple(
            Region(f"{start}-{end}", ((start, end),), (label,) if label else ())
            for (start, end), label in spans.items()
        )
        yield Document(
            str(content["meta"].get("id", "")),
            place,
            content["text"],
            regions,
            tuple(links),
            f"{path}: {content['text']}",
            content["annotator"] or "",
        )


def _end(content: Mapping[str, Any], relation: Mapping[str, Any], role: str) -> Mapping[str, Any]:
    """The span at one end of a relation: as written, else the token; an empty one where there is neither."""
    span: Mapping[str, Any] | None = relation[f"{role}_span"]
    if span is not None:
        return span
    index = relation[role]
    return content["tokens"][index] if index < len(content["tokens"]) else {"start": 0, "end": 0}


def render(documents: Sequence[Document], out: Path) -> dict[Path, bytes]:
    """Documents as accepted answers; of a span of several tokens the last stands for it, as in Prodigy."""
    return {out: dump_lines(map(_row, documents))}


def _row(document: Document) -> dict[str, Any]:
    text = document.text
    bounds = sorted({bound for region in document.regions for place in region.places for bound in place})
    tokens = [piece for match in _TOKEN.finditer(text) for piece in _cut(*match.span(), bounds)]
    starts, ends = [start for start, _ in tokens], [end for _, end in tokens]
    spans = {}
    for region in document.regions:
        ((start, end),) = region.places
        spans[region.key] = {
            "start": start,
            "end": end,
            "token_start": bisect_left(starts, start),
            "token_end": bisect_left(ends, end),
            "label": region.hints[0],
        }
    return {
        "text": text,
        "meta": {"id": document.id},
        "tokens": [
            {"text": text[start:end], "start": start, "end": end, "id": number, "ws": text[end : end + 1] == " "}
            for number, (start, end) in enumerate(tokens)
        ],
        "spans": list(spans.values()),
        "relations": [
            {
                "head": spans[link.source]["token_end"],
                "child": spans[link.target]["token_end"],
                "head_span": spans[link.source],
                "child_span": spans[link.target],
                "label": joined(link.names),
            }
            for link in document.links
        ],
        "answer": "accept",
    }


def _cut(start: int, end: int, bounds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A token cut where a span begins or ends within it."""
    for bound in bounds[bisect_left(bounds, start + 1) : bisect_left(bounds, end)]:
        yield start, bound
        start = bound
    yield start, end
