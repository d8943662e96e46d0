"""The classifier over an encoder: fitted on what the encoder has not seen, and scored by others like it."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from relations import artifact
from relations import registry as models
from relations.artifact import ArtifactError, Manifest, current_versions
from relations.domain import LABELS
from relations.encoder import MAX_PIECES
from training import corpus, fit, registry
from training.context import FITTED_FILE, STRENGTHS, Encoder, fit_head
from training.corpus import CorpusError, held_out, text_digest
from training.lexicon_table import compile_lexicon

SEEN = 50
"""Sentences that the encoder is said to have been fine-tuned on."""


@pytest.fixture(scope="module")
def sentences(small_labels, codes):
    """Read the small labels."""
    return corpus.read(small_labels, codes)


@pytest.fixture(scope="module")
def encoder(tiny_encoder, small_labels, sentences):
    """Join the small encoder with a fast tier that was fitted on the first sentences."""
    content, tokenizer, width = tiny_encoder
    seen = sentences[:SEEN]
    fast = fit.fit(seen, compile_lexicon(small_labels / "lexicon.tsv"), fit.Parameters())
    return Encoder(content, tokenizer, width, fast, frozenset(text_digest(one.text) for one in seen))


@pytest.fixture(scope="module")
def head(encoder, sentences):
    """Fit the classifier."""
    return fit_head(encoder, sentences, 1)


@pytest.fixture(scope="module")
def published(encoder, head, tmp_path_factory):
    """Publish a version that has both tiers; give the folder of the models."""
    root = tmp_path_factory.mktemp("published") / "models"

    def build(folder):
        for tier, model, files in (("fast", encoder.fast, {}), ("context", head.model, encoder.files)):
            content, sha256 = artifact.dump(model)
            manifest = Manifest(
                name="test",
                version="one",
                tier=tier,
                sha256=sha256,
                labels_sha256="0" * 64,
                classes=list(LABELS),
                metrics={"held_out": {"pairs": 1, "accuracy": 0.5, "macro_f1": 0.5, "kappa": 0.0}},
                versions=current_versions(),
                trained_at="2024-01-01T00:00:00+00:00",
                files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
            )
            artifact.save(folder / tier, content, manifest, files)

    registry.publish(root, "one", build)
    return root


def pairs_of(sentences):
    """Give the pairs of sentences."""
    return [one.pair for sentence in sentences for one in sentence.pairs]


def turned(sentence):
    """Give a sentence other labels."""
    other = {"support": "opposition", "opposition": "support", "neutrality": "support"}
    return replace(
        sentence, pairs=tuple(replace(one, label=other[one.label], event=None) for one in sentence.pairs)
    )


def test_fresh(head, sentences):
    """It is fitted on every sentence that the encoder has not seen, and on no other."""
    assert [one.id for one in head.fresh] == [one.id for one in sentences[SEEN:]]


def test_probabilities(head):
    """Every pair of those sentences has probabilities that sum to one."""
    assert head.probabilities.shape == (len(pairs_of(head.fresh)), len(LABELS))
    assert (head.probabilities > 0).all()
    assert_allclose(head.probabilities.sum(axis=1), 1, atol=1e-5)
    assert head.tries == []


def test_cross_fitted(encoder, head, sentences):
    """What a sentence is judged as owes nothing to its own labels; what others are judged as does."""
    changed = fit_head(encoder, [*sentences[:SEEN], turned(sentences[SEEN]), *sentences[SEEN + 1 :]], 1)
    own = len(sentences[SEEN].pairs)
    assert_array_equal(changed.probabilities[:own], head.probabilities[:own])
    assert not np.array_equal(changed.probabilities[own:], head.probabilities[own:])
    first = pairs_of(sentences[SEEN : SEEN + 1])
    assert not np.array_equal(changed.model.probabilities(first), head.model.probabilities(first))


def test_same_bytes(encoder, head, sentences):
    """The same sentences give the same model."""
    assert artifact.dump(fit_head(encoder, sentences, 1).model) == artifact.dump(head.model)


def test_weight(encoder, head, sentences):
    """A sentence of much weight moves the model towards its labels."""
    heavy = [replace(one, weight=100.0 if one is sentences[SEEN] else 1.0) for one in sentences]
    first = sentences[SEEN]
    columns = [LABELS.index(one.label) for one in first.pairs]
    before, after = (
        model.probabilities(pairs_of([first]))[range(len(columns)), columns]
        for model in (head.model, fit_head(encoder, heavy, 1).model)
    )
    assert after.mean() > before.mean()


def test_search(encoder, sentences):
    """Of several strengths each is tried on every part, and the best is taken."""
    found = fit_head(encoder, sentences, 1, STRENGTHS)
    assert [one.parameters["strength"] for one in found.tries] == list(STRENGTHS)
    best = max(found.tries, key=lambda one: np.mean(one.scores))
    alone = fit_head(encoder, sentences, 1, (best.parameters["strength"],))
    assert_array_equal(
        found.model.probabilities(pairs_of(found.fresh)), alone.model.probabilities(pairs_of(alone.fresh))
    )


def test_too_long(encoder, sentences):
    """A sentence that is too long for the encoder is judged by the fast tier, and spoils nothing."""
    text = "again " * MAX_PIECES
    last = sentences[-1]
    pairs = tuple(
        replace(
            one,
            pair=replace(
                one.pair,
                text=text + one.pair.text,
                actors=tuple((start + len(text), end + len(text), name) for start, end, name in one.pair.actors),
            ),
        )
        for one in last.pairs
    )
    long = replace(last, text=text + last.text, pairs=pairs)
    found = fit_head(encoder, [*sentences, long], 1)
    assert_allclose(found.probabilities[-len(pairs) :], encoder.fast.probabilities(pairs_of([long])), atol=1e-5)
    assert np.isfinite(found.probabilities).all()


def test_too_few(encoder, sentences):
    """Where the encoder has left too few sentences, that is told with what to do."""
    for some in (sentences[:SEEN], sentences[: SEEN + 3]):
        with pytest.raises(CorpusError, match="new to the encoder: add some hundred or fine-tune"):
            fit_head(encoder, some, 1)


def test_published(encoder, head, published):
    """The encoder of a published version is the one that was written, file for file."""
    folder = models.resolve(published, "context")
    read = Encoder.read(folder)
    assert read.files == encoder.files
    assert (read.width, read.fitted_on) == (encoder.width, encoder.fitted_on)
    pairs = pairs_of(head.fresh)
    assert_array_equal(read.fast.probabilities(pairs), encoder.fast.probabilities(pairs))
    assert_array_equal(artifact.load(folder)[0].probabilities(pairs), head.model.probabilities(pairs))
    assert registry.verify(published, "one") == []


def test_not_an_encoder(published, tmp_path):
    """A fast tier has no encoder to keep, nor has a folder of nothing; a damaged list is refused."""
    with pytest.raises(ArtifactError, match="no context tier"):
        Encoder.read(models.resolve(published, "fast"))
    with pytest.raises(ArtifactError):
        Encoder.read(tmp_path)
    folder = tmp_path / "context"
    content = {path.name: path.read_bytes() for path in models.resolve(published, "context").iterdir()}
    folder.mkdir()
    for name, one in (content | {FITTED_FILE: b""}).items():
        (folder / name).write_bytes(one)
    with pytest.raises(ArtifactError, match=f"{FITTED_FILE} has digest"):
        Encoder.read(folder)


def test_train_with_a_kept_encoder(published, small_labels, encoder, sentences):
    """A training that keeps the encoder writes both tiers, scored on the held-out sentences that were fresh."""
    said = []
    context = fit.Context(kept=models.resolve(published, "context"))
    manifest, scores = fit.train(small_labels, published, fit.Parameters(), said.append, "two", context)
    assert models.tiers(published, "two") == ["fast", "context"]
    assert Encoder.read(models.resolve(published, "context", "two")).files == encoder.files
    kept = artifact.read_manifest(context.kept)
    assert (manifest.tier, manifest.metrics["fitting"]["encoder"]) == ("context", kept.sha256)
    assert {"onnxruntime", "tokenizers"} <= manifest.versions.keys()
    assert scores.pairs == len(pairs_of(one for one in sentences[SEEN:] if held_out(one)))
    assert any(f"keeping the encoder of {context.kept}" in line for line in said)
    assert registry.verify(published, "two") == []
