"""Label Studio's JSON: tasks with annotations, whose results are regions and relations."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, fields, validate

from training.formats.model import Document, FormatError, Lenient, Link, Note, Region, read_text, reasons

_ATTRIBUTES = {"textarea": "text", "choices": "choices"}
"""Results that say something about a region, and the key of what they say."""
_MARKUP = frozenset({"hypertextlabels", "paragraphlabels"})


class _Annotation(Lenient):
    result = fields.List(fields.Dict(), required=True)
    was_cancelled = fields.Boolean(load_default=False)
    ground_truth = fields.Boolean(load_default=False)
    completed_by = fields.Raw(load_default=None, allow_none=True)


class _Task(Lenient):
    id = fields.Raw(load_default=None, allow_none=True)
    data = fields.Dict(required=True)
    annotations = fields.List(fields.Nested(_Annotation), required=True)


class _Value(Lenient):
    start = fields.Integer(required=True, strict=True)
    end = fields.Integer(required=True, strict=True)
    text = fields.String(load_default=None, allow_none=True)
    labels = fields.List(fields.String(), load_default=list)


class _Region(Lenient):
    id = fields.String(required=True)
    value = fields.Nested(_Value, required=True)


class _Relation(Lenient):
    from_id = fields.String(required=True)
    to_id = fields.String(required=True)
    direction = fields.String(load_default="right", validate=validate.OneOf(["left", "right", "bi"]))
    labels = fields.List(fields.String(), load_default=list)


def read(path: Path) -> Iterator[Document | Note]:
    """Read an export of the kind "JSON".

    Yields
    ------
    Document or Note
        A document for each annotation that was not cancelled.

    Raises
    ------
    FormatError
        If the file is no list of tasks.
    """
    try:
        tasks = json.loads(read_text(path))
    except ValueError as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path}: no JSON ({error}): export as 'JSON' from Label Studio") from None
    if not isinstance(tasks, list):
        raise FormatError(f"{path}: no list of tasks: export as 'JSON' from Label Studio")
    for number, raw in enumerate(tasks, 1):
        name = raw.get("id", number) if isinstance(raw, dict) else number
        place = f"{path}: task {name}"
        try:
            task = _Task().load(raw)
        except ValidationError as error:
            why = reasons(error.messages)
            yield Note(place, f"{why} (JSON-MIN holds no relations: export as 'JSON')", "refused")
            continue
        text = _text(task["data"])
        if text is None:
            yield Note(place, f"none of {', '.join(task['data'])} is the text: call its field 'text'", "refused")
            continue
        if not task["annotations"]:
            yield Note(place, "no annotation", "left out")
        for annotation in task["annotations"]:
            if annotation["was_cancelled"]:
                yield Note(place, "an annotation that was skipped", "left out")
            else:
                yield from _document(str(task["data"].get("id", name)), place, text, annotation)


def _text(data: Mapping[str, Any]) -> str | None:
    strings = [value for key, value in data.items() if isinstance(value, str) and key != "id"]
    text = data.get("text", strings[0] if len(strings) == 1 else None)
    return text if isinstance(text, str) else None


def _document(name: str, place: str, text: str, annotation: Mapping[str, Any]) -> Iterator[Document | Note]:
    regions: dict[str, Region] = {}
    links: list[Link] = []
    hints: dict[str, list[str]] = {}
    for item in annotation["result"]:
        kind = item.get("type")
        try:
            if kind == "labels":
                region = _region(_Region().load(item), text)
                if isinstance(region, tuple):
                    region, note = region
                    yield Note(place, note, "changed")
                regions[region.key] = region
            elif kind == "relation":
                links += _links(_Relation().load(item))
            elif kind in _MARKUP:
                key = str(item.get("id"))
                regions[key] = Region(key, (), (), "its offsets are into markup: annotate plain text")
            elif kind in _ATTRIBUTES and isinstance(item.get("value"), dict):
                said = item["value"].get(_ATTRIBUTES[kind], [])
                known = hints.setdefault(str(item.get("id")), [])
                known += [said] if isinstance(said, str) else map(str, said)
            else:
                yield Note(place, f"a result of type {kind}", "left out")
        except ValidationError as error:
            yield Note(place, f"a result of type {kind} is damaged: {reasons(error.messages)}", "refused")
            return
    for key in hints.keys() - regions.keys():
        yield Note(place, f"'{', '.join(hints[key])}', which belongs to no region", "left out")
    yield Document(
        name,
        place,
        text,
        tuple(
            Region(key, region.places, (*hints.get(key, ()), *region.hints), region.problem)
            for key, region in regions.items()
        ),
        tuple(links),
        place,
        _annotator(annotation["completed_by"]),
        annotation["ground_truth"],
    )


def _annotator(who: Any) -> str:
    """The annotator's number, or address where the export holds more than the number."""
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return "" if who is None else str(who)


