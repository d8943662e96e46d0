"""Scores, against numbers worked out by hand."""

import json

import numpy as np
import pytest

from training.metrics import calibration_error, score

CLASSES = ["neutrality", "opposition", "support"]
N, A, S = CLASSES
LABELS = [N, N, N, N, A, A, A, S, S, S]
JUDGED = [N, N, N, A, A, A, S, S, N, S]
"""Right are 3 of 4, 2 of 3 and 2 of 3."""


def sure(judged, confidence=0.8):
    """Probabilities that make these labels the likeliest."""
    rest = (1 - confidence) / 2
    return np.array([[confidence if label == name else rest for name in CLASSES] for label in judged])


def test_accuracy():
    """Seven of ten pairs are right."""
    scores = score(LABELS, sure(JUDGED), CLASSES)
    assert scores.pairs == 10
    assert scores.accuracy == pytest.approx(0.7)


def test_per_class():
    """Precision, recall, F1 and number of each label are those of the table worked out by hand."""
    scores = score(LABELS, sure(JUDGED), CLASSES)
    assert list(scores.per_class) == CLASSES
    assert scores.per_class[N] == pytest.approx({"precision": 3 / 4, "recall": 3 / 4, "f1": 3 / 4, "support": 4})
    assert scores.per_class[A] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert scores.per_class[S] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})


def test_macro_f1():
    """Macro-F1 is the plain mean of the labels' F1, and a label that never occurs counts as zero."""
    assert score(LABELS, sure(JUDGED), CLASSES).macro_f1 == pytest.approx((3 / 4 + 2 / 3 + 2 / 3) / 3)
    assert score([N, N, A], sure([N, N, A]), CLASSES).macro_f1 == pytest.approx(2 / 3)


def test_kappa():
    """Cohen's kappa is agreement beyond chance, which is 0.34: 0.4 squared and twice 0.3 squared."""
    assert score(LABELS, sure(JUDGED), CLASSES).kappa == pytest.approx((0.7 - 0.34) / (1 - 0.34))


def test_kappa_of_chance():
    """Judgements that agree no more often than chance have a kappa of zero, perfect ones of one."""
    assert score([N, N, A, A], sure([N, A, N, A]), CLASSES).kappa == pytest.approx(0)
    assert score([N, A, S], sure([N, A, S]), CLASSES).kappa == pytest.approx(1)


def test_stance_accuracy():
    """Of the pairs that show a stance those are right whose likelier stance is, even if neutrality is likelier."""
    labels = [N, S, A, S, A]
    probabilities = np.array(
        [
            [0.1, 0.2, 0.7],  # neutral, does not count
            [0.8, 0.05, 0.15],  # right, though judged neutral
            [0.1, 0.2, 0.7],  # wrong
            [0.1, 0.2, 0.7],  # right
            [0.5, 0.3, 0.2],  # right
        ]
    )
    assert score(labels, probabilities, CLASSES).stance_accuracy == pytest.approx(3 / 4)


def test_no_stance():
    """Where no pair shows a stance there is no accuracy of stance."""
    scores = score([N, N], sure([N, A]), CLASSES)
    assert scores.stance_accuracy is None
    assert scores.as_dict()["stance_accuracy"] is None
    assert "None" not in scores.table()


def test_confusion():
    """Rows are labels, columns judgements, in the order of the classes."""
    assert score(LABELS, sure(JUDGED), CLASSES).confusion.tolist() == [[3, 1, 0], [0, 2, 1], [1, 0, 2]]


def test_order_of_classes_does_not_matter():
    """With the columns in another order every number is the same."""
    one = score(LABELS, sure(JUDGED), CLASSES)
    other = score(LABELS, sure(JUDGED)[:, ::-1], CLASSES[::-1])
    assert (one.accuracy, one.macro_f1, one.kappa, one.stance_accuracy, one.ece) == pytest.approx(
        (other.accuracy, other.macro_f1, other.kappa, other.stance_accuracy, other.ece)
    )
    assert other.confusion.tolist() == one.confusion[::-1, ::-1].tolist()


@pytest.mark.parametrize(
    ("correct", "confidence", "error"),
    [
        ([True, True], [1.0, 1.0], 0.0),
        ([False, False], [1.0, 1.0], 1.0),
        ([True, False], [0.5, 0.5], 0.0),
        ([True, True, True, False], [0.8, 0.8, 0.8, 0.8], 0.05),
        # Bins [7/15, 8/15) and [13/15, 14/15): a weight of one half each.
        ([True, False, True, True], [0.5, 0.5, 0.9, 0.9], 0.05),
        # 0.47 and 0.53 share a bin, so that their errors cancel out; 0.46 lies in the one below.
        ([True, False], [0.47, 0.53], 0.0),
        ([True, False], [0.46, 0.53], (0.54 + 0.53) / 2),
    ],
)
def test_calibration_error(correct, confidence, error):
    """The error is the mean distance of accuracy and confidence over 15 bins of equal width."""
    assert calibration_error(np.array(correct), np.array(confidence)) == pytest.approx(error)


def test_ece_is_of_the_likeliest_label():
    """The calibration error of scores is that of the likeliest label's probability."""
    assert score(LABELS, sure(JUDGED), CLASSES).ece == pytest.approx(0.1)
    assert score(LABELS, sure(JUDGED, 0.7), CLASSES).ece == pytest.approx(0)


@pytest.mark.parametrize("labels", [[N, N, N], [S]])
def test_one_label_only(labels):
    """Where all labels and judgements are the same, the scores are numbers that JSON knows."""
    scores = score(labels, sure(labels), CLASSES)
    assert scores.accuracy == 1
    assert json.loads(json.dumps(scores.as_dict(), allow_nan=False))["accuracy"] == 1
    assert "nan" not in scores.table()


def test_as_dict():
    """The dictionary holds every score as a plain number that JSON knows, to four digits."""
    scores = score(LABELS, sure(JUDGED), CLASSES)
    found = json.loads(json.dumps(scores.as_dict(), allow_nan=False))
    assert found["kappa"] == round(0.36 / 0.66, 4)
    assert found["expected_calibration_error"] == 0.1
    assert found["per_class"][A]["precision"] == 0.6667
    assert found["confusion"] == scores.confusion.tolist()
    assert {"pairs", "accuracy", "macro_f1", "kappa", "stance_accuracy"} <= set(found)


def test_table():
    """The table for a reader shows every score and the whole confusion matrix."""
    lines = score(LABELS, sure(JUDGED), CLASSES).table().splitlines()
    text = "\n".join(lines)
    for shown in ("10 pairs", "0.700", "0.545", "0.694", "0.100", "0.750", "0.667"):
        assert shown in text
    rows = [line.split() for line in lines]
    assert [row[1:] for row in rows if row[:1] == [A]][-1] == ["0", "2", "1"]
