"""Fit the context tier: a fine-tuned encoder, and a calibrated linear classifier over what it reads.

The encoder knows the sentences that it was fine-tuned on by heart, so the classifier is fitted on others: on the
held-out tenth of the corpus, and on whatever labels came after the encoder. Its own scores are cross-fitted.
"""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from relations import artifact
from relations.artifact import ArtifactError
from relations.classifier import Model
from relations.context import ContextFeatures, ContextModel
from relations.encoder import ENCODER_FILE, TOKENIZER_FILE, EncoderFeatures
from training.corpus import CorpusError, LabelledSentence, part_of_text, text_digest
from training.search import Try, best

Base = Literal["minilm", "mpnet"]
FITTED_FILE = "fitted_on.txt.gz"
"""Digests of the sentences that the encoder was fine-tuned on."""
FOLDS = 5
STRENGTH = 0.01
"""Inverse strength of the classifier's L2 penalty: the encoder's own logits already judge well."""
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""What a search tries."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to fine-tune.

    Attributes
    ----------
    base : {"minilm", "mpnet"}
        Pretrained encoder, as of `training.pretrained`.
    layers : int
        Its lowest ones, so many at most.
    word_layers : int
        Layers in which words read each other; in those above only marks read.
    epochs : int
        Times that every sentence is read.
    learning_rate : float
        Of the uppermost layer; each layer below has ``decay`` times that of the one above, new layers ten times.
    decay : float
        See ``learning_rate``.
    hidden : int
        Numbers in the vector of a pair.
    event_weight : float
        Weight of the loss on event types beside that on labels.
    dropout : float
        Share of values dropped in training.
    pieces : int
        Word pieces and marks in a step.
    seed : int
        Of new weights, order, names and dropout.
    threads : int
        Fixed, since the last bits of a sum depend on it.
    replay : float
        Where another encoder is the start: share of the sentences that it knows which are read again, other
        ones in each epoch, so that it forgets nothing.
    most_pairs : int
        Unordered pairs of a sentence that an epoch reads at most, others in each epoch: a list of ten countries
        teaches no more than one of four.
    trust : float
        With a teacher: share of the loss that is measured by its answers and not by the labels.
    temperature : float
        With a teacher: what logits are divided by before they are compared, so that its doubts count.
    """

    base: Base = "mpnet"
    layers: int = 6
    word_layers: int = 4
    epochs: int = 3
    learning_rate: float = 8e-5
    decay: float = 0.9
    hidden: int = 128
    event_weight: float = 0.3
    dropout: float = 0.1
    pieces: int = 1500
    seed: int = 0
    threads: int = 2
    replay: float = 1.0
    most_pairs: int = 6
    trust: float = 0.5
    temperature: float = 2.0


ADAPTING = Recipe(epochs=2, learning_rate=5e-5, replay=0.1)
"""What suits an encoder that has learned from the shipped corpus and is to learn from some more sentences."""
TEACHING = Recipe(base="mpnet", epochs=2, layers=12, word_layers=8, learning_rate=4e-5, hidden=256)
"""What makes a teacher: all layers, so twice the work of an encoder."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A fine-tuned encoder with the fast tier that goes with it.

    Attributes
    ----------
    encoder, tokenizer : bytes
        Content of `ENCODER_FILE` and `TOKENIZER_FILE`.
    width : int
        Numbers in a vector.
    fast : Model
        Fitted on the same sentences.
    fitted_on : frozenset of str
        Digests of these sentences.
    """

    encoder: bytes
    tokenizer: bytes
    width: int
    fast: Model
    fitted_on: frozenset[str]

    @property
    def files(self) -> dict[str, bytes]:
        """What belongs beside a model of this encoder."""
        digests = "".join(f"{digest}\n" for digest in sorted(self.fitted_on))
        return {
            ENCODER_FILE: self.encoder,
            TOKENIZER_FILE: self.tokenizer,
            FITTED_FILE: gzip.compress(digests.encode(), mtime=0),
        }

    def features(self, threads: int) -> EncoderFeatures:
        """The transformer of this encoder, ready for use."""
        encoder, tokenizer = (hashlib.sha256(one).hexdigest() for one in (self.encoder, self.tokenizer))
        features = EncoderFeatures(encoder, tokenizer, self.width)
        features.use(self.encoder, self.tokenizer, threads)
        return features

    @classmethod
    def read(cls, folder: Path) -> "Encoder":
        """Take the encoder of a model that is there.

        Parameters
        ----------
        folder : Path
            Of a context tier, as `relations.registry.resolve` finds it.

        Raises
        ------
        ArtifactError
            If it is none, or cannot be trusted.
        """
        model, manifest = artifact.load(folder)
        if not isinstance(model, ContextModel):
            raise ArtifactError(f"{folder} holds no context tier, whose encoder could be kept")
        encoder, tokenizer, fitted = (
            artifact.read_trusted(folder / name, manifest.files[name])
            for name in (ENCODER_FILE, TOKENIZER_FILE, FITTED_FILE)
        )
        digests = frozenset(gzip.decompress(fitted).decode().split())
        return cls(encoder, tokenizer, model.encoder.width, model.fast, digests)


class Head(NamedTuple):
    """A classifier over an encoder.

    Attributes
    ----------
    model : ContextModel
    fresh : list of LabelledSentence
        Those that the classifier was fitted on.
    probabilities : ndarray of shape (n_pairs, n_classes)
        Of every pair of ``fresh``, by classifiers that have not seen its sentence.
    tries : list of Try
        What each strength brought on all of ``fresh``; empty where there was no choice.
    """

    model: ContextModel
    fresh: list[LabelledSentence]
    probabilities: NDArray[np.float64]
    tries: list[Try]


def fit_head(
    encoder: Encoder,
    sentences: Sequence[LabelledSentence],
    threads: int,
    strengths: Sequence[float] = (STRENGTH,),
    heads: Mapping[str, str] = MappingProxyType({}),
) -> Head:
    """Fit the classifier over an encoder.

    Parameters
    ----------
    encoder : Encoder
        What the sentences are read with.
    sentences : sequence of LabelledSentence
        Labelled data; the encoder's own sentences are passed over.
    threads : int
        Threads to read with.
    strengths : sequence of float
        Inverse strengths of the penalty. The best is chosen by cross-validation; where a part of the sentences is
        judged, by cross-validation on the others, so that its scores owe nothing to the choice.
    heads : mapping of str to str
        As of `training.split.Split`.

    Returns
    -------
    Head

    Raises
    ------
    CorpusError
        If the encoder has left too few sentences.
    """
    fresh = [sentence for sentence in sentences if text_digest(sentence.text) not in encoder.fitted_on]
    labels = np.array([one.label for sentence in fresh for one in sentence.pairs])
    if any((labels == label).sum() < FOLDS for label in encoder.fast.classes):
        raise CorpusError(
            [f"only {len(fresh)} sentences are new to the encoder: add some hundred or fine-tune it"]
        )
    # Whether a sentence is held out says the last digit of its number; this takes another one.
    own = [part_of_text(heads.get(sentence.text, sentence.text), 10 * FOLDS) // 10 for sentence in fresh]
    parts = np.array([part for part, sentence in zip(own, fresh, strict=True) for _ in sentence.pairs])
    weights = np.array([sentence.weight for sentence in fresh for _ in sentence.pairs])
    features = ContextFeatures(encoder.features(threads), encoder.fast)
    rows = features.transform([one.pair for sentence in fresh for one in sentence.pairs])
    read = np.asarray(~np.isnan(rows).any(axis=1))
    crossed = np.exp(rows[:, -len(encoder.fast.classes) :])
    data = _Data(rows, labels, weights, parts)
    # In one thread: how BLAS divides a sum among several decides its last bits.
    with threadpool_limits(1):
        for part in np.unique(parts):
            tested, others = read & (parts == part), data.of(read & (parts != part))
            if tested.any():
                chosen, _ = _strength(others, strengths)
                crossed[tested] = _fit(others, chosen).predict_proba(rows[tested])
        chosen, tries = _strength(data.of(read), strengths)
        classifier = _fit(data.of(read), chosen)
    model = ContextModel(Pipeline([("features", features), ("classifier", classifier)]))
    return Head(model, fresh, crossed, tries)


@dataclass(frozen=True, slots=True)
class _Data:
    """Pairs as the encoder read them, with their labels, weights and parts."""

    rows: NDArray[np.float64]
    labels: NDArray[np.str_]
    weights: NDArray[np.float64]
    parts: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_]) -> "_Data":
        return _Data(self.rows[chosen], self.labels[chosen], self.weights[chosen], self.parts[chosen])


def _strength(data: _Data, strengths: Sequence[float]) -> tuple[float, list[Try]]:
    if len(strengths) == 1:
        return strengths[0], []
    tries = []
    for strength in strengths:
        scores = []
        for part in np.unique(data.parts):
            linear, there = _linear(strength), np.isin(data.parts, part)
            known, tested = data.of(~there), data.of(there)
            weights = {f"{name}__sample_weight": known.weights for name in linear.named_steps}
            judged = linear.fit(known.rows, known.labels, **weights).predict(tested.rows)
            scores.append(float(f1_score(tested.labels, judged, average="macro", zero_division=0.0)))
        tries.append(Try({"strength": strength}, tuple(scores)))
    return best(tries).parameters["strength"], tries


def _linear(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def _fit(data: _Data, strength: float) -> CalibratedClassifierCV:
    folds = [
        (np.flatnonzero(data.parts != part), np.flatnonzero(data.parts == part)) for part in np.unique(data.parts)
    ]
    linear = _linear(strength)
    classifier = CalibratedClassifierCV(linear, method="temperature", cv=folds, ensemble=False, n_jobs=1)
    if (data.weights == 1).all():
        return classifier.fit(data.rows, data.labels)
    # A pipeline hands weights on to its steps only by metadata routing.
    with config_context(enable_metadata_routing=True):
        for _, step in linear.steps:
            step.set_fit_request(sample_weight=True)
        return classifier.fit(data.rows, data.labels, sample_weight=data.weights)
