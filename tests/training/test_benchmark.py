"""The whole way of the data is measured on texts with known answers."""

import datetime as dt
import re

import pytest

from relations.analyser import Options
from training.benchmark import BenchmarkError, article, documents, pairs

DAY = dt.date(2024, 5, 16)
PAIR = {
    "text": "😀 France condemned Iran.",
    "source": {"start": 2, "end": 8},
    "target": {"start": 19, "end": 23},
    "label": "opposition",
}
DOCUMENT = {
    "text": "France condemned Iran.",
    "relations": [
        {"source": "FRA", "target": "IRN", "label": "opposition"},
        {"source": "IRN", "target": "FRA", "label": "neutrality"},
    ],
}
SENTENCE = {
    "sentence": 0,
    "countries": ["FRA", "IRN"],
    "relations": [{"source": "FRA", "target": "IRN", "label": "opposition", "required": True}],
}


def check_refused(measure, path, line, reason=""):
    """Measuring must fail in words that name file, line and reason."""
    with pytest.raises(BenchmarkError) as caught:
        measure()
    text = str(caught.value)
    assert text.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert re.search(reason, text.partition(": ")[2])


def test_pairs(analyser, write):
    """Given pairs are scored with the model's judgement on their spans, whichever of the two stands first."""
    swapped = {**PAIR, "source": PAIR["target"], "target": PAIR["source"], "label": "neutrality"}
    path = write([PAIR, "", swapped])
    scores = pairs(analyser, path)
    text, actors = PAIR["text"], ((2, 8, "FRA"), (19, 23, "IRN"))
    relations = analyser.analyse(text, Options(DAY)).sentences[0].relations
    judged = {(one.source, one.target): one.label for one in relations}
    assert (text[2:8], text[19:23], len(actors)) == ("France", "Iran", 2)
    assert scores.pairs == 2
    right = (judged["FRA", "IRN"] == "opposition") + (judged["IRN", "FRA"] == "neutrality")
    assert scores.accuracy == right / 2


def test_pairs_of_any_actors(analyser, write):
    """Actors need not be countries."""
    row = {"text": "The bank sued the firm.", "source": {"start": 0, "end": 8}, "target": {"start": 14, "end": 22}}
    assert pairs(analyser, write([{**row, "label": "opposition"}])).pairs == 1


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\u2029"])
def test_odd_characters_in_text(analyser, write, separator):
    """A character that ends lines elsewhere ends no row of JSON lines."""
    assert pairs(analyser, write([{**PAIR, "text": f"{PAIR['text']}{separator}"}])).pairs == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "JSON"),
        ("[]", "text"),
        ("5", "text"),
        ({key: value for key, value in PAIR.items() if key != "text"}, "text"),
        ({key: value for key, value in PAIR.items() if key != "label"}, "label"),
        ({**PAIR, "source": {"start": 2}}, "source"),
        ({**PAIR, "source": [2, 8]}, "source"),
        ({**PAIR, "text": 5}, "text"),
        ({**PAIR, "source": {"start": "2", "end": "8"}}, "source|span"),
        ({**PAIR, "target": {"start": 19, "end": 99}}, "target|span"),
        ({**PAIR, "target": {"start": 5, "end": 5}}, "target|span"),
        ({**PAIR, "label": "hostile"}, "hostile"),
        ({**PAIR, "label": ["support"]}, "label"),
    ],
)
def test_bad_pair(analyser, write, row, reason):
    """A bad row among the pairs is refused, and the text names file, line and reason."""
    path = write([PAIR, row, PAIR])
    check_refused(lambda: pairs(analyser, path), path, 2, reason)


def test_documents(analyser, write):
    """Documents are scored on the pairs with a gold answer, as the analyser judges them."""
    result = documents(analyser, write([DOCUMENT]), DAY)
    relations = analyser.analyse(DOCUMENT["text"], Options(DAY)).sentences[0].relations
    judged = {(one.source, one.target): one.label for one in relations}
    right = (judged["FRA", "IRN"] == "opposition") + (judged["IRN", "FRA"] == "neutrality")
    assert (result.scores.pairs, result.scores.accuracy) == (2, right / 2)
    assert (result.missed, result.extra) == ([], [])


