"""The search for parameters: cross-validation over the sentences that are not held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from relations.features import PairFeatures
from relations.lexicon import Lexicon
from training.corpus import LabelledSentence, part_of_text
from training.split import Split

PENALTIES = (0.5, 1.0, 1.5, 2.5, 4.0)
MIN_DFS = (2, 3, 5)
FOLDS = 3
_MAX_ITERATIONS = 2000


@dataclass(frozen=True, slots=True)
class Try:
    """What one choice of parameters brought.

    Attributes
    ----------
    parameters : dict of str to float
        By name.
    scores : tuple of float
        Macro-F1 on each fold, by a fit on the others.
    """

    parameters: dict[str, float]
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean macro-F1."""
        return float(np.mean(self.scores))

    def __str__(self) -> str:
        return " ".join(f"{name} {value:g}" for name, value in self.parameters.items())


def best(tries: Sequence[Try]) -> Try:
    """The highest mean; of equal ones the first."""
    return max(tries, key=lambda one: one.mean)


def table(tries: Sequence[Try]) -> str:
    """For a reader."""
    chosen = best(tries)
    names = list(chosen.parameters)
    lines = ["  " + "".join(f"{name:>10}" for name in names) + f"{'macro-F1':>11}  by fold"]
    lines += [
        f"{'*' if one is chosen else ' '} "
        + "".join(f"{value:10g}" for value in one.parameters.values())
        + f"{one.mean:11.4f}  {' '.join(f'{score:.4f}' for score in one.scores)}"
        for one in tries
    ]
    return "\n".join(lines)


def as_dict(tries: Sequence[Try]) -> dict[str, float]:
    """For a manifest: mean macro-F1 by choice."""
    return {str(one): round(one.mean, 4) for one in tries}


def search(split: Split, lexicon: Lexicon, progress: Callable[[int, int], None], jobs: int = 2) -> list[Try]:
    """Try every choice of the fast tier's penalty and ``min_df``.

    Held-out sentences have no part in it, and near-duplicates fall into the same fold.

    Parameters
    ----------
    split : Split
        Its ``kept`` are searched on.
    lexicon : Lexicon
        Compiled lexicon.
    progress : callable
        Told how many fits are done, and how many there are.
    jobs : int
        Fits at a time, each in a process of its own.

    Returns
    -------
    list of Try
        A small ``min_df`` and a strong penalty first.
    """
    # Another digit than the one that says whether a sentence is held out.
    parts = np.array([part_of_text(split.head(sentence), 10 * FOLDS) // 10 for sentence in split.kept])
    folds = np.unique(parts)
    tasks = [(min_df, fold) for min_df in MIN_DFS for fold in folds]
    found: dict[tuple[int, int], list[float]] = {}
    runs = (delayed(_scores)(split.kept, parts == fold, lexicon, min_df, fold) for min_df, fold in tasks)
    for min_df, fold, scores in Parallel(n_jobs=jobs, return_as="generator_unordered")(runs):
        found[min_df, fold] = scores
        progress(len(found) * len(PENALTIES), len(tasks) * len(PENALTIES))
    return [
        Try({"C": penalty, "min_df": min_df}, tuple(found[min_df, fold][number] for fold in folds))
        for min_df in MIN_DFS
        for number, penalty in enumerate(PENALTIES)
    ]


def _scores(
    sentences: Sequence[LabelledSentence], tested: NDArray[np.bool_], lexicon: Lexicon, min_df: int, fold: int
) -> tuple[int, int, list[float]]:
    """Macro-F1 for each penalty, the features being the same."""
    groups = [
        [one for one, there in zip(sentences, tested, strict=True) if there == side] for side in (False, True)
    ]
    pairs = [[one.pair for sentence in group for one in sentence.pairs] for group in groups]
    labels = [[one.label for sentence in group for one in sentence.pairs] for group in groups]
    weights = [sentence.weight for sentence in groups[0] for _ in sentence.pairs]
    features = PairFeatures(lexicon, min_df=min_df).fit(pairs[0])
    known, asked = (features.transform(some) for some in pairs)
    scores = []
    with threadpool_limits(1):
        for penalty in PENALTIES:
            # Not from where the last one ended: the solver would take that for the goal.
            classifier = LogisticRegression(C=penalty, max_iter=_MAX_ITERATIONS)
            judged = classifier.fit(known, labels[0], weights).predict(asked)
            scores.append(float(f1_score(labels[1], judged, average="macro", zero_division=0.0)))
    return min_df, fold, scores
