"""The context tier: what an encoder read and what the fast tier judged, under one linear classifier."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from relations.classifier import Explanation, Model
from relations.domain import Evidence, Method, Pair
from relations.encoder import EncoderFeatures

_OCCLUDED = 16
"""Words that are taken out in turn, at most: each costs a reading of the sentence."""
_LEAST = 1e-6


class ContextFeatures(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """The vector of the encoder, and the logarithms of the fast tier's probabilities.

    Parameters
    ----------
    encoder : EncoderFeatures
        Reads pairs.
    fast : Model
        Judges them by words and lexicon; fitted on sentences other than those that the classifier is fitted on.
    """

    def __init__(self, encoder: EncoderFeatures, fast: Model) -> None:
        self.encoder = encoder
        self.fast = fast

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, pairs: Sequence[Pair], labels: object = None) -> "ContextFeatures":  # noqa: ARG002
        """Learn nothing."""
        return self

    def transform(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Read pairs.

        Parameters
        ----------
        pairs : sequence of Pair
            The pairs of one sentence stand together.

        Returns
        -------
        ndarray of shape (n_pairs, width + n_classes)
            The encoder's columns are NaN where it could not read a pair.
        """
        return np.hstack([self.encoder.transform(pairs), np.log(self.fast.probabilities(pairs).clip(_LEAST))])


class ContextModel(Model):
    """A fitted pipeline of `ContextFeatures` and a calibrated linear classifier.

    A pair whose sentence is too long for the encoder is judged by the fast tier alone.

    Parameters
    ----------
    pipeline : Pipeline
        Steps ``features`` (`ContextFeatures`) and ``classifier``.
    """

    method: Method = "occlusion"

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._classifier = pipeline.named_steps["classifier"]
        self._context: ContextFeatures = pipeline.named_steps["features"]

    @property
    def encoder(self) -> EncoderFeatures:
        """What reads pairs in their context."""
        return self._context.encoder

    @property
    def fast(self) -> Model:
        """What judges them by words and lexicon."""
        return self._context.fast

    def attach(self, folder: Path, threads: int) -> None:
        """Verify and take the encoder's files, as of `EncoderFeatures.attach`."""
        self._context.encoder.attach(folder, threads)

    def probabilities(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Calibrated probabilities, as of `Model.probabilities`."""
        if not pairs:
            return np.zeros((0, len(self.classes)))
        rows = self._context.transform(pairs)
        read = ~np.isnan(rows).any(axis=1)
        # The last columns are the fast tier's own answer, whose classes are in the same order.
        found: NDArray[np.float64] = np.exp(rows[:, -len(self.classes) :])
        if read.any():
            found[read] = self._classifier.predict_proba(rows[read])
        found /= found.sum(axis=1, keepdims=True)
        return found

    def explain(self, pair: Pair) -> Explanation:
        """Take words out one by one and see how far the decision moves.

        The words are those that weigh most in the fast tier, `_OCCLUDED` at most. A word that the encoder reads
        together with others can have a share that is not seen so.

        Parameters
        ----------
        pair : Pair
            The pair to explain.

        Returns
        -------
        Explanation
            ``structure`` is what the single words leave unexplained.
        """
        exact = sorted(self._context.fast.explain(pair).words, key=lambda word: -abs(word.weight))
        words = [word for word in exact if word.text.isalnum()][:_OCCLUDED]
        blanked = [
            replace(pair, text=f"{pair.text[: word.start]}{' ' * len(word.text)}{pair.text[word.end :]}")
            for word in words
        ]
        logits = np.log(self.probabilities([pair, *blanked]).clip(_LEAST))
        first, second = np.argsort(-logits[0], kind="stable")[:2]
        margins = logits[:, first] - logits[:, second]
        classes = self.classes
        moved = []
        for word, margin in zip(words, margins[1:].tolist(), strict=True):
            weight = float(margins[0]) - margin
            moved.append(
                Evidence(word.start, word.end, word.text, classes[first if weight > 0 else second], weight)
            )
        decision = float(margins[0])
        return Explanation(
            classes[first],
            classes[second],
            decision,
            tuple(moved),
            decision - sum(word.weight for word in moved),
        )