def _region(item: Mapping[str, Any], text: str) -> Region | tuple[Region, str]:
    """A region, with a note where its offsets are in UTF-16 units, as releases before 1.5 counted."""
    value = item["value"]
    start, end, said = value["start"], value["end"], value["text"]
    labels = tuple(value["labels"])
    if said is None or _same(text[max(0, start) : end], said):
        return Region(item["id"], ((start, end),), labels)
    begin, stop = _code_points(text, start), _code_points(text, end)
    if _same(text[begin:stop], said):
        note = f"'{said}' counted in UTF-16 units ({start}–{end}), now in code points ({begin}–{stop})"
        return Region(item["id"], ((begin, stop),), labels), note
    return Region(item["id"], (), labels, f"the text at {start}–{end} is not '{said}'")


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()


def _code_points(text: str, units: int) -> int:
    return len(text.encode("utf-16-le")[: 2 * max(0, units)].decode("utf-16-le", errors="ignore"))


def _links(item: Mapping[str, Any]) -> list[Link]:
    names = tuple(item["labels"])
    there = Link(item["from_id"], item["to_id"], names)
    back = Link(item["to_id"], item["from_id"], names)
    return {"right": [there], "left": [back], "bi": [there, back]}[item["direction"]]


def results(document: Document, scores: Sequence[float] = ()) -> list[dict[str, Any]]:
    """Regions and relations as Label Studio's results.

    Parameters
    ----------
    document : Document
        Its regions' first hints are their countries.
    scores : sequence of float
        Confidence of each link, for predictions.

    Returns
    -------
    list of dict
        A region is labelled ``Country`` and carries its code in the text area ``code``.
    """
    found: list[dict[str, Any]] = []
    for region in document.regions:
        ((start, end),) = region.places
        value = {"start": start, "end": end, "text": document.text[start:end]}
        code = {"start": start, "end": end, "text": list(region.hints[:1])}
        for name, kind, said in (
            ("country", "labels", {**value, "labels": ["Country"]}),
            ("code", "textarea", code),
        ):
            found.append({"id": region.key, "from_name": name, "to_name": "text", "type": kind, "value": said})
    for number, link in enumerate(document.links):
        relation = {
            "type": "relation",
            "from_id": link.source,
            "to_id": link.target,
            "direction": "right",
            "labels": list(link.names),
        }
        found.append({**relation, "score": scores[number]} if scores else relation)
    return found


def data(document: Document) -> dict[str, str]:
    """What a task shows."""
    return {"text": document.text, "id": document.id}


def dump(tasks: Sequence[Mapping[str, Any]]) -> bytes:
    """Tasks as a file to import."""
    return (json.dumps(tasks, ensure_ascii=False, indent=1) + "\n").encode()


def render(documents: Sequence[Document], out: Path) -> dict[Path, bytes]:
    """Documents as annotated tasks."""
    tasks = [{"data": data(document), "annotations": [{"result": results(document)}]} for document in documents]
    return {out: dump(tasks)}
