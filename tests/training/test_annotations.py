"""Annotated documents become rows of the corpus, and rows documents."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest

from relations import gazetteer
from relations.mentions import MentionFinder
from training import corpus
from training.annotations import FORMATS, Rules, convert, documents_of, known_rows, save
from training.formats.model import Document, Link, Note, Region

DAY = dt.date(2026, 1, 1)


@pytest.fixture(scope="module")
def rules():
    """Give the rules that hold where nothing is chosen, with changes."""
    known = gazetteer.load()
    finder = MentionFinder(known)

    def make(names=(), **changes):
        return Rules(frozenset(known.countries), finder, DAY, dict(names), **changes)

    return make


def document(text, regions, links, name="", **more):
    """Give a document; a region is its surface and perhaps hints, a link two surfaces and labels."""
    made = []
    for surface, *hints in regions:
        start = text.index(surface)
        made.append(Region(surface, ((start, start + len(surface)),), tuple(hints)))
    joined = tuple(Link(source, target, tuple(names)) for source, target, *names in links)
    return Document(name, "file:1", text, tuple(made), joined, more.pop("task", text), **more)


def imported(rules, *documents, known=(), **changes):
    """Convert documents."""
    return convert(documents, rules(**changes), dict(known), "new")


def labels(row):
    """Labels and events of a row by pair."""
    return {
        f"{one['source']}{one['target']}": (one["label"], *([one["event"]] if one["event"] else []))
        for one in row["relations"]
    }


def reasons(result, kind):
    """All reasons of one kind, as one text."""
    return "\n".join(note.reason for note in result.of(kind))


@pytest.mark.parametrize(("form", "suffix"), [*((form, "") for form in FORMATS), ("table", ".xlsx")])
def test_round_trip(rules, codes, small_labels, tmp_path, form, suffix):
    """Rows that are written and read again are the same in every format, with ids, offsets and events."""
    sentences = corpus.read(small_labels, codes)
    tool, out = FORMATS[form], tmp_path / f"out{suffix}"
    for path, content in tool.render(documents_of(sentences, every_pair=tool.every_pair), out).items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    result = convert(tool.read(out), rules(split=False), {}, "new")
    assert result.notes == []
    save(tmp_path / "back.jsonl", result.rows, append=False)
    back, problems = corpus.scan([tmp_path / "back.jsonl"], codes)
    assert problems == []
    before = {one.id: (one.text, one.pairs[0].pair.actors, frozenset(labelled(one))) for one in sentences}
    assert {one.id: (one.text, one.pairs[0].pair.actors, frozenset(labelled(one))) for one in back} == before


def labelled(sentence):
    """Every pair of a sentence with label and event."""
    return [(one.pair.source, one.pair.target, one.label, one.event) for one in sentence.pairs]


@pytest.mark.parametrize(
    ("hints", "country"),
    [
        (("NOR",), "NOR"),
        (("Country", "NOR"), "NOR"),
        (("Kingdom of Norway",), "NOR"),
        (("COUNTRY",), "SWE"),
        ((), "SWE"),
    ],
)
def test_country_of_a_region(rules, hints, country):
    """A region is the country of its code, else the one that a hint names, else the gazetteer's."""
    text = "Stockholm mocked Denmark."
    (row,) = imported(rules, document(text, [("Stockholm", *hints), ("Denmark",)], [])).rows
    assert row["mentions"][0] == {"start": 0, "end": 9, "country": country}


def test_actor_of_a_region(rules):
    """A label that begins with "actor-" names an actor that is no country."""
    text = "The bank sued the union."
    made = document(text, [("bank", "actor-a"), ("union", "actor-b")], [("bank", "union", "opposition")])
    (row,) = imported(rules, made).rows
    assert [one["actor"] for one in row["mentions"]] == ["a", "b"]
    assert labels(row) == {"ab": ("opposition",), "ba": ("neutrality",)}


def test_region_that_is_no_country(rules):
    """A region that is no country is left out; with a relation the sentence is refused, or a label is lost."""
    text = "Olsen told Iceland that Denmark agreed."
    regions = [("Olsen", "PERSON"), ("Iceland",), ("Denmark",)]
    result = imported(rules, document(text, regions, []))
    assert len(result.rows) == 1
    assert "'Olsen' (PERSON) is no country" in reasons(result, "left out")
    assert not result.of("refused")
    result = imported(rules, document(text, regions, [("Olsen", "Iceland", "support")]))
    assert result.rows == []
    assert "'Olsen'" in reasons(result, "refused")


def test_region_of_two_countries(rules):
    """A region in which the gazetteer finds two countries is refused with both."""
    text = "France and Spain thanked Malta."
    result = imported(
        rules, document(text, [("France and Spain",), ("Malta",)], [("France and Spain", "Malta", "support")])
    )
    assert result.rows == []
    assert "ESP and FRA" in reasons(result, "refused")


