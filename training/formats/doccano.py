"""doccano's JSONL of a project that labels relations."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from marshmallow import fields

from training.formats.model import Document, Lenient, Link, Note, Region, dump_lines, joined, json_lines


class _Entity(Lenient):
    id = fields.Raw(required=True)
    label = fields.String(required=True)
    start_offset = fields.Integer(required=True, strict=True)
    end_offset = fields.Integer(required=True, strict=True)


class _Relation(Lenient):
    from_id = fields.Raw(required=True)
    to_id = fields.Raw(required=True)
    type = fields.String(required=True)


class _Row(Lenient):
    id = fields.Raw(load_default="")
    text = fields.String(required=True)
    entities = fields.List(fields.Nested(_Entity), required=True)
    relations = fields.List(fields.Nested(_Relation), required=True)
    comments = fields.List(fields.Raw(), load_default=list, data_key="Comments")


def read(path: Path) -> Iterator[Document | Note]:
    """Read an export of the kind "JSONL (relation)"; offsets are code points."""
    for row in json_lines(path, _Row()):
        if isinstance(row, Note):
            yield row
            continue
        place, content = row
        if content["comments"]:
            yield Note(place, f"comments ({len(content['comments'])})", "left out")
        yield Document(
            str(content["id"]),
            place,
            content["text"],
            tuple(
                Region(str(entity["id"]), ((entity["start_offset"], entity["end_offset"]),), (entity["label"],))
                for entity in content["entities"]
            ),
            tuple(
                Link(str(relation["from_id"]), str(relation["to_id"]), (relation["type"],))
                for relation in content["relations"]
            ),
            place,
        )


def render(documents: Sequence[Document], out: Path) -> dict[Path, bytes]:
    """Documents as JSONL to import; keys of entities and relations are numbers, as doccano wants them."""
    rows = []
    for document in documents:
        numbers = {region.key: number for number, region in enumerate(document.regions)}
        entities = [
            {"id": numbers[region.key], "label": region.hints[0], "start_offset": start, "end_offset": end}
            for region in document.regions
            for start, end in region.places
        ]
        relations = [
            {
                "id": number,
                "from_id": numbers[link.source],
                "to_id": numbers[link.target],
                "type": joined(link.names),
            }
            for number, link in enumerate(document.links)
        ]
        rows.append({"id": document.id, "text": document.text, "entities": entities, "relations": relations})
    return {out: dump_lines(rows)}
