"""Prodigy's answers of rel.manual are read, and what is written can be loaded there."""

import json
from pathlib import Path

import pytest

from training.formats.model import Document, Link, Note, Region
from training.formats.prodigy import read, render

FILE = Path(__file__).parent / "formats" / "prodigy.jsonl"


@pytest.fixture(scope="module")
def documents():
    """Read the documents by line."""
    return {int(one.place.rpartition(":")[2]): one for one in read(FILE) if isinstance(one, Document)}


def surfaces(document):
    """Surfaces of the regions."""
    return [document.text[start:end] for one in document.regions for start, end in one.places]


def test_read(documents):
    """Spans keep their offsets in code points, and the head of a relation is its source."""
    first = documents[1]
    assert surfaces(first) == ["South Korea", "New Zealand"]
    source, target = first.regions[1].key, first.regions[0].key
    assert first.links == (Link(source, target, ("REJECT",)),)


def test_answers(documents):
    """Only accepted answers are taken; the others are told."""
    assert sorted(documents) == [1, 4, 5, 6]
    notes = [one for one in read(FILE) if isinstance(one, Note)]
    assert [one.reason for one in notes] == ["answered with reject", "answered with ignore"]
    assert {one.kind for one in notes} == {"left out"}


def test_annotators(documents):
    """Answers to one text are annotations of one task, with their annotators."""
    assert documents[4].task == documents[5].task != documents[1].task
    assert [documents[line].annotator for line in (4, 5)] == ["desk-ann", "desk-ben"]


def test_relations_of_tokens(documents):
    """Where a relation has no spans, its tokens are the regions."""
    assert surfaces(documents[6]) == ["Haiti", "Cuba"]
    assert [one.names for one in documents[6].links] == [("opposition",)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": "maybe"}, "answer"),
        ({"relations": None}, "relations"),
        ({"relations": [{"head": -1, "child": 0, "label": "support"}]}, "head"),
        ({"text": 5}, "text"),
    ],
)
def test_bad_row(tmp_path, changes, reason):
    """A row that is no answer of rel.manual is refused with line and reason."""
    path = tmp_path / "answers.jsonl"
    path.write_text("\n" + json.dumps({"text": "Italy met Malta.", "relations": [], **changes}))
    (note,) = read(path)
    assert (note.place, note.kind) == (f"{path}:2", "refused")
    assert reason in note.reason


def test_render(tmp_path):
    """Tokens do not cross the ends of spans, and the last token of a span stands for it in relations."""
    text = "Sino–Japanese ties and New Zealand's."
    regions = (
        Region("m0", ((0, 4),), ("CHN",)),
        Region("m1", ((5, 13),), ("JPN",)),
        Region("m2", ((23, 34),), ("NZL",)),
    )
    document = Document("r-1", "", text, regions, (Link("m2", "m0", ("opposition", "REJECT")),), "t")
    (content,) = render([document], tmp_path / "x.jsonl").values()
    row = json.loads(content)
    tokens = row["tokens"]
    assert all(text[one["start"] : one["end"]] == one["text"] for one in tokens)
    assert [one["id"] for one in tokens] == list(range(len(tokens)))
    assert "".join(one["text"] + " " * one["ws"] for one in tokens) == text
    for span in row["spans"]:
        assert tokens[span["token_start"]]["start"] == span["start"]
        assert tokens[span["token_end"]]["end"] == span["end"]
    (relation,) = row["relations"]
    assert tokens[relation["head"]]["text"] == "Zealand"
    assert relation["child_span"]["label"] == "CHN"
    assert (relation["label"], row["answer"]) == ("opposition-REJECT", "accept")


def test_render_cuts_tokens(tmp_path):
    """A word that holds a span and more is two tokens."""
    regions = (Region("m0", ((0, 5),), ("ITA",)), Region("m1", ((10, 15),), ("MLT",)))
    document = Document("r-1", "", "Italywide Maltas", regions, (), "t")
    (content,) = render([document], tmp_path / "x.jsonl").values()
    assert [one["text"] for one in json.loads(content)["tokens"]] == ["Italy", "wide", "Malta", "s"]