def test_region_outside(rules):
    """A region that lies outside the text, or holds only white space, is told."""
    regions = (
        Region("a", ((0, 5),), ("ITA",)),
        Region("b", ((12, 99),), ("MLT",)),
        Region("c", ((5, 6),), ("FRA",)),
    )
    result = imported(rules, Document("", "file:1", "Italy likes Malta.", regions, (), "t"))
    assert result.rows == []
    assert "12–99 lies outside" in reasons(result, "left out")
    assert "5–6 lies outside" in reasons(result, "left out")


def test_white_space_of_a_region(rules):
    """White space at the ends of a region goes, and that is told."""
    regions = (Region("a", ((0, 6),), ("ITA",)), Region("b", ((11, 17),), ("MLT",)))
    result = imported(rules, Document("", "file:1", "Italy likes Malta.", regions, (), "t"))
    assert [(one["start"], one["end"]) for one in result.rows[0]["mentions"]] == [(0, 5), (12, 17)]
    assert "white space" in reasons(result, "changed")


@pytest.mark.parametrize(
    ("names", "meaning"),
    [
        (["support"], ("support",)),
        (["Support"], ("support",)),
        (["SUPPORT"], ("support",)),
        (["support", "SUPPORT"], ("support", "SUPPORT")),
        (["SUPPORT", "support"], ("support", "SUPPORT")),
        (["opposition-ACCUSE"], ("opposition", "ACCUSE")),
        (["ACCUSE"], ("opposition", "ACCUSE")),
        (["CONSULT"], ("neutrality", "CONSULT")),
        (["CONSULT", "support"], ("support", "CONSULT")),
        (["Hails"], ("support", "AGREE")),
        (["ist-gegen"], ("opposition",)),
    ],
)
def test_label(rules, names, meaning):
    """A relation's labels are a stance, an event or both, by any case, or what the user says that they mean."""
    made = document("Italy and Malta spoke.", [("Italy",), ("Malta",)], [("Italy", "Malta", *names)])
    meanings = {"Hails": "support-AGREE", "ist-gegen": "opposition"}
    (row,) = convert([made], rules(meanings), {}, "new").rows
    assert labels(row)["ITAMLT"] == meaning


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["hostile"], "'hostile' is none of neutrality, opposition, support.*--map"),
        ([], "without a label"),
        (["support", "opposition"], "no single label"),
        (["ACCUSE", "REJECT"], "no single label"),
        (["support", "ACCUSE"], "does not go with"),
    ],
)
def test_label_that_means_nothing(rules, names, reason):
    """A relation whose labels cannot be read refuses its sentence: it must not become neutral unseen."""
    made = document("Italy and Malta spoke.", [("Italy",), ("Malta",)], [("Italy", "Malta", *names)])
    result = imported(rules, made)
    assert result.rows == []
    assert re.search(reason, reasons(result, "refused"))


def test_two_labels_of_a_pair(rules):
    """The same label twice is one; two labels of one pair, from whichever mentions, refuse the sentence."""
    text = "Italy and Malta spoke, as Rome wished."
    regions = [("Italy",), ("Malta",), ("Rome",)]
    same = [("Italy", "Malta", "support"), ("Rome", "Malta", "AID")]
    (row,) = imported(rules, document(text, regions, same)).rows
    assert labels(row)["ITAMLT"] == ("support", "AID")
    result = imported(rules, document(text, regions, [same[0], ("Rome", "Malta", "opposition")]))
    assert result.rows == []
    assert "ITA→MLT is support and opposition" in reasons(result, "refused")


def test_relation_with_itself(rules):
    """A relation of a country with itself is refused alone."""
    text = "Italy and Malta spoke, as Rome wished."
    result = imported(rules, document(text, [("Italy",), ("Malta",), ("Rome",)], [("Italy", "Rome", "support")]))
    assert len(result.rows) == 1
    assert "ITA with itself" in reasons(result, "refused")


def test_relation_with_a_region_that_is_not_there(rules):
    """A relation that names no region refuses the sentence."""
    result = imported(
        rules, document("Italy met Malta.", [("Italy",), ("Malta",)], [("Italy", "Spain", "support")])
    )
    assert result.rows == []
    assert "not there" in reasons(result, "refused")


