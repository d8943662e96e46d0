"""The served model is judged on held-out sentences as one that has not seen them."""

import numpy as np
import pytest

from relations import artifact, registry
from training import comparison, corpus, fit, standing
from training.corpus import held_out, text_digest
from training.standing import Judge, compare, served_judge, table


@pytest.fixture(scope="module")
def root(small_labels, tmp_path_factory):
    """Train once."""
    folder = tmp_path_factory.mktemp("standing") / "models"
    fit.train(small_labels, folder, fit.Parameters(), lambda _: None, "old")
    return folder


def held(folder, codes):
    """Held-out sentences of a folder."""
    return [sentence for sentence in corpus.read(folder, codes) if held_out(sentence)]


def test_what_the_served_model_has_seen(root, small_labels, codes):
    """Of sentences that it was fitted on, the judgements of its first fit count, which had not seen them."""
    tested = held(small_labels, codes)
    judge = served_judge(root, "fast", tested)
    model, manifest = artifact.load(registry.resolve(root, "fast"))
    known = comparison.judged(registry.resolve(root, "fast"))
    expected = [
        known[text_digest(one.text), pair.pair.source, pair.pair.target] for one in tested for pair in one.pairs
    ]
    np.testing.assert_array_equal(judge.probabilities, expected)
    assert not np.allclose(expected, model.probabilities([pair.pair for one in tested for pair in one.pairs]))
    assert (judge.version, judge.sha256) == ("old", manifest.sha256)


def test_what_the_served_model_has_not_seen(root, more_labels, codes):
    """Of sentences that are new to it the model itself is asked."""
    tested = held(more_labels, codes)
    model, _ = artifact.load(registry.resolve(root, "fast"))
    pairs = [pair.pair for one in tested for pair in one.pairs]
    np.testing.assert_array_equal(served_judge(root, "fast", tested).probabilities, model.probabilities(pairs))


def test_pair_that_was_added_later(root, small_labels, codes):
    """Of a pair that its first fit was not asked about, in a sentence that it has seen, nothing is known."""
    (first, *_) = held(small_labels, codes)
    pair = first.pairs[0]
    start, end, _ = pair.pair.actors[0]
    actors = ((start, end, "XYZ"), *pair.pair.actors[1:])
    changed = corpus.Pair(first.text, actors, "XYZ", pair.pair.target)
    new = corpus.LabelledSentence("1", "x", first.text, (corpus.LabelledPair(changed, "support", None),))
    judge = served_judge(root, "fast", [new])
    assert np.isnan(judge.probabilities).all()
    (row,) = compare([new], Judge("", "", judge.classes, np.array([[0.1, 0.2, 0.7]])), judge, ["x"])
    assert (row.new, row.served, row.p_value) == (None, None, None)


def test_nothing_served(root, tmp_path, small_labels, codes):
    """Where nothing is served, or not this tier, there is no judge, and the new model stands alone."""
    tested = held(small_labels, codes)
    assert served_judge(tmp_path, "fast", tested) is None
    assert served_judge(root, "context", tested) is None
    new = served_judge(root, "fast", tested)
    (row,) = compare(tested, new, None, ["labels"])
    assert (row.name, row.served, row.p_value) == (standing.ALL, None, None)
    assert row.new.pairs == len(new.probabilities)
    assert "no version is served" in table([row], {}, None)


def test_table(root, small_labels, codes):
    """The table has a line for all and for each folder, a dash where a folder has nothing held out."""
    tested = held(small_labels, codes)
    judge = served_judge(root, "fast", tested)
    rows = compare(tested, judge, judge, ["", "other"])
    lines = table(rows, {"other": 2.0}, "old").splitlines()
    assert lines[2].split()[:2] == ["all", str(len(tested))]
    assert lines[2].split()[-1] == "1"
    assert lines[-2].split()[:4] == ["other", "2", "0", "0"]
    assert "–" in lines[-2]
    assert "served: old" in lines[-1]
