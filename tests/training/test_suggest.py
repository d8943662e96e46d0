"""Sentences to label are chosen and written for Label Studio."""

import datetime as dt
import json

import pytest

from training import suggest as suggesting
from training.formats.label_studio import dump
from training.formats.label_studio import read as read_export
from training.formats.model import FormatError
from training.suggest import read, suggest, tasks

DAY = dt.date(2026, 1, 1)
TEXTS = [
    "Italy condemned Malta.",
    "Togo thanked Ghana for the rice.",
    "Italy condemned Malta over fish.",
    "Italy condemned Malta over ships.",
    "Chad rested.",
    "ITALY condemned Malta. ",
    "Peru and Chile signed a treaty. It rained. Kenya scolded Uganda.",
]


@pytest.fixture(scope="module")
def found(analyser):
    """Choose among the texts."""
    return suggest(analyser, list(enumerate_texts(TEXTS)), ["Togo thanked Ghana for the rice."], 3, DAY)


def enumerate_texts(texts):
    """Give texts with ids."""
    return [(f"t{number}", text) for number, text in enumerate(texts, 1)]


def test_passed_over(found):
    """Sentences with labels, of fewer than two countries, or that stood before, are passed over and counted."""
    assert found.passed_over == {"labelled already": 1, "twice": 1, "fewer than two countries": 2}
    assert "Togo thanked Ghana for the rice." not in {one.text for one in found.chosen}


def test_texts_are_split(analyser):
    """A text of several sentences gives each of them, with the text's id and the sentence's number."""
    chosen = suggest(analyser, enumerate_texts(TEXTS[-1:]), [], 9, DAY).chosen
    assert sorted((one.id, one.text) for one in chosen) == [
        ("t1-1", "Peru and Chile signed a treaty."),
        ("t1-3", "Kenya scolded Uganda."),
    ]


def test_uncertainty(found, analyser):
    """Uncertainty is one less the margin of the least certain pair; the most uncertain comes first."""
    for one in found.chosen:
        ranked = [sorted(each.probabilities.values()) for each in one.relations]
        margins = [likeliest - second for _, second, likeliest in ranked]
        assert one.uncertainty == pytest.approx(1 - min(margins))
    every = suggest(analyser, enumerate_texts(TEXTS), [], 99, DAY).chosen
    assert found.chosen[0].uncertainty == max(one.uncertainty for one in every if "rice" not in one.text)


def test_diversity(analyser):
    """Of sentences that are alike one comes before all others that are not."""
    alike = [
        f"{country} condemned Malta over the fish." for country in ("Italy", "Spain", "France", "Greece", "Cyprus")
    ]
    chosen = suggest(analyser, enumerate_texts([*alike, "Peru and Chile signed a treaty."]), [], 2, DAY).chosen
    assert len({one.text in alike for one in chosen}) == 2


def test_count(analyser, found):
    """As many are chosen as are wanted, or as there are; of nothing, none."""
    assert len(found.chosen) == 3
    assert len(suggest(analyser, enumerate_texts(TEXTS), [], 99, DAY).chosen) == 6
    assert suggest(analyser, enumerate_texts(["It rained."]), [], 3, DAY).chosen == []


def test_same_again(analyser, found):
    """The same texts give the same suggestions."""
    again = suggest(analyser, enumerate_texts(TEXTS), ["Togo thanked Ghana for the rice."], 3, DAY)
    assert [one.text for one in again.chosen] == [one.text for one in found.chosen]


def test_batches(analyser, monkeypatch):
    """How many sentences are judged at once changes nothing."""
    whole = suggest(analyser, enumerate_texts(TEXTS), [], 99, DAY)
    monkeypatch.setattr(suggesting, "_BATCH", 2)
    assert suggest(analyser, enumerate_texts(TEXTS), [], 99, DAY) == whole


def test_tasks(found, tmp_path):
    """Tasks carry predictions with scores; made annotations, they come back with the same mentions and labels."""
    made = tasks(found.chosen, "model 1")
    for one, task in zip(found.chosen, made, strict=True):
        (prediction,) = task["predictions"]
        assert prediction["model_version"] == "model 1"
        assert prediction["score"] == pytest.approx(1 - one.uncertainty, abs=1e-4)
        relations = [result for result in prediction["result"] if result["type"] == "relation"]
        assert len(relations) == sum(each.label != "neutrality" for each in one.relations)
        assert all(0 <= result["score"] <= 1 for result in relations)
        task["annotations"] = task.pop("predictions")
    path = tmp_path / "tasks.json"
    path.write_bytes(dump(made))
    for one, document in zip(found.chosen, read_export(path), strict=True):
        assert (document.id, document.text) == (one.id, one.text)
        assert [(*each.places[0], each.hints[0]) for each in document.regions] == list(one.actors)


def test_anaphors_of_two(analyser):
    """A phrase that stands for two countries gives no region, since a region has one country."""
    text = "Peru met Chile. Both countries praised Kenya and Uganda."
    chosen = suggest(analyser, enumerate_texts([text]), [], 9, DAY).chosen
    (second,) = [one for one in chosen if one.id == "t1-2"]
    assert [second.text[start:end] for start, end, _ in second.actors] == ["Kenya", "Uganda"]


def test_read(tmp_path):
    """Plain text has a text a line; objects may have an id."""
    plain = tmp_path / "day.txt"
    plain.write_text("Italy met Malta.\n\nTogo rested.\n")
    assert list(read(plain)) == [("day-1", "Italy met Malta."), ("day-3", "Togo rested.")]
    objects = tmp_path / "day.jsonl"
    objects.write_text(json.dumps({"text": "Italy met Malta.", "id": 7}) + '\n{"text": "Togo rested."}\n')
    assert list(read(objects)) == [("7", "Italy met Malta."), ("day-2", "Togo rested.")]


@pytest.mark.parametrize("line", ["{", "[]", "5", '{"txt": "x"}', '{"text": 5}'])
def test_read_bad_line(tmp_path, line):
    """A line that is no object with a text is refused with its place."""
    path = tmp_path / "day.jsonl"
    path.write_text('{"text": "x"}\n' + line)
    with pytest.raises(FormatError, match=r"day\.jsonl:2: "):
        list(read(path))
