"""Relations as CSV."""

import csv
import io

import pytest

from relations.domain import LABELS
from service.tables import COLUMNS, write

PATH = "/v1/relations"
TEXT = (
    "It rained. France condemned the Iranian attack on Germany. Spain waited. Iran and Germany signed an accord."
)
HEADER = "id,sentence,start,end,source,target,label,probability,support,opposition,neutrality"


def ask(client, accept="text/csv", **more):
    """Post a text."""
    return client.post(PATH, json={"text": TEXT, "as_of": "2024-05-16", **more}, headers={"Accept": accept})


def rows_of(response):
    """Read the rows of an answer."""
    assert response.status_code == 200
    assert response.content_type == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline=""), strict=True))


def test_rows(client):
    """The CSV has the relations of the JSON, in order, with the same values."""
    told = ask(client, "application/json", id="news-1").get_json()
    expected = [
        {
            "id": "news-1",
            **{name: str(sentence[key]) for name, key in (("sentence", "index"), ("start",) * 2, ("end",) * 2)},
            **{name: relation[name] for name in ("source", "target", "label")},
            **{name: f"{relation['probabilities'][name]:.4f}" for name in LABELS},
            "probability": f"{relation['probability']:.4f}",
        }
        for sentence in told["sentences"]
        for relation in sentence["relations"]
    ]
    assert len(expected) == 8
    assert rows_of(ask(client, id="news-1")) == expected


def test_header(client):
    """The header is always there, and lines end as RFC 4180 wants them."""
    response = client.post(PATH, json={"text": "It rained."}, headers={"Accept": "text/csv"})
    assert response.get_data(as_text=True) == HEADER + "\r\n"
    assert ",".join(COLUMNS) == HEADER


def test_options(client):
    """Options count as they do in JSON: left out neutral relations, an empty label for an abstention."""
    judged = [row["label"] for row in rows_of(ask(client))]
    assert [row["label"] for row in rows_of(ask(client, include_neutral=False))] == [
        label for label in judged if label != "neutrality"
    ]
    assert {row["label"] for row in rows_of(ask(client, min_probability=1))} <= {"", *LABELS}
    assert "" in {row["label"] for row in rows_of(ask(client, min_probability=1))}


@pytest.mark.parametrize(
    ("identity", "cell"),
    [
        (None, ""),
        (7, "7"),
        (-7, "-7"),
        ("a=1", "a=1"),
        ('a,"b"\nc', 'a,"b"\nc'),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1", "'＝1"),
    ],
)
def test_formulas(client, identity, cell):
    """An id that a spreadsheet would run is put behind an apostrophe; all others come as they were sent."""
    rows = rows_of(ask(client, **{} if identity is None else {"id": identity}))
    assert {row["id"] for row in rows} == {cell}


def test_sentences_cannot_be_formulas(client):
    """Where the sentence is a column, as on the command line, it cannot be a formula either."""
    told = ask(client, "application/json").get_json()
    told["sentences"][1]["text"] = "=France & Iran"
    file = io.StringIO(newline="")
    write(file, told, text=True)
    header, first, *_ = csv.reader(file.getvalue().splitlines())
    assert header == [*COLUMNS, "text"]
    assert first[-1] == "'=France & Iran"


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json, text/csv", "application/json"),
        ("text/csv;q=0.9, application/json;q=0.8", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv, */*;q=0.1", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/csv; charset=utf-8; header=present", "text/csv"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)
def test_negotiation(client, accept, mimetype):
    """The client gets what it likes best, JSON where it does not care, and caches are told."""
    response = ask(client, accept)
    assert response.status_code == 200
    assert response.mimetype == mimetype
    assert "Accept" in response.vary


@pytest.mark.parametrize("accept", ["text/html", "application/xml, image/*", "text/csv;q=0, application/json;q=0"])
def test_not_acceptable(client, problems, accept):
    """Who wants neither gets a 406 that names both."""
    response = ask(client, accept)
    detail = problems.check(response, 406)["detail"]
    assert "application/json" in detail
    assert "text/csv" in detail
    assert "Accept" in response.vary


def test_problems_are_json(client, problems):
    """Who wants CSV gets problems as problem+json all the same."""
    assert problems.pointers(ask(client, min_probability=2)) == ["/min_probability"]


def test_documented(client):
    """The OpenAPI document tells of both forms."""
    document = client.get("/openapi.json").get_json()
    responses = document["paths"][PATH]["post"]["responses"]
    assert set(responses["200"]["content"]) == {"application/json", "text/csv"}
    assert "406" in responses
