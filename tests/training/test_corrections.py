"""Accepted corrections become rows of the corpus, or are told of."""

import datetime as dt
import json
from dataclasses import replace

import pytest

from training import corpus
from training.corpus import CorpusError
from training.corrections import Actor, Correction, pull, save
from training.suggest import tasks

DAY = dt.date(2026, 1, 1)
TEXT = "France condemned the Iranian attack and praised Germany."
SPANS = {"FRA": (0, 6), "IRN": (21, 28), "DEU": (48, 55)}
SURE, UNSURE = 0.0, 1.0
"""Least probabilities that every judgement of a model has, and none."""


def actor(surface, text=TEXT, country=None):
    """Name an actor by its words."""
    start = text.index(surface)
    return Actor(start, start + len(surface), country)


def correction(number, source, target, label="neutrality", event=None, text=TEXT):
    """Correct a relation, by the words of its actors or by actors."""
    ends = [one if isinstance(one, Actor) else actor(one, text) for one in (source, target)]
    return Correction(f"{number:016x}", text, *ends, label, event, DAY)


FIRST = correction(1, "Iranian", "Germany")
SECOND = correction(2, "France", "Germany", "support", "SUPPORT")


@pytest.fixture
def into(tmp_path):
    """Name a corpus file that is not there yet."""
    (tmp_path / "corpus").mkdir()
    return tmp_path / "corpus" / "corrections.jsonl"


@pytest.fixture
def run(analyser, codes, into):
    """Pull corrections and write what comes of it."""

    def _run(*corrections, least=SURE):
        pulled = pull(analyser, corrections, into, least, codes)
        if pulled.rows or pulled.changed:
            save(into, pulled)
        assert sorted(one.id for one in pulled.outcomes) == sorted(one.id for one in corrections)
        return pulled

    return _run


def kinds(pulled):
    """Return what became of each correction."""
    return [one.kind for one in pulled.outcomes]


def labels(row):
    """Return label and event of each pair of a row."""
    return {(one["source"], one["target"]): (one["label"], one["event"]) for one in row["relations"]}


