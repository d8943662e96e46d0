"""Tables of pairs are read and written, as CSV and as workbooks."""

import sys
from pathlib import Path

import openpyxl
import pytest

from training.formats.model import Document, FormatError, Link, Note, Region
from training.formats.table import COLUMNS, read, render

FILE = Path(__file__).parent / "formats" / "pairs.csv"
ROWS = [["text", "source", "target", "label"], ["Italy met Malta.", "ITA", "MLT", "neutrality"]]


def csv_file(tmp_path, content, name="pairs.csv"):
    """Write a table."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(tmp_path, rows):
    """Write a workbook."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    path = tmp_path / "pairs.xlsx"
    book.save(path)
    return path


def split(path):
    """Documents and notes of a table."""
    found = list(read(path))
    return [one for one in found if isinstance(one, Document)], [one for one in found if isinstance(one, Note)]


def test_read():
    """Rows of one text are one document; names, mark and semicolons of a spreadsheet's CSV are understood."""
    documents, _ = split(FILE)
    first = documents[0]
    assert first.text == "Belgium; a founder, praised Ghana."
    assert first.links == (
        Link("Belgium", "GHA", ("support", "SUPPORT")),
        Link("GHA", "BEL", ("neutrality",)),
    )
    assert first.place == f"{FILE}:2"


def test_notes():
    """A strange column is left out; a row with too few cells or an empty one is refused, and its text with it."""
    documents, notes = split(FILE)
    assert "Fiji snubbed Tonga." not in {one.text for one in documents}
    assert [(one.kind, one.reason.partition(":")[0]) for one in notes] == [
        ("left out", "column 'reviewer'"),
        ("refused", "4 cells where the header has 6"),
        ("refused", "no target"),
        ("refused", "the row of another pair is refused"),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings(tmp_path, separator, encoding):
    """Every separator and encoding that spreadsheets write is understood."""
    text = "\r\n".join(separator.join(row) for row in [ROWS[0], ["Élysée met Malta.", "FRA", "MLT", "support"]])
    ((document,), notes) = split(csv_file(tmp_path, text.encode(encoding)))
    assert (document.text, notes) == ("Élysée met Malta.", [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("text,source,target\n", "label.*'text,source,target'"),
        ("text:source:target:label\n", "comma, semicolon, tab, bar"),
        ("", "header"),
        ("text,source,target,label\nÉlysée".encode("cp1252"), "not UTF-8.*CSV UTF-8"),
        ('text,source,target,label\n"Italy met Malta.,ITA,MLT,support\n', "quotation marks"),
    ],
)
def test_no_table(tmp_path, content, reason):
    """A file whose header, separator, encoding or quoting is wrong is refused with the remedy."""
    with pytest.raises(FormatError, match=rf"(?s){reason}"):
        list(read(csv_file(tmp_path, content)))


def test_offsets(tmp_path):
    """Offsets give the regions, several to one actor; offsets that are none are a problem."""
    rows = "😀 Italy, Italy met Malta.,ITA,MLT,support,,2.0;9,7;14,{},24\n"
    head = ",".join(COLUMNS[1:]) + "\n"
    quoted = rows.replace("😀 Italy, Italy met Malta.", '"😀 Italy, Italy met Malta."')
    ((document,), _) = split(csv_file(tmp_path, head + quoted.format("19")))
    surfaces = {one.key: [document.text[start:end] for start, end in one.places] for one in document.regions}
    assert surfaces == {"ITA": ["Italy", "Italy"], "MLT": ["Malta"]}
    ((document,), _) = split(csv_file(tmp_path, head + quoted.format("x")))
    assert "'x'" in document.regions[1].problem


def test_workbook(tmp_path):
    """A workbook's first sheet is read; numbers may be offsets, empty rows are none."""
    rows = [
        [*ROWS[0], "source_start", "source_end"],
        [*ROWS[1], 0, 5],
        [None] * 6,
        ["Chad met Mali.", "TCD", None, "support", None, None],
    ]
    ((document,), (note,)) = split(workbook(tmp_path, rows))
    assert document.regions[0].places == ((0, 5),)
    assert note.place.endswith("pairs.xlsx:4")


def test_no_workbook(tmp_path):
    """A file that is no workbook, or lacks a column, is refused by name."""
    with pytest.raises(FormatError, match=r"pairs\.xlsx: no workbook"):
        list(read(csv_file(tmp_path, "text,source", "pairs.xlsx")))
    with pytest.raises(FormatError, match="no column label"):
        list(read(workbook(tmp_path, [["text", "source", "target"]])))


def test_without_the_extra(tmp_path, monkeypatch):
    """Without openpyxl a workbook is refused with the remedy, and CSV is read all the same."""
    path = workbook(tmp_path, ROWS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(FormatError, match="xlsx extra"):
        list(read(path))
    assert split(FILE)[0]


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_render(tmp_path, name):
    """One row a link is written, with all offsets of both actors; a text that begins with "=" stays a text."""
    regions = (
        Region("m0", ((1, 6),), ("ITA",)),
        Region("m1", ((11, 16),), ("MLT",)),
        Region("m2", ((18, 22),), ("ITA",)),
    )
    links = (Link("m0", "m1", ("support", "AID")), Link("m1", "m0", ("neutrality",)))
    document = Document("r-1", "", "=Italy met Malta; Rome.", regions, links, "t")
    path = tmp_path / name
    path.write_bytes(render([document], path)[path])
    ((back,), notes) = split(path)
    assert notes == []
    assert (back.id, back.text) == ("r-1", document.text)
    assert {one.key: one.places for one in back.regions} == {"ITA": ((1, 6), (18, 22)), "MLT": ((11, 16),)}
    assert [one.names for one in back.links] == [("support", "AID"), ("neutrality",)]
