"""The context tier: calibrated, explained by leaving words out; where it cannot read, the fast tier answers."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from relations import artifact
from relations.artifact import ArtifactError, Manifest, current_versions
from relations.context import ContextFeatures, ContextModel
from relations.domain import LABELS
from relations.encoder import ENCODER_FILE, MAX_PIECES, TOKENIZER_FILE, EncoderFeatures

FILES = (ENCODER_FILE, TOKENIZER_FILE)
LONG = (
    "Officials of [Sudan|SDN] praised, helped, attacked and condemned a plan of [Chad|TCD] that had met tough "
    "sanctions in the final near the islands on Monday and in the capital, and sent aid to the army"
)
LABELLED = np.repeat(["opposition", "support", "neutrality"], 6)
WORDS_AT_MOST = 16


@pytest.fixture
def made(tiny_encoder, small_model, training_pairs):
    """Fit a context tier; the same with each call."""
    encoder, tokenizer, width = tiny_encoder
    read = EncoderFeatures(*(hashlib.sha256(content).hexdigest() for content in (encoder, tokenizer)), width)
    read.use(encoder, tokenizer)
    features = ContextFeatures(read, small_model)
    classifier = CalibratedClassifierCV(
        make_pipeline(StandardScaler(), LogisticRegression()), method="temperature", cv=3, ensemble=False
    )
    labels = LABELLED.copy()
    # Some are wrong, so that it is not sure of itself.
    labels[::5] = "neutrality"
    classifier.fit(features.transform(training_pairs), labels)
    return ContextModel(Pipeline([("features", features), ("classifier", classifier)]))


@pytest.fixture
def folder(made, tiny_encoder, tmp_path):
    """Write it with the files of its encoder."""
    files = dict(zip(FILES, tiny_encoder, strict=False))
    content, sha256 = artifact.dump(made)
    manifest = Manifest(
        name="test",
        version="1",
        tier="context",
        sha256=sha256,
        labels_sha256="0" * 64,
        classes=list(LABELS),
        metrics={},
        versions=current_versions("onnxruntime", "tokenizers"),
        trained_at="2024-01-01T00:00:00+00:00",
        files={name: hashlib.sha256(file).hexdigest() for name, file in files.items()},
    )
    artifact.save(tmp_path / "context", content, manifest, files)
    return tmp_path / "context"


def test_probabilities(made, small_model, training_pairs):
    """Rows sum to one, in the order of the classes, which are the fast tier's; what was learnt is known."""
    found = made.probabilities(training_pairs)
    assert found.shape == (len(training_pairs), 3)
    assert_allclose(found.sum(axis=1), 1)
    assert made.classes == small_model.classes == list(LABELS)
    assert (found > 0.0001).all()
    assert np.mean([relation.label for relation in made.judge(training_pairs)] == LABELLED) > 0.7
    assert made.probabilities([]).shape == (0, 3)


def test_encoder_counts(made, small_model, training_pairs):
    """The answer is not the fast tier's own."""
    assert not np.allclose(
        made.probabilities(training_pairs), small_model.probabilities(training_pairs), atol=0.01
    )


def test_company(made, training_pairs):
    """What other sentences are asked at the same time changes nothing."""
    together = made.probabilities(training_pairs)
    alone = np.vstack([made.probabilities([one]) for one in training_pairs])
    assert_allclose(together, alone, rtol=1e-12)


def test_too_long(made, small_model, pair):
    """A pair that the encoder cannot read is judged as the fast tier does; others of its request are not."""
    long = pair(f"[France|FRA] condemned{' again' * MAX_PIECES} [Iran|IRN].")
    short = pair("[France|FRA] condemned [Iran|IRN].")
    found = made.probabilities([long, short, replace(long, source="IRN", target="FRA")])
    back = small_model.probabilities([long, short, replace(long, source="IRN", target="FRA")])
    assert_allclose(found[[0, 2]], back[[0, 2]], atol=1e-5)
    assert_array_equal(found[1:2], made.probabilities([short]))
    assert_allclose(made.probabilities([long]), back[:1], atol=1e-5)


