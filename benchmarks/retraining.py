"""What labels of a subject of one's own bring there: cross-validation over their sentences, beside what ships.

    .venv/bin/python benchmarks/retraining.py FOLDER [--root MODELS]

FOLDER holds ``corpus/*.jsonl``. Each fifth of its sentences is judged by a model that was fitted on what ships, and
by others that were fitted on the other four fifths, too, at several weights. With a context tier under MODELS its
encoder is kept, and the classifier over it is fitted in the same ways.
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
from relations.features import PairFeatures
from relations.lexicon import Lexicon
from relations.registry import resolve, served, tiers
from training import corpus, sources
from training.context import Encoder, Recipe, fit_head
from training.corpus import LabelledSentence, part_of
from training.fit import Parameters
from training.lexicon_table import compile_lexicon
from training.metrics import score

FOLDS = 5
WEIGHTS = (1.0, 3.0)
Sentences = Sequence[LabelledSentence]
Judge = Callable[[Sentences], NDArray[np.float64]]
Fit = Callable[[Sentences], Judge]


def pairs_of(sentences: Sentences) -> list[Pair]:
    """Return all pairs."""
    return [one.pair for sentence in sentences for one in sentence.pairs]


def labels_of(sentences: Sentences) -> list[str]:
    """Return the label of every pair."""
    return [one.label for sentence in sentences for one in sentence.pairs]


def fast(lexicon: Lexicon) -> Fit:
    """Fit the fast tier without calibration, which moves no label."""

    def fit(sentences: Sentences) -> Judge:
        weights = [sentence.weight for sentence in sentences for _ in sentence.pairs]
        features = PairFeatures(lexicon, min_df=Parameters().min_df).fit(pairs_of(sentences))
        with threadpool_limits(1):
            linear = LogisticRegression(C=Parameters().C, max_iter=2000).fit(
                features.transform(pairs_of(sentences)), labels_of(sentences), weights
            )
        return lambda asked: linear.predict_proba(features.transform(pairs_of(asked)))

    return fit


def context(encoder: Encoder) -> Fit:
    """Fit the classifier over an encoder."""

    def fit(sentences: Sentences) -> Judge:
        model = fit_head(encoder, sentences, Recipe().threads).model
        return lambda asked: model.probabilities(pairs_of(asked))

    return fit


def measure(name: str, fit: Fit, shipped: Sentences, own: Sentences, classes: Sequence[str]) -> None:
    """Print a table."""
    folds = [[one for one in own if part_of(one, 10 * FOLDS) // 10 == fold] for fold in range(FOLDS)]
    tested = [one for fold in folds for one in fold]
    right = np.array(labels_of(tested))
    before = fit(shipped)(tested)
    print(
        f"\n{name}, {len(tested)} sentences with {len(right)} pairs\n{'':24} accuracy macro-F1    kappa        p"
    )
    rows = [("what ships", before)]
    for weight in WEIGHTS:
        judged = []
        for fold in folds:
            others = [replace(one, weight=weight) for other in folds if other is not fold for one in other]
            judged.append(fit([*shipped, *others])(fold))
        rows.append((f"and four fifths, times {weight:g}", np.vstack(judged)))
    for told, chances in rows:
        scores = score(right.tolist(), chances, classes)
        old, new = (np.asarray(classes)[one.argmax(axis=1)] == right for one in (before, chances))
        gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
        p_value = binomtest(gained, gained + lost).pvalue if gained + lost else 1
        print(
            f"{told:24} {scores.accuracy:8.3f} {scores.macro_f1:8.3f} {scores.kappa:8.3f} {p_value:8.2g}",
            flush=True,
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--root", type=Path, default=artifact.DEFAULT_FOLDER)
    chosen = parser.parse_args()
    both = sources.choose([chosen.folder])
    known = frozenset(gazetteer.load(both.gazetteer).countries)
    sentences, _ = sources.read(both, known)
    shipped = [one for one in sentences if one.folder == sources.SHIPPED]
    own = [one for one in sentences if one.folder != sources.SHIPPED]
    lexicon = compile_lexicon(both.lexicon)
    now = served(chosen.root)
    if now and "context" in tiers(chosen.root, now):
        encoder = Encoder.read(resolve(chosen.root, "context"))
        measure("context tier, encoder kept", context(encoder), shipped, own, encoder.fast.classes)
    measure("fast tier", fast(lexicon), shipped, own, sorted(corpus.LABELS))


if __name__ == "__main__":
    main()
