"""The gazetteer: every kind of bad row is refused in words, and dates mean whole days, months and years."""

import datetime as dt
import re
import shutil
from pathlib import Path

import pytest

from relations import gazetteer
from relations.gazetteer import GazetteerError

FILES = ("countries.tsv", "names.tsv", "leaders.tsv", "others.tsv", "ambiguous.tsv")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Copy the gazetteer that ships."""
    return Path(shutil.copytree(gazetteer.DEFAULT_FOLDER, tmp_path / "gazetteer"))


def lines_of(path):
    """Lines of a file as they stand."""
    return path.read_text(encoding="utf-8").split("\n")


def change(path, cells, number=2):
    """Change cells of one row; ``number`` counts from 1, the header included."""
    lines = lines_of(path)
    row = dict(zip(lines[0].split("\t"), lines[number - 1].split("\t"), strict=True))
    assert set(cells) <= set(row)
    lines[number - 1] = "\t".join((row | cells).values())
    path.write_text("\n".join(lines), encoding="utf-8")


def check_refused(folder, file, number, reason):
    """Loading must fail in words that name file, line and reason."""
    with pytest.raises(GazetteerError) as caught:
        gazetteer.load(folder)
    text = str(caught.value)
    assert text.startswith(f"{folder / file}:{number}: ")
    assert re.search(reason, text.partition(": ")[2], re.IGNORECASE), text


DATES = [
    "soon", "20", "2001-13", "2001-00", "2001-02-30", "2001-2-3-4", "2001-", "2001/02", "2001-02-03T00:00",
    "20010203", "2001-W05-1", "+2001",
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "cells", "reason"),
    [
        ("countries.tsv", {"code": "AB"}, "AB"),
        ("countries.tsv", {"code": "abw"}, "abw"),
        ("countries.tsv", {"code": "A1W"}, "A1W"),
        ("countries.tsv", {"code": "ÄBW"}, "ÄBW"),
        ("countries.tsv", {"code": ""}, "code"),
        ("countries.tsv", {"name": ""}, "name"),
        ("countries.tsv", {"region": ""}, "region"),
        ("countries.tsv", {"party": "maybe"}, "party"),
        ("countries.tsv", {"from": "soon"}, "year"),
        ("countries.tsv", {"until": "1990-01"}, "year"),
        ("countries.tsv", {"from": "1990", "until": "1980"}, "after"),
        ("names.tsv", {"surface": ""}, "surface"),
        ("names.tsv", {"surface": "\u200b\u0301"}, "surface"),
        ("names.tsv", {"country": "QQQ"}, "QQQ"),
        ("names.tsv", {"country": ""}, "country"),
        ("names.tsv", {"kind": "city"}, "city"),
        ("names.tsv", {"kind": "leader"}, "leader"),
        ("names.tsv", {"kind": "anaphor"}, "anaphor"),
        ("names.tsv", {"flags": "cased,strong"}, "strong"),
        ("names.tsv", {"from": "2002", "until": "2001"}, "after"),
        *(("names.tsv", {"from": date}, "date") for date in DATES),
        *(("names.tsv", {"until": date}, "date") for date in DATES),
        ("leaders.tsv", {"country": "QQQ"}, "QQQ"),
        ("leaders.tsv", {"country": "USA", "office": "boss"}, "office"),
        ("leaders.tsv", {"country": "-", "office": "head of state"}, "country"),
        ("leaders.tsv", {"name": ""}, "name"),
        ("leaders.tsv", {"surname": ""}, "surname"),
        ("leaders.tsv", {"unmistakable": ""}, "unmistakable"),
        ("leaders.tsv", {"from": "1989-13"}, "date"),
        ("leaders.tsv", {"until": "1989-13"}, "date"),
        ("leaders.tsv", {"from": "1990", "until": "1989-12"}, "after"),
        ("others.tsv", {"phrase": ""}, "phrase|empty"),
        ("ambiguous.tsv", {"surface": "No such name"}, "No such name"),
        ("ambiguous.tsv", {"reading": "QQQ"}, "reading"),
        ("ambiguous.tsv", {"where": "behind"}, "where"),
        ("ambiguous.tsv", {"cues": ""}, "cues"),
        ("ambiguous.tsv", {"where": "default", "cues": "Paris"}, "cues"),
    ],
)
def test_bad_cell(folder, file, cells, reason):
    """A row with a value that cannot be is refused, and the text names file, line and reason."""
    change(folder / file, cells)
    check_refused(folder, file, 2, reason)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("wreck", "number", "reason"),
    [
        (lambda row: row + "\tmore", 3, "columns"),
        (lambda row: row.rpartition("\t")[0], 3, "columns"),
        (lambda _: "", 3, "columns"),
        (lambda row: row.replace("\t", " \t", 1), 3, "white space"),
        (lambda row: " " + row, 3, "white space"),
        (lambda row: row.upper(), 1, "header"),
        (lambda row: row.replace("\t", ","), 1, "header"),
    ],
    ids=["more", "fewer", "blank", "space after", "space before", "upper-case header", "commas in header"],
)
def test_bad_shape(folder, file, wreck, number, reason):
    """A row or header of the wrong shape is refused, in any file, and the text names file, line and reason."""
    path = folder / file
    lines = lines_of(path)
    lines[number - 1] = wreck(lines[number - 1])
    path.write_text("\n".join(lines), encoding="utf-8")
    check_refused(folder, file, number, reason)


@pytest.mark.parametrize("file", [*FILES, "given_names.txt"])
def test_no_utf8(folder, file):
    """A file that is not UTF-8 is refused, and the text names file, line and reason."""
    path = folder / file
    raw = path.read_bytes().split(b"\n")
    raw[2] = raw[2][:1] + b"\xe9" + raw[2][1:]
    path.write_bytes(b"\n".join(raw))
    check_refused(folder, file, 3, "UTF-8")


@pytest.mark.parametrize("file", FILES)
def test_empty_file(folder, file):
    """A file without a header is refused, though it holds no bad row."""
    (folder / file).write_bytes(b"")
    check_refused(folder, file, 1, "header")


def test_name_twice(folder):
    """A name that stands twice for one country is refused at its second row."""
    path = folder / "names.tsv"
    lines = lines_of(path)
    lines.insert(7, lines[4])
    path.write_text("\n".join(lines), encoding="utf-8")
    check_refused(folder, "names.tsv", 8, "twice")


def test_country_twice(folder):
    """A country that stands twice is refused at its second row."""
    path = folder / "countries.tsv"
    lines = lines_of(path)
    lines.insert(7, lines[4])
    path.write_text("\n".join(lines), encoding="utf-8")
    check_refused(folder, "countries.tsv", 8, "twice")


@pytest.mark.parametrize("file", [*FILES, "given_names.txt"])
def test_missing_file(folder, file):
    """A missing file is an OSError that names it."""
    (folder / file).unlink()
    with pytest.raises(OSError, match=file):
        gazetteer.load(folder)


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        ("2001", "2003", dt.date(2001, 1, 1), dt.date(2003, 12, 31)),
        ("2001", "2001", dt.date(2001, 1, 1), dt.date(2001, 12, 31)),
        ("2004-02", "2004-02", dt.date(2004, 2, 1), dt.date(2004, 2, 29)),
        ("2003-02", "2003-02", dt.date(2003, 2, 1), dt.date(2003, 2, 28)),
        ("2001-11", "2001-12", dt.date(2001, 11, 1), dt.date(2001, 12, 31)),
        ("2001-04-05", "2001-04-05", dt.date(2001, 4, 5), dt.date(2001, 4, 5)),
        ("", "1991-12-26", dt.date.min, dt.date(1991, 12, 26)),
        ("1991-12", "", dt.date(1991, 12, 1), dt.date.max),
        ("", "", dt.date.min, dt.date.max),
    ],
)
@pytest.mark.parametrize("file", ["names.tsv", "leaders.tsv"])
def test_dates_are_inclusive(folder, file, since, until, first, last):
    """A year or month means its first day as a beginning, its last as an end; nothing means for ever."""
    change(folder / file, {"from": since, "until": until})
    loaded = gazetteer.load(folder)
    row = (loaded.names if file == "names.tsv" else loaded.leaders)[0]
    assert (row.since, row.until) == (first, last)


def test_dated(folder):
    """A name is dated when it begins or ends, and only then."""
    for number, (since, until) in enumerate([("", ""), ("1990", ""), ("", "1990"), ("1990", "1991")], 2):
        change(folder / "names.tsv", {"from": since, "until": until}, number)
    assert [name.dated for name in gazetteer.load(folder).names[:4]] == [False, True, True, True]


def test_cells_are_read(folder):
    """Every column of a row arrives in the value that it describes."""
    change(folder / "countries.tsv", {"from": "1990", "until": "2020", "capital": "One|Two", "party": "yes"})
    change(folder / "leaders.tsv", {"aliases": "First Alias|Second", "unmistakable": "no"})
    change(folder / "names.tsv", {"flags": "cased,weak"})
    loaded = gazetteer.load(folder)
    country = next(iter(loaded.countries.values()))
    assert (country.since, country.until, country.capitals, country.party) == (1990, 2020, ("One", "Two"), True)
    assert (loaded.leaders[0].aliases, loaded.leaders[0].unmistakable) == (("First Alias", "Second"), False)
    assert loaded.names[0].flags == {"cased", "weak"}


def test_names_of(names):
    """Every country has its entry, each name stands under its country, and none is lost."""
    assert set(names.names_of) == set(names.countries)
    assert all(name.country == code for code, group in names.names_of.items() for name in group)
    assert sum(map(len, names.names_of.values())) == len(names.names)


def test_every_party_can_be_named(names):
    """Every country that can be an actor has at least a name and a demonym."""
    kinds = {code: {name.kind for name in group} for code, group in names.names_of.items()}
    parties = [code for code, country in names.countries.items() if country.party]
    assert [code for code in parties if not {"name", "demonym"} <= kinds[code]] == []


def test_parties_of_the_codebook(names):
    """Taiwan, Kosovo, Palestine, Hong Kong, the Vatican and the historical states are parties of their own."""
    codes = {"TWN", "XKX", "PSE", "HKG", "VAT", "SUN", "YUG", "DDR", "CSK"}
    assert codes <= {code for code, country in names.countries.items() if country.party}