def check(model, pair):
    """Hold what every explanation must keep; give the explanation."""
    explained = model.explain(pair)
    logits = dict(zip(model.classes, np.log(model.probabilities([pair])[0]), strict=True))
    assert explained.label == max(logits, key=logits.get)
    assert explained.runner_up != explained.label
    assert logits[explained.runner_up] == pytest.approx(sorted(logits.values())[1])
    assert explained.decision == pytest.approx(logits[explained.label] - logits[explained.runner_up])
    assert sum(word.weight for word in explained.words) + explained.structure == pytest.approx(explained.decision)
    for word in explained.words:
        assert pair.text[word.start : word.end] == word.text
        assert word.text.isalnum()
        assert not any(start < word.end and word.start < end for start, end, _ in pair.actors)
        assert word.label == (explained.label if word.weight > 0 else explained.runner_up)
    assert len({(word.start, word.end) for word in explained.words}) == len(explained.words)
    return explained


def test_explanation(made, training_pairs):
    """Weights and rest make up the decision; evidence is words of the sentence, and of no actor."""
    for pair in training_pairs:
        assert check(made, pair).words


def test_word_that_counts(made, pair):
    """A word's weight is how far the decision falls when the word is taken out."""
    one = pair("On Tuesday 😀 [France|FRA] condemned [Iran|IRN] sharply.")
    (word,) = (word for word in check(made, one).words if word.text == "condemned")
    blanked = replace(one, text=one.text.replace(word.text, " " * len(word.text)))
    explained = made.explain(one)
    first, second = (made.classes.index(label) for label in (explained.label, explained.runner_up))
    logits = np.log(made.probabilities([one, blanked]))
    before, after = logits[:, first] - logits[:, second]
    assert word.weight == pytest.approx(before - after)
    assert word.weight != pytest.approx(0, abs=1e-3)


def test_budget(made, small_model, pair):
    """Of a long sentence a bounded number of words is tried, those that weigh most in the fast tier."""
    one = pair(LONG)
    exact = sorted(small_model.explain(one).words, key=lambda word: -abs(word.weight))
    assert len([word for word in exact if word.text.isalnum()]) > WORDS_AT_MOST
    words = check(made, one).words
    assert len(words) == WORDS_AT_MOST
    assert {word.start for word in words} <= {word.start for word in exact}
    assert exact[0].start in {word.start for word in words}


def test_explanation_too_long(made, pair):
    """What the encoder cannot read is explained, too."""
    assert check(made, pair(f"[France|FRA] condemned{' again' * MAX_PIECES} [Iran|IRN].")).words


def test_evidence(made, pair):
    """A judgement tells by which method its evidence was found, and what the evidence leaves open."""
    (relation,) = made.judge([pair(LONG)], explain=True)
    assert relation.decision.method == "occlusion"
    assert relation.evidence
    total = sum(word.weight for word in relation.evidence) + relation.decision.rest
    assert total == pytest.approx(relation.decision.value)


def test_round_trip(made, folder, training_pairs):
    """A model that was written and read again answers the same, may use several threads, and dumps the same."""
    model, manifest = artifact.load(folder, threads=2)
    assert (manifest.tier, set(manifest.files), model.encoder.threads) == ("context", set(FILES), 2)
    assert_allclose(model.probabilities(training_pairs), made.probabilities(training_pairs), atol=1e-5)
    alone, _ = artifact.load(folder)
    assert_array_equal(alone.probabilities(training_pairs), made.probabilities(training_pairs))
    assert artifact.dump(made) == ((folder / artifact.MODEL_FILE).read_bytes(), manifest.sha256)


@pytest.mark.parametrize("name", FILES)
def test_files_are_verified(folder, name):
    """A file of the encoder that is damaged or missing is refused by name and not opened."""
    path = folder / name
    path.write_bytes(b"x" + path.read_bytes())
    with pytest.raises(ArtifactError, match=f"{name} has digest .* not opened"):
        artifact.load(folder)
    path.unlink()
    with pytest.raises(ArtifactError, match=f"no readable {name}"):
        artifact.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_manifest_cannot_change_the_encoder(folder, name):
    """Another file is refused although the manifest names its digest: the model knows its own."""
    (folder / name).write_bytes(b"another")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(b"another").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    artifact.verify(folder)
    with pytest.raises(ArtifactError, match=f"{name} has digest .* not opened"):
        artifact.load(folder)