def test_documents_missed_and_extra(analyser, write):
    """Countries not found, or found beyond the gold, are listed; a pair that was not found counts as neutral."""
    row = {
        "text": "France beat them while Chad rested.",
        "relations": [
            {"source": "FRA", "target": "IRN", "label": "neutrality"},
            {"source": "IRN", "target": "FRA", "label": "opposition"},
        ],
    }
    result = documents(analyser, write([row]), DAY)
    assert result.missed == [(row["text"], "IRN")]
    assert result.extra == [(row["text"], "TCD", "Chad")]
    assert result.scores.accuracy == 0.5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "JSON"),
        ("[]", "text"),
        ({"text": "x"}, "relations"),
        ({"relations": []}, "text"),
        ({**DOCUMENT, "text": None}, "text"),
        ({**DOCUMENT, "relations": [{"source": "FRA", "label": "support"}]}, "relation|target"),
        ({**DOCUMENT, "relations": ["FRA"]}, "relation"),
        ({**DOCUMENT, "relations": [{"source": "FRA", "target": "IRN", "label": "hostile"}]}, "hostile"),
    ],
)
def test_bad_document(analyser, write, row, reason):
    """A bad row among the documents is refused, and the text names file, line and reason."""
    path = write([DOCUMENT, row, DOCUMENT])
    check_refused(lambda: documents(analyser, path, DAY), path, 2, reason)


def test_documents_without_gold(analyser, write):
    """Documents without any gold relation cannot be scored, and the text names the file."""
    path = write([{"text": "France met Iran.", "relations": []}])
    check_refused(lambda: documents(analyser, path, DAY), path, None)


@pytest.mark.parametrize("rows", [[], ["", "  "]])
def test_no_row(analyser, write, rows):
    """A file without a row is refused with its name."""
    path = write(rows)
    check_refused(lambda: pairs(analyser, path), path, None, "row")
    check_refused(lambda: documents(analyser, path, DAY), path, None, "row")


def test_no_utf8(analyser, tmp_path):
    """A file that is not UTF-8 is refused with its name and the reason."""
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b'{"text": "caf\xe9"}\n')
    with pytest.raises(BenchmarkError, match="UTF-8"):
        pairs(analyser, path)
    with pytest.raises(BenchmarkError, match="UTF-8"):
        article(analyser, path, path, DAY)


def test_article(analyser, write, tmp_path):
    """An article's answer is compared relation by relation, and only required ones are counted."""
    text = tmp_path / "article.txt"
    text.write_text("France condemned Iran.\n\nChad met Mali.\n", encoding="utf-8")
    answer = {
        (index, one.source, one.target): one.label
        for index, sentence in enumerate(analyser.analyse(text.read_text(), Options(DAY)).sentences)
        for one in sentence.relations
    }
    other = next(label for label in ("support", "opposition") if label != answer[1, "MLI", "TCD"])
    gold = [
        {
            "sentence": 0,
            "countries": ["FRA", "IRN"],
            "relations": [
                {"source": "FRA", "target": "IRN", "label": answer[0, "FRA", "IRN"], "required": True},
                {"source": "IRN", "target": "FRA", "label": answer[0, "IRN", "FRA"], "required": False},
            ],
        },
        {
            "sentence": 1,
            "countries": ["TCD", "MLI", "CHN"],
            "relations": [
                {"source": "MLI", "target": "TCD", "label": other, "required": True},
                {"source": "MLI", "target": "CHN", "label": "neutrality", "required": True},
            ],
        },
    ]
    result = article(analyser, text, write(gold), DAY)
    assert (result.required, result.right) == (3, 1)
    assert len(result.lines) == 4
    assert ["WRONG" in line for line in result.lines] == [False, False, True, True]
    assert "not found" in result.lines[3]
    assert len(result.missed) == 1
    assert "CHN" in result.missed[0]


def test_article_with_fewer_sentences(analyser, write, tmp_path):
    """A gold sentence that the text lacks is said to be missing, and its required relations are not right."""
    text = tmp_path / "article.txt"
    text.write_text("France condemned Iran.", encoding="utf-8")
    result = article(analyser, text, write([{**SENTENCE, "sentence": 5}]), DAY)
    assert len(result.missed) == 1
    assert "5" in result.missed[0]
    assert (result.required, result.right) == (1, 0)


@pytest.mark.parametrize(
    "row",
    [
        "{",
        "[]",
        {key: value for key, value in SENTENCE.items() if key != "sentence"},
        {key: value for key, value in SENTENCE.items() if key != "countries"},
        {key: value for key, value in SENTENCE.items() if key != "relations"},
        {**SENTENCE, "sentence": "0"},
        {**SENTENCE, "sentence": -1},
        {**SENTENCE, "relations": [{"source": "FRA", "target": "IRN", "label": "support"}]},
        {**SENTENCE, "relations": [{"source": "FRA", "target": "IRN", "label": "hostile", "required": True}]},
    ],
)
def test_bad_gold_of_an_article(analyser, write, tmp_path, row):
    """A bad row among the gold relations is refused, and the text names file, line and reason."""
    text = tmp_path / "article.txt"
    text.write_text("France condemned Iran.", encoding="utf-8")
    path = write([SENTENCE, row])
    check_refused(lambda: article(analyser, text, path, DAY), path, 2)
