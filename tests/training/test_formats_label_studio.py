"""Label Studio's export is read, and what is written can be imported there."""

import json
from pathlib import Path

import pytest

from training.formats.label_studio import read, render
from training.formats.model import Document, FormatError, Link, Region

FILE = Path(__file__).parent / "formats" / "label_studio.json"


@pytest.fixture(scope="module")
def found():
    """Read the export."""
    return list(read(FILE))


def of(found, number):
    """Documents and notes of one task."""
    mine = [one for one in found if one.place == f"{FILE}: task {number}"]
    return [one for one in mine if isinstance(one, Document)], [
        one for one in mine if not isinstance(one, Document)
    ]


def surfaces(document):
    """Surface and hints of each region."""
    return [
        (document.text[one.places[0][0] : one.places[0][1]], one.hints) for one in document.regions if one.places
    ]


def written(tmp_path, content):
    """Write a file."""
    path = tmp_path / "export.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def task(*results, **data):
    """Give a task with one annotation."""
    return {"id": 5, "data": data or {"text": "Italy met Malta."}, "annotations": [{"result": list(results)}]}


def test_regions_and_relations(found):
    """Regions keep their offsets in code points, also after an emoji; an attribute comes before the label."""
    ((document,), notes) = of(found, 101)
    assert notes == []
    assert surfaces(document) == [
        ("Norway", ("NOR", "Country")),
        ("Canada", ("Country",)),
        ("Canada", ("Country",)),
    ]
    assert document.links == (Link("nA", "cB", ("SUPPORT", "support")),)
    assert (document.annotator, document.settled) == ("1", False)


def test_utf16_offsets(found):
    """Offsets of an older release, which counted UTF-16 units, are put right, and that is told."""
    ((document,), notes) = of(found, 102)
    assert surfaces(document) == [("Peru", ("PER",)), ("Chile", ("CHL",))]
    assert [note.kind for note in notes] == ["changed", "changed"]
    assert "UTF-16" in notes[0].reason


def test_directions(found):
    """A relation goes right, left or both ways."""
    ((document,), _) = of(found, 103)
    assert document.links == (
        Link("a", "b", ("support",)),
        Link("b", "a", ("support",)),
        Link("d", "c", ("opposition",)),
        Link("b", "d", ("opposition",)),
    )


def test_skipped_and_unlabelled_tasks(found):
    """A skipped annotation and a task without one are left out, and that is told."""
    for number in (105, 106):
        documents, (note,) = of(found, number)
        assert documents == []
        assert note.kind == "left out"


def test_annotators(found):
    """Each annotation of a task is a document of the same task, with its annotator."""
    documents, _ = of(found, 107)
    assert [one.annotator for one in documents] == ["3", "4"]
    assert len({one.task for one in documents}) == 1


def test_offsets_that_cannot_be_right(found):
    """A region whose text is not the one that it holds has no place but a problem; a stray choice is told."""
    ((document,), (note,)) = of(found, 108)
    (wrong,) = [one for one in document.regions if one.problem]
    assert not wrong.places
    assert "'vetoes'" in wrong.problem
    assert "finished" in note.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "no JSON"),
        ({"id": 1}, "no list"),
        ("PK\x03\x04", "zip"),
    ],
)
def test_no_export(tmp_path, content, reason):
    """A file that is no export is refused with its name and the remedy."""
    path = written(tmp_path, content)
    with pytest.raises(FormatError, match=reason) as caught:
        list(read(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"id": 5, "text": "x", "label": []}, "JSON-MIN"),
        (7, "JSON-MIN"),
        (task(one="a", two="b"), "none of one, two is the text"),
        (task({"type": "labels", "id": "a", "value": {"start": "0", "end": 5}}), "start"),
        (task({"type": "relation", "from_id": "a"}), "to_id"),
        (task({"type": "relation", "from_id": "a", "to_id": "b", "direction": "up"}), "direction"),
    ],
)
def test_bad_task(tmp_path, raw, reason):
    """A task that cannot be read is refused with its number and the reason, and the others are read."""
    good = task()
    found = list(read(written(tmp_path, [raw, good])))
    assert [one.kind for one in found[:-1]] == ["refused"]
    assert reason in found[0].reason
    assert isinstance(found[-1], Document)


def test_other_results(tmp_path):
    """A result of another kind is left out and told; a region of markup has a problem."""
    markup = {
        "type": "hypertextlabels",
        "id": "a",
        "value": {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]"},
    }
    note, document = read(written(tmp_path, [task({"type": "rating", "value": {"rating": 3}}, markup)]))
    assert "rating" in note.reason
    assert "markup" in document.regions[0].problem


def test_text_by_another_name(tmp_path):
    """The only text of a task is its text, whatever its name."""
    (document,) = read(written(tmp_path, [task(story="Italy met Malta.", id="s-1")]))
    assert (document.id, document.text) == ("s-1", "Italy met Malta.")


def test_render(tmp_path):
    """What is written has the shape of an import: data, results of regions and their codes, relations."""
    regions = (Region("m0", ((2, 7),), ("ITA",)), Region("m1", ((12, 17),), ("MLT",)))
    document = Document("r-1", "", "😀 Italy met Malta.", regions, (Link("m0", "m1", ("support", "AID")),), "t")
    path = tmp_path / "tasks.json"
    (content,) = render([document], path).values()
    (made,) = json.loads(content)
    assert made["data"] == {"text": document.text, "id": "r-1"}
    results = made["annotations"][0]["result"]
    assert [one["type"] for one in results] == ["labels", "textarea", "labels", "textarea", "relation"]
    assert results[0]["value"] == {"start": 2, "end": 7, "text": "Italy", "labels": ["Country"]}
    assert results[1]["id"] == results[0]["id"] == results[4]["from_id"]
    assert results[4]["labels"] == ["support", "AID"]