def test_sentences(rules):
    """A document is split; relations within a sentence stay, those across two are refused."""
    text = "Italy aided Malta.\nTogo scolded Ghana 😀 and\nBenin. It rained in Chad."
    regions = [("Italy",), ("Malta",), ("Togo",), ("Ghana",), ("Benin",), ("Chad",)]
    links = [("Italy", "Malta", "support"), ("Togo", "Benin", "opposition"), ("Malta", "Togo", "support")]
    result = imported(rules, document(text, regions, links, name="day-3"))
    first, second = result.rows
    assert (first["id"], second["id"]) == ("day-3-1", "day-3-2")
    assert second["text"] == "Togo scolded Ghana 😀 and Benin."
    assert [second["text"][one["start"] : one["end"]] for one in second["mentions"]] == ["Togo", "Ghana", "Benin"]
    assert labels(second)["TGOBEN"] == ("opposition",)
    assert "MLT→TGO (support) joins two sentences" in reasons(result, "refused")
    assert "It rained in Chad." in reasons(result, "left out")
    assert "line breaks" in reasons(result, "changed")


def test_no_split(rules):
    """Where a text is taken as one sentence, it stays whole, and its relations with it."""
    text = "Italy aided Malta. Togo agreed. "
    made = document(text, [("Italy",), ("Malta",), ("Togo",)], [("Italy", "Togo", "support")], name="7")
    (row,) = imported(rules, made, split=False).rows
    assert (row["id"], row["text"]) == ("new-7", text.strip())
    assert labels(row)["ITATGO"] == ("support",)


def test_missing_relations(rules):
    """A pair without a relation is neutral and counted, or refuses the sentence where the user wants that."""
    made = document("Italy aided Malta.", [("Italy",), ("Malta",)], [("Italy", "Malta", "support")])
    result = imported(rules, made)
    assert (labels(result.rows[0])["MLTITA"], result.filled) == (("neutrality",), 1)
    result = imported(rules, made, missing="refuse")
    assert result.rows == []
    assert "no relation for MLT→ITA" in reasons(result, "refused")


def test_several_annotations(rules):
    """Of several annotations of a text the named annotator's or the settled one counts; if they differ, none."""
    regions, text = [("Italy",), ("Malta",)], "Italy aided Malta."
    one = document(text, regions, [("Italy", "Malta", "support")], annotator="ann")
    other = document(text, regions, [], annotator="ben")
    result = imported(rules, one, other)
    assert result.rows == []
    assert "2 annotations that differ" in reasons(result, "refused")
    result = imported(rules, one, other, annotator="ann")
    assert labels(result.rows[0])["ITAMLT"] == ("support",)
    assert "by ben" in reasons(result, "left out")
    settled = document(text, regions, [], annotator="cy", settled=True)
    assert labels(imported(rules, one, settled).rows[0])["ITAMLT"] == ("neutrality",)
    assert len(imported(rules, one, document(text, regions, [("Italy", "Malta", "support")])).rows) == 1


def test_what_the_corpus_has(rules, tmp_path):
    """A sentence or a chosen id that the corpus has is refused with its place; numbers get an id that is free."""
    path = tmp_path / "old.jsonl"
    save(path, [{"id": "new-1", "text": "Italy met Malta."}, {"id": "x", "text": "?"}], append=False)
    known = known_rows([path])
    same = document("Italy met Malta.", [("Italy",), ("Malta",)], [])
    fresh = document("Togo met Ghana.", [("Togo",), ("Ghana",)], [], name="1")
    named = document("Chad met Niger.", [("Chad",), ("Niger",)], [], name="x")
    result = imported(rules, same, fresh, named, known=known)
    assert [row["id"] for row in result.rows] == ["new-2"]
    assert f"the same sentence stands already in {path}:1" in reasons(result, "refused")
    assert f"id x stands already in {path}:2" in reasons(result, "refused")


def test_rows_are_checked(rules):
    """What would be a bad row of the corpus, such as overlapping mentions, is refused with the corpus's reason."""
    made = document("Guinea-Bissau met Togo.", [("Guinea-Bissau", "GNB"), ("Guinea", "GIN"), ("Togo",)], [])
    result = imported(rules, made)
    assert result.rows == []
    assert "overlap" in reasons(result, "refused")


def test_notes_of_readers_stay(rules):
    """What a reader has told is told on."""
    note = Note("file:2", "answered with ignore", "left out")
    result = convert([note], rules(), {}, "new")
    assert result.notes == [note]
    assert result.as_dict()["left_out"] == [{"place": "file:2", "reason": "answered with ignore"}]


def test_save_appends(tmp_path):
    """Rows are added after those that are there, also where the last line has no end; else they replace them."""
    path = tmp_path / "new.jsonl"
    path.write_text('{"id": "a"}')
    save(path, [{"id": "é"}], append=True)
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()] == ["a", "é"]
    save(path, [{"id": "b"}], append=False)
    assert path.read_text() == '{"id": "b"}\n'
    assert list(Path(tmp_path).iterdir()) == [path]
