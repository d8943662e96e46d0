"""doccano's export is read, and what is written can be imported there."""

import json
from pathlib import Path

from training.formats.doccano import read, render
from training.formats.model import Document, Link, Note, Region

FILE = Path(__file__).parent / "formats" / "doccano.jsonl"


def test_read():
    """Entities keep their offsets in code points, relations their direction; keys are text."""
    documents = [one for one in read(FILE) if isinstance(one, Document)]
    first = documents[0]
    assert [first.text[start:end] for one in first.regions for start, end in one.places] == ["Greece", "Turkey"]
    assert first.links == (Link("51", "52", ("opposition-COERCE",)),)
    assert (first.id, first.place) == ("11", f"{FILE}:1")
    assert len(documents) == 3


def test_notes():
    """A comment is left out; lines of another kind of project, and lines that are no JSON, are refused."""
    notes = [one for one in read(FILE) if isinstance(one, Note)]
    assert [(one.place.rpartition(":")[2], one.kind) for one in notes] == [
        ("2", "left out"),
        ("4", "refused"),
        ("5", "refused"),
    ]
    assert "comments" in notes[0].reason
    assert "relations: Missing" in notes[1].reason
    assert "no JSON" in notes[2].reason


def test_render(tmp_path):
    """What is written has numbers for keys, and one label a relation."""
    regions = (Region("m0", ((0, 5),), ("ITA",)), Region("m1", ((10, 15),), ("MLT",)))
    document = Document("r-1", "", "Italy met Malta.", regions, (Link("m1", "m0", ("support", "AID")),), "t")
    (content,) = render([document], tmp_path / "x.jsonl").values()
    row = json.loads(content)
    assert row["entities"][1] == {"id": 1, "label": "MLT", "start_offset": 10, "end_offset": 15}
    assert row["relations"] == [{"id": 0, "from_id": 1, "to_id": 0, "type": "support-AID"}]
