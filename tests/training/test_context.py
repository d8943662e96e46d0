"""The classifier over an encoder: fitted by weights, its strength chosen without a look at what is scored."""

from dataclasses import replace

import numpy as np
import pytest

from training import context, corpus, fit
from training.context import Encoder, fit_head
from training.corpus import CorpusError, text_digest
from training.lexicon_table import compile_lexicon

KNOWN = 60
"""Sentences that the encoder has been fine-tuned on."""


class _Reader:
    """Stands in for an encoder's file: what it reads of a pair is how the sentence looks."""

    def transform(self, pairs):
        """Give two numbers a pair."""
        return np.array([[len(pair.text), pair.text.count("e")] for pair in pairs], dtype=np.float32)


class _Encoder(Encoder):
    """An encoder without a file."""

    def features(self, _):
        """Give what reads."""
        return _Reader()


@pytest.fixture(scope="module")
def sentences(small_labels, codes):
    """Read the small labels."""
    return corpus.read(small_labels, codes)


@pytest.fixture(scope="module")
def encoder(sentences, small_labels):
    """Make an encoder that knows some of them."""
    known = sentences[:KNOWN]
    fast = fit.fit(known, compile_lexicon(small_labels / "lexicon.tsv"), fit.Parameters())
    return _Encoder(b"", b"", 2, fast, frozenset(text_digest(one.text) for one in known))


def test_fresh_sentences(encoder, sentences):
    """Only sentences that the encoder does not know are fitted on, and each of their pairs is judged."""
    head = fit_head(encoder, sentences, 1)
    assert head.fresh == sentences[KNOWN:]
    assert head.probabilities.shape == (sum(len(one.pairs) for one in head.fresh), 3)
    assert head.tries == []
    with pytest.raises(CorpusError, match="new to the encoder"):
        fit_head(encoder, sentences[: KNOWN + 2], 1)


def test_weight_is_strength(encoder, sentences):
    """Twice the weight of all sentences is twice the inverse strength, in the fit as in the scores."""
    heavy = fit_head(encoder, [replace(one, weight=2.0) for one in sentences], 1, (0.01,))
    plain = fit_head(encoder, sentences, 1, (0.02,))
    np.testing.assert_allclose(heavy.probabilities, plain.probabilities, atol=1e-4)


def test_weights_draw(encoder, sentences):
    """Uneven weights change the classifier."""
    uneven = [replace(one, weight=1.0 + number % 3) for number, one in enumerate(sentences)]
    first, second = (fit_head(encoder, some, 1).probabilities for some in (sentences, uneven))
    assert np.abs(first - second).max() > 1e-3


def test_strength_is_chosen(encoder, sentences):
    """Of several strengths the best by cross-validation is taken for the model that is written."""
    head = fit_head(encoder, sentences, 1, context.STRENGTHS)
    assert [one.parameters["strength"] for one in head.tries] == list(context.STRENGTHS)
    best = max(head.tries, key=lambda one: one.mean).parameters["strength"]
    alone = fit_head(encoder, sentences, 1, (best,))
    pairs = [one.pair for sentence in sentences for one in sentence.pairs]
    features = alone.model.pipeline.named_steps["features"].transform(pairs)
    chances = [one.model.pipeline.named_steps["classifier"].predict_proba(features) for one in (head, alone)]
    np.testing.assert_array_equal(*chances)


def test_near_duplicates_are_judged_together(encoder, sentences):
    """A copy of a sentence helps to judge it, unless the two are told to belong together."""
    (sentence, *_) = sentences[KNOWN:]
    copies = (replace(sentence, text=f"{sentence.text[:-1]} in week {number}.") for number in range(1, 1000))
    part = corpus.part_of(sentence, 50) // 10
    copy = next(one for one in copies if corpus.part_of(one, 50) // 10 != part)
    copy = replace(copy, weight=100.0)
    rows = [one.label for one in sentence.pairs]

    def sureness(heads):
        judged = fit_head(encoder, [*sentences, copy], 1, (1.0,), heads).probabilities[: len(rows)]
        return sum(judged[row, encoder.fast.classes.index(label)] for row, label in enumerate(rows))

    assert sureness({copy.text: sentence.text}) < sureness({})
