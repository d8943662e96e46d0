"""Scores with intervals, overall and by slices."""

from dataclasses import replace

import numpy as np
import pytest

from relations import gazetteer
from relations.domain import LABELS, Pair
from training import analysis
from training.analysis import Scorer
from training.comparison import Prediction
from training.corpus import LabelledPair, LabelledSentence, text_digest
from training.metrics import score

PARTNERS = {"FRA": "DEU", "BRA": "KEN", "JPN": "FRA"}


def made(sentences=60, seed=1):
    """Give judgements of two pairs in each of some sentences, and the sentences."""
    chance = np.random.default_rng(seed)
    predicted, known = [], []
    for number in range(sentences):
        source = list(PARTNERS)[number % 3]
        target = PARTNERS[source]
        text = f"{source} and {target} " + "met " * (number % 40)
        pairs = []
        for one, other in ((source, target), (target, source)):
            label = LABELS[chance.integers(3)]
            probabilities = chance.dirichlet([1, 1, 1] + 2 * np.eye(3)[LABELS.index(label)]).tolist()
            predicted.append(Prediction(text_digest(text), one, other, label, probabilities))
            event = {"support": "AID", "opposition": "ACCUSE"}.get(label)
            pairs.append(LabelledPair(Pair(text, ((0, 3, source), (8, 11, target)), one, other), label, event))
        known.append(LabelledSentence(f"s{number}", f"file_{number % 2}", text, tuple(pairs)))
    return predicted, known


@pytest.fixture
def scorer():
    """Score sixty made sentences."""
    predicted, known = made()
    return Scorer(analysis.sample(predicted, LABELS, known))


def test_same_scores_as_in_the_manifest(scorer):
    """Accuracy, macro-F1, kappa, calibration error and each label's scores are those of `training.metrics`."""
    pairs = scorer.pairs
    found = scorer.score(pairs.all)
    wanted = score([one.label for one in pairs.predicted], pairs.probabilities, LABELS)
    assert found["accuracy"].value == pytest.approx(wanted.accuracy)
    assert found["macro_f1"].value == pytest.approx(wanted.macro_f1)
    assert found["kappa"].value == pytest.approx(wanted.kappa)
    assert found["stance_accuracy"].value == pytest.approx(wanted.stance_accuracy)
    assert found["expected_calibration_error"].value == pytest.approx(wanted.ece)
    for label, row in wanted.per_class.items():
        for name in ("precision", "recall", "f1"):
            assert found[f"{name}.{label}"].value == pytest.approx(row[name])


def test_stances(scorer):
    """Precision and recall of stances leave the side-less pairs out on one side each."""
    pairs, found = scorer.pairs, scorer.score(scorer.pairs.all)
    neutral = LABELS.index("neutrality")
    hits = ((pairs.right == pairs.judged) & (pairs.right != neutral)).sum()
    assert found["stance_precision"].value == pytest.approx(hits / (pairs.judged != neutral).sum())
    assert found["stance_recall"].value == pytest.approx(hits / (pairs.right != neutral).sum())


def test_interval_by_sentence():
    """The interval of the accuracy is that of resampled sentences: twice the same pair adds no certainty."""
    predicted, known = made(400)
    once = [one for one in predicted if one.source in PARTNERS and PARTNERS[one.source] == one.target]
    width = {}
    for name, rows in (("once", once), ("twice", [one for one in once for _ in range(2)])):
        scorer = Scorer(analysis.sample(rows, LABELS, known))
        found = scorer.score(scorer.pairs.all)["accuracy"]
        assert found.low < found.value < found.high
        width[name] = found.high - found.low
    share = scorer.score(scorer.pairs.all)["accuracy"].value
    assert width["twice"] == width["once"]
    assert width["once"] == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / len(once)), rel=0.15)


def test_slice_without_a_label(scorer):
    """A slice that lacks a label has an accuracy, but neither macro-F1 nor kappa."""
    found = scorer.score(scorer.pairs.right == LABELS.index("support"))
    assert found["accuracy"].value is not None
    assert str(found["macro_f1"]) == str(found["kappa"]) == "–"
    assert found["kappa"].as_list() == [None, None, None]


def test_slices(scorer):
    """Every factor's slices hold the pairs that they name; a pair counts in both countries' regions."""
    found = analysis.slices(scorer, gazetteer.load().countries)
    names = {factor: {one.name: one.pairs for one in slices} for factor, slices in found.items()}
    assert names["region"] == {"Africa": 40, "Americas": 40, "Asia": 40, "Europe": 80}
    assert names["regions of the pair"] == {"across regions": 80, "within one region": 40}
    assert names["countries in the sentence"] == {"2": 120}
    assert names["corpus file"] == {"file_0": 60, "file_1": 60}
    assert names["words in the sentence"].keys() == {"1–10", "11–15", "16–20", "21–25", "26–30", "31 and more"}
    assert sum(names["event type"].values()) == sum(names["words in the sentence"].values()) == 120
    assert {one.name: one.scores["accuracy"] for one in found["event type"]}["AID"] == scorer.score(
        scorer.pairs.right == LABELS.index("support")
    )["accuracy"]


def test_folders():
    """Where the labels come from several folders, each is a slice."""
    predicted, known = made()
    parted = [replace(one, folder="own" if number % 4 else "shipped") for number, one in enumerate(known)]
    scorer = Scorer(analysis.sample(predicted, LABELS, parted))
    found = analysis.slices(scorer, gazetteer.load().countries)["labels folder"]
    assert {one.name: one.pairs for one in found} == {"own": 90, "shipped": 30}


def test_forgotten_sentences():
    """Judgements of sentences that the labels no longer hold are scored, but stand in no slice that needs them."""
    predicted, known = made()
    scorer = Scorer(analysis.sample(predicted, LABELS, known[:10]))
    assert sum(one is None for one in scorer.pairs.known) == 100
    found = analysis.slices(scorer, gazetteer.load().countries)
    assert sum(one.pairs for one in found["corpus file"]) == 20
    assert sum(one.pairs for one in found["regions of the pair"]) == 120
    assert {one.sentence.id for one in analysis.worst(scorer.pairs)} <= {one.id for one in known[:10]}


def test_reliability(scorer):
    """The bins hold every pair, and their mean distances are the calibration error."""
    bins = scorer.reliability()
    assert sum(pairs for pairs, _, _ in bins) == 120
    error = sum(pairs * abs(confidence - hits.value) for pairs, confidence, hits in bins) / 120
    assert error == pytest.approx(scorer.score(scorer.pairs.all)["expected_calibration_error"].value)


def test_coverage(scorer):
    """Each threshold keeps the pairs with that probability or more; the first keeps all."""
    pairs, rows = scorer.pairs, analysis.coverage(scorer)
    assert rows[0].share == 1
    assert rows[0].scores == scorer.score(pairs.all)
    for row in rows:
        assert row.share == pytest.approx((pairs.confidence >= row.threshold).mean())
    assert rows[0].stances.value == rows[0].scores["stance_recall"].value
    shares, hits = analysis.coverage_curve(pairs)
    assert (shares[-1], hits[-1]) == pytest.approx((1, rows[0].scores["accuracy"].value))


def test_worst(scorer):
    """The surest errors come first, one of each sentence, and every one is an error."""
    found = analysis.worst(scorer.pairs, count=10)
    assert len({one.sentence.id for one in found}) == len(found) == 10
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)
    assert all(one.judged != one.prediction.label for one in found)
    wrong = scorer.pairs.right != scorer.pairs.judged
    assert found[0].confidence == scorer.pairs.confidence[wrong].max()
