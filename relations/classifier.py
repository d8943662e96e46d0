"""The model: a scikit-learn pipeline that judges pairs and says why."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from relations.domain import Decision, Evidence, Method, Pair, Relation
from relations.features import PairFeatures
from relations.tokens import tokenise

_MAX_EVIDENCE = 12


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a decision comes from.

    Attributes
    ----------
    label : str
        The label that was chosen.
    runner_up : str
        The label that came second.
    decision : float
        How far the first is ahead of the second before calibration, in logits.
    words : tuple of Evidence
        Every word with its signed share of ``decision``.
    structure : float
        The share that belongs to no word: intercept, order and distance of the actors.
        ``sum(word.weight for word in words) + structure == decision`` but for rounding.
    """

    label: str
    runner_up: str
    decision: float
    words: tuple[Evidence, ...]
    structure: float


class Model:
    """The fast tier: a fitted pipeline of `PairFeatures` and a calibrated linear classifier.

    Parameters
    ----------
    pipeline : Pipeline
        Steps ``features`` (`PairFeatures`) and ``classifier``
        (``CalibratedClassifierCV(ensemble=False)`` around a linear model).
    """

    method: Method = "exact"

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._features: PairFeatures = pipeline.named_steps["features"]
        self._classifier = pipeline.named_steps["classifier"]

    def attach(self, folder: Path, threads: int) -> None:
        """Take what belongs to the model and lies beside it in its folder: here nothing."""

    @property
    def classes(self) -> list[str]:
        """Labels in the order of the probabilities' columns."""
        return [str(label) for label in self._classifier.classes_]

    def probabilities(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Calibrated probabilities.

        Parameters
        ----------
        pairs : sequence of Pair
            The pairs of one sentence stand together.

        Returns
        -------
        ndarray of shape (n_pairs, n_classes)
            Columns in the order of `classes`; rows sum to one.
        """
        if not pairs:
            return np.zeros((0, len(self.classes)))
        found: NDArray[np.float64] = self.pipeline.predict_proba(pairs)
        return found

    def judge(self, pairs: Sequence[Pair], *, explain: bool = False) -> list[Relation]:
        """Judge pairs.

        Parameters
        ----------
        pairs : sequence of Pair
            The pairs of one sentence stand together.
        explain : bool
            Whether to add evidence, the words with the largest weights first.

        Returns
        -------
        list of Relation
            In order; evidence offsets are code points into the pair's sentence.
        """
        classes = self.classes
        relations: list[Relation] = []
        for pair, row in zip(pairs, self.probabilities(pairs).tolist(), strict=True):
            best = max(range(len(row)), key=row.__getitem__)
            evidence: tuple[Evidence, ...] = ()
            decision = None
            if explain:
                explained = self.explain(pair)
                evidence = tuple(sorted(explained.words, key=lambda word: -abs(word.weight))[:_MAX_EVIDENCE])
                rest = explained.decision - sum(word.weight for word in evidence)
                decision = Decision(self.method, explained.runner_up, explained.decision, rest)
            relations.append(
                Relation(
                    pair.source,
                    pair.target,
                    classes[best],
                    row[best],
                    dict(zip(classes, row, strict=True)),
                    evidence,
                    decision,
                )
            )
        return relations

    def explain(self, pair: Pair) -> Explanation:
        """Share a decision out among the words, exactly.

        The classifier is linear, so each feature's share is its value times its weight. A feature belongs
        to the words without which it would not be there; what several words make together they share.

        Parameters
        ----------
        pair : Pair
            The pair to explain.

        Returns
        -------
        Explanation
        """
        linear = self._classifier.calibrated_classifiers_[0].estimator
        row = self._features.transform([pair])
        logits = linear.decision_function(row)[0]
        first, second = np.argsort(-logits, kind="stable")[:2]
        weights = linear.coef_[first] - linear.coef_[second]
        shares = dict(zip(row.indices.tolist(), (row.data * weights[row.indices]).tolist(), strict=True))
        whole = self._features.describe(pair)
        tokens = tokenise(pair.text, pair.actors)
        masked = {(start, end) for start, end, _ in pair.actors}
        lost = {
            index: whole - self._features.describe(pair, blank=index)
            for index, actor in enumerate(tokens.actors)
            if actor is None and tokens.spans[index] not in masked
        }
        owners: dict[int, int] = {}
        for counts in lost.values():
            for column, count in counts.items():
                owners[column] = owners.get(column, 0) + count
        classes = self.classes
        words = []
        for index, counts in lost.items():
            weight = sum(shares[column] * count / owners[column] for column, count in counts.items())
            if weight:
                start, end = tokens.spans[index]
                label = classes[first] if weight > 0 else classes[second]
                words.append(Evidence(start, end, pair.text[start:end], label, weight))
        structure = float(linear.intercept_[first] - linear.intercept_[second]) + sum(
            share for column, share in shares.items() if column not in owners
        )
        return Explanation(
            classes[first], classes[second], float(logits[first] - logits[second]), tuple(words), structure
        )
