"""What labels of a subject of one's own bring there: cross-validation over their sentences, beside what ships.

    .venv/bin/python benchmarks/retraining.py FOLDER [--root MODELS] [--context-only] [--adapt] [--weights 1 10 30]

FOLDER holds ``corpus/*.jsonl``. Each third of its sentences is judged by a model that was fitted on what ships and
by others that were fitted on the other two thirds, too, at several weights. With a context tier under MODELS
its encoder is kept, and the classifier over it is fitted in the same ways; with --adapt the encoder is trained
further, too, which needs PyTorch and takes minutes for each third and weight.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from relations import artifact, gazetteer
from relations.domain import Pair
from relations.encoder import Batch, EncoderFeatures
from relations.features import PairFeatures
from relations.lexicon import Lexicon
from relations.registry import resolve, served, tiers
from training import corpus, sources
from training.context import ADAPTING, Encoder, Recipe, fit_head
from training.corpus import LabelledSentence, part_of, text_digest
from training.fit import Parameters
from training.lexicon_table import compile_lexicon
from training.metrics import score

FOLDS = 3
WEIGHTS = (1.0, 10.0, 30.0)
Sentences = Sequence[LabelledSentence]
Chances = NDArray[np.float64]
Fit = Callable[[Sentences, Sentences, Sequence[float], Sentences], list[Chances]]
"""Fits on the shipped sentences and some others, at each of several weights, and judges a third lot."""


def pairs_of(sentences: Sentences) -> list[Pair]:
    """Return all pairs."""
    return [one.pair for sentence in sentences for one in sentence.pairs]


def labels_of(sentences: Sentences) -> list[str]:
    """Return the label of every pair."""
    return [one.label for sentence in sentences for one in sentence.pairs]


def fast(lexicon: Lexicon) -> Fit:
    """Fit the fast tier without calibration, which moves no label."""

    def judge(shipped: Sentences, own: Sentences, weights: Sequence[float], asked: Sentences) -> list[Chances]:
        pairs, labels = pairs_of([*shipped, *own]), labels_of([*shipped, *own])
        features = PairFeatures(lexicon, min_df=Parameters().min_df).fit(pairs)
        known, unknown = features.transform(pairs), features.transform(pairs_of(asked))
        found = []
        for weight in weights:
            row_weights = np.repeat([1.0, weight], [len(pairs_of(shipped)), len(pairs_of(own))])
            with threadpool_limits(1):
                linear = LogisticRegression(C=Parameters().C, max_iter=2000).fit(known, labels, row_weights)
            found.append(linear.predict_proba(unknown))
        return found

    return judge


class Memory:
    """Reads each pair once, however often it is asked for."""

    def __init__(self, features: EncoderFeatures) -> None:
        self.features = features
        self.known: dict[Pair, NDArray[np.float32]] = {}

    def transform(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Read pairs."""
        new = [pair for pair in pairs if pair not in self.known]
        if new:
            self.known.update(zip(new, self.features.transform(new), strict=True))
        return np.array([self.known[pair] for pair in pairs])

    def read(self, batch: Batch) -> NDArray[np.float32]:
        """Read a batch, which is not kept."""
        return self.features.read(batch)


class Remembering(Encoder):
    """An encoder with a memory."""

    __slots__ = ("memory",)

    def features(self, threads: int) -> Memory:
        """Give what reads, always the same."""
        if not hasattr(self, "memory"):
            object.__setattr__(self, "memory", Memory(super().features(threads)))
        return self.memory


def context(encoder: Encoder) -> Fit:
    """Fit the classifier over an encoder."""

    def judge(shipped: Sentences, own: Sentences, weights: Sequence[float], asked: Sentences) -> list[Chances]:
        found = []
        for weight in weights:
            heavy = [replace(one, weight=weight) for one in own]
            model = fit_head(encoder, [*shipped, *heavy], Recipe().threads).model
            found.append(model.probabilities(pairs_of(asked)))
        return found

    return judge


def adapted(encoder: Encoder) -> Fit:
    """Train the encoder further, and fit the classifier over it."""
    from training import encoder as network  # noqa: PLC0415 - needs PyTorch

    def judge(shipped: Sentences, own: Sentences, weights: Sequence[float], asked: Sentences) -> list[Chances]:
        if not own:
            return context(encoder)(shipped, own, weights, asked)
        known = [one for one in shipped if text_digest(one.text) in encoder.fitted_on]
        found = []
        for weight in weights:
            heavy = [replace(one, weight=weight) for one in own]
            made = network.fine_tune([*known, *heavy], ADAPTING, lambda *_: None, start=encoder)
            model = fit_head(network.export(made, encoder.fast, own, encoder), shipped, ADAPTING.threads).model
            found.append(model.probabilities(pairs_of(asked)))
        return found

    return judge


def measure(
    name: str, judge: Fit, shipped: Sentences, own: Sentences, classes: Sequence[str], weights: Sequence[float]
) -> None:
    """Print a table."""
    folds = [[one for one in own if part_of(one, 10 * FOLDS) // 10 == fold] for fold in range(FOLDS)]
    tested = [one for fold in folds for one in fold]
    right = np.array(labels_of(tested))
    (before,) = judge(shipped, [], [1.0], tested)
    judged = []
    for fold in folds:
        others = [one for other in folds if other is not fold for one in other]
        judged.append(judge(shipped, others, weights, fold))
    after = [np.vstack(chances) for chances in zip(*judged, strict=True)]
    print(f"\n{name}, {len(tested)} sentences with {len(right)} pairs")
    print(f"{'fitted on':29} accuracy macro-F1    kappa        p")
    names = ["what ships", *(f"and the other folds, times {weight:g}" for weight in weights)]
    for told, chances in zip(names, [before, *after], strict=True):
        scores = score(right.tolist(), chances, classes)
        old, new = (np.asarray(classes)[one.argmax(axis=1)] == right for one in (before, chances))
        gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
        p_value = binomtest(gained, gained + lost).pvalue if gained + lost else 1
        measures = f"{scores.accuracy:8.3f} {scores.macro_f1:8.3f} {scores.kappa:8.3f}"
        print(f"{told:29} {measures} {p_value:8.2g}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--root", type=Path, default=artifact.DEFAULT_FOLDER)
    parser.add_argument("--context-only", action="store_true")
    parser.add_argument("--adapt", action="store_true")
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    chosen = parser.parse_args()
    both = sources.choose([chosen.folder])
    known = frozenset(gazetteer.load(both.gazetteer).countries)
    sentences, _ = sources.read(both, known)
    shipped = [one for one in sentences if one.folder == sources.SHIPPED]
    own = [one for one in sentences if one.folder != sources.SHIPPED]
    lexicon = compile_lexicon(both.lexicon)
    now = served(chosen.root)
    if now and "context" in tiers(chosen.root, now):
        encoder = Remembering.read(resolve(chosen.root, "context"))
        print(f"version {now}")
        measure("context tier, encoder kept", context(encoder), shipped, own, encoder.fast.classes, chosen.weights)
        if chosen.adapt:
            measure(
                "context tier, encoder adapted",
                adapted(encoder),
                shipped,
                own,
                encoder.fast.classes,
                chosen.weights,
            )
    if not chosen.context_only:
        measure("fast tier", fast(lexicon), shipped, own, sorted(corpus.LABELS), chosen.weights)


if __name__ == "__main__":
    main()
