"""Two annotators' labels are compared."""

import json

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from relations.domain import LABELS
from training.agreement import cohen_kappa, compare, krippendorff_alpha, read
from training.corpus import CorpusError


@pytest.fixture
def file(tmp_path):
    """Write one annotator's rows; each is the text's number with the labels of its two pairs."""

    def rows(name, *labelled):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row(*one)) + "\n" for one in labelled))
        return path

    return rows


def row(number, there, back):
    """Give a row."""
    pairs = (("ITA", "MLT", there), ("MLT", "ITA", back))
    return {
        "id": f"r{number}",
        "text": f"Italy met Malta {number} times.",
        "mentions": [{"start": 0, "end": 5, "country": "ITA"}, {"start": 10, "end": 15, "country": "MLT"}],
        "relations": [
            {"source": source, "target": target, "label": label, "event": None} for source, target, label in pairs
        ],
    }


@pytest.fixture
def compared(file, codes):
    """Compare two annotators."""

    def run(first, second):
        return compare(read(file("a", *first), codes), read(file("b", *second), codes))

    return run


NEU, OPP, SUP = LABELS
FIRST = [(1, SUP, NEU), (2, OPP, OPP), (3, SUP, NEU), (4, NEU, NEU)]
SECOND = [(1, SUP, NEU), (3, OPP, NEU), (2, OPP, NEU), (5, SUP, SUP)]


def test_compare(compared):
    """Rows are matched by text and pair, whatever their order; what differs or has no match is listed."""
    result = compared(FIRST, SECOND)
    assert result.pairs == 6
    assert result.percent == pytest.approx(4 / 6)
    assert result.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 1, 1]]
    assert [(one.source, one.first, one.second) for one in result.disputes] == [
        ("MLT", OPP, NEU),
        ("ITA", SUP, OPP),
    ]
    assert [len(only) for only in result.unmatched] == [2, 2]
    assert result.unmatched[1][0][0] == "Italy met Malta 5 times."
    assert result.per_label == {NEU: pytest.approx(4 / 5), OPP: pytest.approx(2 / 4), SUP: pytest.approx(2 / 3)}


def test_kappa(compared):
    """Cohen's kappa is scikit-learn's."""
    confusion = compared(FIRST, SECOND).confusion
    ours = [LABELS[i] for i in range(3) for j in range(3) for _ in range(confusion[i, j])]
    theirs = [LABELS[j] for i in range(3) for j in range(3) for _ in range(confusion[i, j])]
    assert cohen_kappa(confusion) == pytest.approx(cohen_kappa_score(ours, theirs))


def test_alpha_of_a_published_example():
    """Krippendorff (2011), part C: four observers, twelve units, nominal data with gaps, alpha 0.743."""
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    units = [
        [value for value in unit if value != "."] for unit in zip(*(one.split() for one in observers), strict=True)
    ]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=0.0005)


def test_alpha_of_two(compared):
    """Krippendorff (2011), part B: two observers, ten units, nominal data, alpha 0.692."""
    first, second = "a a b b d c c c e d d a", "b a b b b c c c e d d d"
    units = list(zip(first.split(), second.split(), strict=True))
    assert krippendorff_alpha(units) == pytest.approx(0.692, abs=0.0005)


def test_one_label_throughout(compared):
    """Where only one label is used, agreement beyond chance is undefined, and said to be."""
    result = compared([(1, NEU, NEU)], [(1, NEU, NEU)])
    assert (result.percent, result.kappa, result.alpha) == (1.0, None, None)
    assert result.per_label == {NEU: 1.0, OPP: None, SUP: None}
    assert "undefined" in result.table()
    assert result.as_dict()["cohen_kappa"] is None


def test_full_agreement(compared):
    """Equal labels agree fully, and nothing is disputed."""
    result = compared(FIRST, FIRST)
    assert (result.percent, result.kappa, result.alpha) == (1.0, 1.0, 1.0)
    assert result.disputes == []


def test_nothing_in_common(compared):
    """Two files without a common sentence are refused."""
    with pytest.raises(ValueError, match="in common"):
        compared([(1, SUP, NEU)], [(2, SUP, NEU)])


def test_bad_file(file, codes, tmp_path):
    """A bad row is refused with its place, as is a file without rows."""
    path = file("a", (1, "hostile", NEU))
    with pytest.raises(CorpusError, match="hostile"):
        read(path, codes)
    path.write_text("")
    with pytest.raises(CorpusError, match="no labelled sentence"):
        read(path, codes)


def test_told(compared):
    """The table and the dictionary hold figures, disputed sentences and what has no match."""
    result = compared(FIRST, SECOND)
    told = result.table()
    assert "6 pairs that both have" in told
    assert f"  Italy met Malta 3 times.\n    ITA → MLT  {SUP} / {OPP}" in told
    assert "2 pairs that only the second has" in told
    content = json.loads(json.dumps(result.as_dict()))
    assert np.array(content["confusion"]).sum() == content["pairs"]
    assert len(content["disputes"]) == 2
    assert content["only_first"][0]["text"] == "Italy met Malta 4 times."
