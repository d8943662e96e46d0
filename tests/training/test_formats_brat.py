"""brat's files are read, and a folder is written that brat can show."""

from pathlib import Path

import pytest

from training.formats.brat import read, render
from training.formats.model import Document, FormatError, Link, Note, Region

FOLDER = Path(__file__).parent / "formats" / "brat"


@pytest.fixture(scope="module")
def found():
    """Read the folder."""
    return list(read(FOLDER))


def test_read(found):
    """Regions keep their offsets in code points over line ends of any kind; attributes come before types."""
    first = found[[isinstance(one, Document) for one in found].index(True)]
    assert first.id == "wire-7"
    assert "\r\n" in first.text
    surfaces = [(first.text[one.places[0][0] : one.places[0][1]], one.hints) for one in first.regions]
    assert surfaces == [
        ("France", ("Country",)),
        ("Lebanon", ("Country",)),
        ("Israel", ("ISR", "Country")),
        ("Lebanon", ("Country",)),
        ("bombed", ("Verb",)),
    ]
    assert first.links == (Link("T1", "T2", ("support",)), Link("T3", "T4", ("opposition-ASSAULT",)))


def test_other_lines(found):
    """Events, notes, references and equivalences are left out, and told with file and line."""
    notes = [one for one in found if isinstance(one, Note) and one.kind == "left out"]
    assert [one.place for one in notes] == [f"{FOLDER / 'wire-7.ann'}:{line}" for line in (9, 10, 11, 12)]


def test_bad_regions(found):
    """A region in pieces, or whose text differs from the file's, has no place but a problem."""
    (document,) = [one for one in found if isinstance(one, Document) and one.id == "wire-8"]
    assert [bool(one.places) for one in document.regions] == [True, False, False]
    assert "'Malawy'" in document.regions[1].problem
    assert "pieces" in document.regions[2].problem


def test_damaged_line(found):
    """A file with a relation that cannot be read is not taken, since a label would be lost."""
    (note,) = [one for one in found if one.place.startswith(f"{FOLDER / 'wire-9.ann'}")]
    assert (note.kind, note.place.rpartition(":")[2]) == ("refused", "3")


@pytest.mark.parametrize("suffix", [".txt", ".ann"])
def test_one_file(suffix):
    """Either file of a document stands for both."""
    assert {one.place.partition(".ann")[0] for one in read(FOLDER / f"wire-8{suffix}")} == {str(FOLDER / "wire-8")}


def test_missing_files(tmp_path):
    """A folder without annotations, or an annotation without its text, is refused by name."""
    with pytest.raises(FormatError, match=r"no \.ann file"):
        list(read(tmp_path))
    (tmp_path / "a.ann").touch()
    with pytest.raises(FormatError, match=r"a\.txt is missing"):
        list(read(tmp_path))


def document(name="news 1/2", hint="ITA"):
    """Give a document."""
    regions = (Region("m0", ((0, 5),), (hint,)), Region("m1", ((10, 15),), ("MLT",)))
    return Document(name, "", "Italy met Malta.", regions, (Link("m1", "m0", ("support", "AID")),), "t")


def test_render(tmp_path):
    """A text, its annotations and the configuration that brat needs are written, under safe names."""
    files = {path.name: content.decode() for path, content in render([document()], tmp_path).items()}
    assert set(files) == {"news_1_2.txt", "news_1_2.ann", "annotation.conf"}
    assert files["news_1_2.ann"] == "T1\tITA 0 5\tItaly\nT2\tMLT 10 15\tMalta\nR1\tsupport-AID Arg1:T2 Arg2:T1\n"
    assert "[entities]\nITA\nMLT\n" in files["annotation.conf"]
    assert "support-AID\tArg1:<ENTITY>, Arg2:<ENTITY>" in files["annotation.conf"]


def test_render_refuses(tmp_path):
    """Two documents with one file name, or a label with a space, are refused rather than damaged."""
    with pytest.raises(FormatError, match="two sentences"):
        render([document(), document("news 1 2")], tmp_path)
    with pytest.raises(FormatError, match="space"):
        render([document(hint="actor-the bank")], tmp_path)