def rows(path):
    """Read the rows of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_row(run, into, codes, analyser):
    """A corrected pair has the reader's label, every other pair the model's; the row is one of the corpus."""
    assert kinds(run(FIRST, SECOND)) == ["taken", "taken"]
    (row,) = rows(into)
    assert row["id"] == f"correction-{FIRST.id}-{SECOND.id}"
    assert {one["country"]: (one["start"], one["end"]) for one in row["mentions"]} == SPANS
    found = labels(row)
    assert found.pop(("IRN", "DEU")) == ("neutrality", None)
    assert found.pop(("FRA", "DEU")) == ("support", "SUPPORT")
    (sentence,), problems = corpus.scan([into], codes)
    assert problems == []
    judged = dict(zip(labels(row), analyser.model.judge([one.pair for one in sentence.pairs]), strict=True))
    assert found == {pair: (judged[pair].label, None) for pair in found}
    assert len(found) == 4


def test_twice(run, into):
    """What was pulled is not pulled again, in whatever file of the corpus it lies now."""
    run(FIRST)
    before = into.read_bytes()
    again = run(FIRST)
    assert (kinds(again), into.read_bytes()) == (["there already"], before)
    assert f"{into}:1" in again.outcomes[0].reason
    into.rename(into.with_name("moved.jsonl"))
    assert kinds(run(FIRST)) == ["there already"]
    assert not into.exists()


def test_later_correction(run, into):
    """A later correction of a sentence that was pulled changes its pair, adds its id and nothing else."""
    other = correction(3, "Togo", "Ghana", "support", text="Togo thanked Ghana.")
    run(FIRST, other)
    before = rows(into)
    pulled = run(FIRST, other, replace(SECOND, label="opposition", event="ACCUSE"))
    assert kinds(pulled) == ["there already", "there already", "taken"]
    after = rows(into)
    assert after[1] == before[1]
    assert after[0]["id"] == f"{before[0]['id']}-{SECOND.id}"
    assert labels(after[0]) == labels(before[0]) | {("FRA", "DEU"): ("opposition", "ACCUSE")}


def test_people_are_not_overruled(run, into):
    """Where somebody changed a label of a row after it was pulled, it stays."""
    run(FIRST)
    into.write_text(into.read_text().replace('"neutrality", "event": null', '"support", "event": null'))
    before = into.read_bytes()
    run(FIRST)
    assert into.read_bytes() == before


@pytest.mark.parametrize(("label", "kind"), [("support", "there already"), ("opposition", "to settle")])
def test_labelled_sentence(run, into, label, kind):
    """A sentence that people have labelled is not touched; the place is told, and the label that it has."""
    text = "Togo thanked Ghana."
    row = {
        "id": "mine-1",
        "text": text,
        "mentions": [{"start": 0, "end": 4, "country": "TGO"}, {"start": 13, "end": 18, "country": "GHA"}],
        "relations": [
            {"source": "TGO", "target": "GHA", "label": "support", "event": None},
            {"source": "GHA", "target": "TGO", "label": "neutrality", "event": None},
        ],
    }
    mine = into.with_name("mine.jsonl")
    mine.write_text(json.dumps(row) + "\n")
    pulled = run(correction(1, "Togo", "Ghana", label, text=text))
    assert kinds(pulled) == [kind]
    assert f"TGO→GHA is support in {mine}:1" in pulled.outcomes[0].reason
    assert not into.exists()


def test_unsure(run, into):
    """Where the model is not sure of the rest the sentence is a task, which holds what the reader said."""
    pulled = run(FIRST, SECOND, least=UNSURE)
    assert kinds(pulled) == ["to annotate"] * 2
    assert "not sure of FRA→IRN (" in pulled.outcomes[0].reason
    assert "IRN→DEU" not in pulled.outcomes[0].reason
    assert not into.exists()
    (task,) = tasks(pulled.tasks, "model")
    assert task["data"] == {"text": TEXT, "id": f"correction-{FIRST.id}-{SECOND.id}"}
    drawn = [one for one in task["predictions"][0]["result"] if one["type"] == "relation"]
    assert ("m0", "m2", ["support"], 1.0) in [
        (one["from_id"], one["to_id"], one["labels"], one["score"]) for one in drawn
    ]
    assert ("m1", "m2") not in [(one["from_id"], one["to_id"]) for one in drawn]


@pytest.mark.parametrize(
    ("corrections", "reason"),
    [
        ([FIRST, replace(FIRST, id="f" * 16, label="support")], "IRN→DEU is neutrality to one reader and support"),
        ([correction(1, "condemned", "Germany")], "'condemned' is no country to the gazetteer"),
        ([correction(1, actor("France", country="ESP"), "Germany")], "'France' is FRA to the gazetteer, not ESP"),
        ([correction(1, "France", actor("Fra"))], "source and target are both FRA"),
        (
            [
                correction(
                    1,
                    *(actor("The two countries", "Japan met Australia. The two countries signed.", code)
                      for code in ("JPN", "AUS")),
                    text="Japan met Australia. The two countries signed.",
                )
            ],
            "'The two countries' stands for several countries at once",
        ),
    ],
    ids=["contradiction", "unknown", "other country", "same country", "both"],
)  # fmt: skip
def test_to_annotate(run, into, corrections, reason):
    """What no row can hold as it stands is a task for a person, with the reason."""
    pulled = run(*corrections)
    assert set(kinds(pulled)) == {"to annotate"}
    assert reason in pulled.outcomes[0].reason
    assert len(tasks(pulled.tasks, "model")) == 1
    assert not into.exists()


def test_two_sentences(run, into):
    """Actors of two sentences have no relation; that is told, with their words."""
    pulled = run(correction(1, "Togo", "Ghana", text="Togo rested. Ghana slept."))
    assert kinds(pulled) == ["to settle"]
    assert "'Togo' and 'Ghana' do not stand in one sentence" in pulled.outcomes[0].reason
    assert not into.exists()


def test_context(run, into):
    """The text around a sentence says whom "the country" means; the row holds the sentence alone, on one line."""
    text = "Togo held a vote. The country\nthanked Ghana."
    assert kinds(run(correction(1, "The country", "Ghana", "support", text=text))) == ["taken"]
    (row,) = rows(into)
    assert row["text"] == "The country thanked Ghana."
    assert [one["country"] for one in row["mentions"]] == ["TGO", "GHA"]


def test_file_without_last_line_end(run, into):
    """A file whose last line lacks its end keeps that line."""
    run(FIRST)
    into.write_bytes(into.read_bytes().rstrip(b"\n"))
    run(FIRST, correction(3, "Togo", "Ghana", text="Togo thanked Ghana."))
    assert len(rows(into)) == 2


@pytest.mark.parametrize("line", ["{}", "no JSON"])
def test_bad_corpus(run, into, line):
    """Beside a bad row nothing is pulled: nobody can tell what the corpus holds already."""
    into.write_text(line)
    with pytest.raises(CorpusError, match=r"corrections\.jsonl:1"):
        run(FIRST)
    assert into.read_text() == line
