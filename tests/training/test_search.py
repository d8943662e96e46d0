"""Parameters are searched for by cross-validation over what is not held out."""

from dataclasses import replace

import pytest
from sklearn.metrics import f1_score

from training import corpus, fit
from training.corpus import part_of
from training.lexicon_table import compile_lexicon
from training.search import FOLDS, MIN_DFS, PENALTIES, Try, as_dict, best, search, table
from training.split import split


@pytest.fixture(scope="module")
def lexicon(small_labels):
    """Compile the small lexicon."""
    return compile_lexicon(small_labels / "lexicon.tsv")


@pytest.fixture(scope="module")
def parts(small_labels, codes):
    """Split the small labels."""
    return split(corpus.read(small_labels, codes))


@pytest.fixture(scope="module")
def found(parts, lexicon):
    """Search; return the tries and what was told meanwhile."""
    told = []
    return search(parts, lexicon, lambda *counts: told.append(counts), jobs=1), told


def test_every_choice(found):
    """Every penalty is tried with every ``min_df`` on every fold, and the number of fits is told on the way."""
    tries, told = found
    choices = [{"C": penalty, "min_df": min_df} for min_df in MIN_DFS for penalty in PENALTIES]
    assert [one.parameters for one in tries] == choices
    assert {len(one.scores) for one in tries} == {FOLDS}
    total = len(choices) * FOLDS
    assert told == [(done, total) for done in range(len(PENALTIES), total + 1, len(PENALTIES))]


@pytest.mark.parametrize("number", [0, 4, 9, 14])
def test_score_of_a_choice(found, parts, lexicon, number):
    """A choice's score on a fold is that of a model fitted on the others with these parameters alone."""
    one = found[0][number]
    folds = [part_of(sentence, 10 * FOLDS) // 10 for sentence in parts.kept]
    known = [sentence for sentence, fold in zip(parts.kept, folds, strict=True) if fold]
    asked = [pair for sentence, fold in zip(parts.kept, folds, strict=True) if not fold for pair in sentence.pairs]
    parameters = fit.Parameters(one.parameters["C"], int(one.parameters["min_df"]))
    model = fit.fit(known, lexicon, parameters)
    judged = [relation.label for relation in model.judge([pair.pair for pair in asked])]
    score = f1_score([pair.label for pair in asked], judged, average="macro", zero_division=0.0)
    assert one.scores[0] == pytest.approx(score)


def test_weights_count(found, parts, lexicon):
    """Weights act on the fits of a search as on any other."""
    heavy = [replace(one, weight=50.0 if number % 2 else 0.02) for number, one in enumerate(parts.kept)]
    tries = search(replace(parts, kept=heavy), lexicon, lambda *_: None, jobs=1)
    assert as_dict(tries) != as_dict(found[0])


def test_best():
    """The highest mean wins, of equal ones the first; the table marks it and the manifest holds all."""
    tries = [Try({"C": 1.0}, (0.5, 0.6)), Try({"C": 2.0}, (0.6, 0.6)), Try({"C": 4.0}, (0.7, 0.5))]
    assert best(tries) is tries[1]
    marked = [line.split() for line in table(tries).splitlines() if line.startswith("*")]
    assert marked == [["*", "2", "0.6000", "0.6000", "0.6000"]]
    assert as_dict(tries) == {"C 1": 0.55, "C 2": 0.6, "C 4": 0.6}
