"""The learning curve."""

import json

import pytest

from training import corpus, curves, fit
from training.corpus import CorpusError
from training.curves import CurveError
from training.lexicon_table import compile_lexicon
from training.split import split


def be_told(_, __):
    """Hear how far it is."""


@pytest.fixture(scope="module")
def drawn(small_labels, codes):
    """Draw the curve of the small labels; give it with what was told of its progress."""
    told = []
    points = curves.learn(
        split(corpus.read(small_labels, codes)),
        compile_lexicon(small_labels / "lexicon.tsv"),
        fit.Parameters(),
        lambda done, total: told.append((done, total)),
        jobs=1,
    )
    return points, told


def test_points(drawn, small_labels, codes):
    """Shares grow up to all sentences that are not held out, and the last scores are those of training."""
    points, _ = drawn
    parts = split(corpus.read(small_labels, codes))
    kept = parts.kept
    assert [point.share for point in points][-3:] == [40, 70, 100]
    assert [point.sentences for point in points] == sorted({point.sentences for point in points})
    for point in points:
        assert abs(point.sentences - len(kept) * point.share / 100) < 20
    assert points[-1].sentences == len(kept)
    assert points[-1].pairs == sum(len(one.pairs) for one in kept)
    model = fit.fit(kept, compile_lexicon(small_labels / "lexicon.tsv"), fit.Parameters())
    wanted = fit.evaluate(model, parts.tested)
    found = points[-1].scores
    assert found["accuracy"].value == pytest.approx(wanted.accuracy)
    assert found["macro_f1"].value == pytest.approx(wanted.macro_f1)
    assert found["kappa"].low <= found["kappa"].value <= found["kappa"].high


def test_progress(drawn):
    """Progress is told after each fit, up to the end."""
    points, told = drawn
    assert len(told) == len(points)
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] == sum(point.sentences for point in points)


def test_written_and_read(drawn):
    """A curve that was written is read again, to four digits; the same curve gives the same bytes."""
    points, _ = drawn
    content = curves.dump(points, "0" * 64, fit.Parameters())
    assert json.loads(content)["parameters"] == {"C": 1.5, "min_df": 3}
    again = curves.load(content)
    assert [(one.share, one.sentences, one.pairs) for one in again] == [
        (one.share, one.sentences, one.pairs) for one in points
    ]
    assert again[0].scores["accuracy"].value == pytest.approx(points[0].scores["accuracy"].value, abs=1e-4)
    assert curves.dump(again, "0" * 64, fit.Parameters()) == content


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"points": [{}]}', b'{"points": 3}'])
def test_damaged(content):
    """A curve that cannot be read is refused with the remedy."""
    with pytest.raises(CurveError, match="--learning-curve"):
        curves.load(content)


def test_changed_labels(two_versions, labels):
    """A version's curve is not drawn from other labels."""
    with (labels / "lexicon.tsv").open("a") as file:
        file.write("\n")
    with pytest.raises(CurveError, match=r"changed since first .* train"):
        curves.draw(two_versions / "first" / "fast", labels, be_told)


def test_too_few(small_labels, codes):
    """So few sentences that nothing can be fitted are refused."""
    lexicon = compile_lexicon(small_labels / "lexicon.tsv")
    with pytest.raises(CorpusError, match="too few"):
        curves.learn(split(corpus.read(small_labels, codes)[:20]), lexicon, fit.Parameters(), be_told, jobs=1)
