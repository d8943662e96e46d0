"""Where a model is right and how sure that is: scores with intervals, overall and by slices of held-out pairs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relations.domain import Pair
from relations.gazetteer import Country
from training.comparison import Prediction
from training.corpus import LabelledPair, LabelledSentence, text_digest
from training.metrics import BINS, bin_of

RESAMPLES = 1000
SEED = 20_040_601
THRESHOLDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
OTHER_ACTORS = "other actors"
_LEVEL = (2.5, 97.5)
"""Percentiles of the resamples between which an interval lies."""
_LENGTHS = (10, 15, 20, 25, 30)
_MOST_COUNTRIES = 6

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its 95 % interval; all three are None where there is nothing to score."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        return f"{self.value:.3f}" if self.low is None else f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def as_list(self) -> list[float | None]:
        """For JSON: rounded to four digits."""
        return [None if one is None else round(one, 4) for one in (self.value, self.low, self.high)]


@dataclass(frozen=True)
class Sample:
    """Held-out pairs as arrays, a row a pair.

    Attributes
    ----------
    predicted : list of Prediction
        As they were kept beside the model.
    known : list of (LabelledSentence, LabelledPair) or None
        What the labels say of each pair now; None where its sentence is no longer among them.
    sentence : ndarray of int
        Number of the pair's sentence, from 0.
    right, judged : ndarray of int
        Column of the right label and of the likeliest.
    probabilities : ndarray of shape (n_pairs, n_classes)
        Columns in the order of ``classes``.
    classes : list of str
        Labels of the columns.
    """

    predicted: list[Prediction]
    known: list[tuple[LabelledSentence, LabelledPair] | None]
    sentence: NDArray[np.int64]
    right: NDArray[np.int64]
    judged: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    classes: list[str]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the likeliest label."""
        highest: NDArray[np.float64] = self.probabilities.max(axis=1)
        return highest

    @property
    def all(self) -> Mask:
        """The slice that holds every pair."""
        return np.ones(len(self.predicted), dtype=bool)


def sample(
    predicted: Sequence[Prediction], classes: Sequence[str], sentences: Iterable[LabelledSentence]
) -> Sample:
    """Join what a model judged with what the labels say.

    Parameters
    ----------
    predicted : sequence of Prediction
        Held-out pairs, at least one.
    classes : sequence of str
        Labels of their probabilities.
    sentences : iterable of LabelledSentence
        The labels; they may have changed since.

    Returns
    -------
    Sample
    """
    found = {
        (text_digest(sentence.text), one.pair.source, one.pair.target): (sentence, one)
        for sentence in sentences
        for one in sentence.pairs
    }
    names = list(classes)
    numbers = {digest: number for number, digest in enumerate(dict.fromkeys(one.sentence for one in predicted))}
    probabilities = np.array([one.probabilities for one in predicted])
    return Sample(
        list(predicted),
        [found.get(one.pair) for one in predicted],
        np.array([numbers[one.sentence] for one in predicted]),
        np.array([names.index(one.label) for one in predicted]),
        probabilities.argmax(axis=1),
        probabilities,
        names,
    )


class Scorer:
    """Scores slices of a sample, with intervals by the bootstrap over sentences.

    The pairs of a sentence are not independent, so whole sentences are drawn again. All slices are scored on the
    same draws.

    Parameters
    ----------
    pairs : Sample
        What is scored.

    References
    ----------
    Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13: percentile intervals.
    """

    def __init__(self, pairs: Sample) -> None:
        self.pairs = pairs
        self._sentences = int(pairs.sentence.max()) + 1
        drawn = np.random.default_rng(SEED).multinomial(
            self._sentences, np.full(self._sentences, 1 / self._sentences), size=RESAMPLES
        )
        # The first row is the sample itself.
        self._weights = np.vstack([np.ones(self._sentences), drawn.astype(np.float64)])

    def score(self, chosen: Mask) -> dict[str, Interval]:
        """Score a slice.

        Parameters
        ----------
        chosen : ndarray of bool
            Which pairs belong to it.

        Returns
        -------
        dict of str to Interval
            accuracy, macro_f1, kappa, stance_accuracy and expected_calibration_error as in
            `training.metrics.score`; stance_precision (of the pairs judged support or opposition, how many are)
            and stance_recall (of those that are, how many are found with the right side); and precision, recall
            and f1 of each label as ``f1.support``. f1, macro_f1 and kappa are
            left open where the slice lacks the label, or any.
        """
        confusion = self._confusion(chosen)
        bins = self._bins(chosen)
        names = self.pairs.classes
        stances = [column for column, name in enumerate(names) if name != "neutrality"]
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        judged, right = confusion.sum(axis=1), confusion.sum(axis=2)
        total = confusion.sum(axis=(1, 2))
        f1 = _share(2 * hits, judged + right)
        expected = _share((judged * right).sum(axis=1), total * total)
        stance_hits = hits[:, stances].sum(axis=1)
        # Of a slice that lacks a label these two could not be compared with those of others.
        lacking = np.nan if (right[0] == 0).any() else 0.0
        accuracy = _share(hits.sum(axis=1), total)
        found = {
            "accuracy": accuracy,
            "macro_f1": np.nan_to_num(f1).mean(axis=1) + lacking,
            "kappa": np.nan_to_num(_share(accuracy - expected, 1 - expected)) + lacking,
            "stance_accuracy": self._stance_accuracy(chosen),
            "expected_calibration_error": np.abs(bins[..., 1] - bins[..., 2]).sum(axis=1) / np.maximum(total, 1),
            "stance_precision": _share(stance_hits, judged[:, stances].sum(axis=1)),
            "stance_recall": _share(stance_hits, right[:, stances].sum(axis=1)),
        }
        for column, name in enumerate(names):
            found[f"precision.{name}"] = _share(hits[:, column], judged[:, column])
            found[f"recall.{name}"] = _share(hits[:, column], right[:, column])
            found[f"f1.{name}"] = f1[:, column] + (0.0 if right[0, column] else np.nan)
        return {name: _interval(values) for name, values in found.items()}

    def reliability(self) -> list[tuple[int, float, Interval]]:
        """Pairs, mean confidence and accuracy of each bin of confidence that is not empty."""
        bins = self._bins(self.pairs.all)
        return [
            (
                int(bins[0, number, 0]),
                float(bins[0, number, 2] / bins[0, number, 0]),
                _interval(_share(bins[:, number, 1], bins[:, number, 0])),
            )
            for number in np.flatnonzero(bins[0, :, 0]).tolist()
        ]

    def _confusion(self, chosen: Mask) -> NDArray[np.float64]:
        """Draws by right label by judged label."""
        size = len(self.pairs.classes)
        cells = self._sum(self.pairs.right * size + self.pairs.judged, chosen, np.ones(len(chosen)), size * size)
        shaped: NDArray[np.float64] = cells.reshape(-1, size, size)
        return shaped

    def _bins(self, chosen: Mask) -> NDArray[np.float64]:
        """Draws by bin of confidence by number, hits and sum of confidences."""
        confidence = self.pairs.confidence
        numbers = bin_of(confidence)
        hits = (self.pairs.right == self.pairs.judged).astype(np.float64)
        return np.stack(
            [self._sum(numbers, chosen, values, BINS) for values in (np.ones(len(chosen)), hits, confidence)],
            axis=2,
        )

    def _stance_accuracy(self, chosen: Mask) -> NDArray[np.float64]:
        names = self.pairs.classes
        support, opposition = names.index("support"), names.index("opposition")
        pairs = self.pairs
        likelier = np.where(
            pairs.probabilities[:, support] > pairs.probabilities[:, opposition], support, opposition
        )
        stance = chosen & (pairs.right != names.index("neutrality"))
        sums = self._sum((likelier == pairs.right).astype(int), stance, np.ones(len(chosen)), 2)
        return _share(sums[:, 1], sums.sum(axis=1))

    def _sum(
        self, cells: NDArray[np.int64], chosen: Mask, values: NDArray[np.float64], size: int
    ) -> NDArray[np.float64]:
        """Sums of values by draw and cell."""
        places = (self.pairs.sentence * size + cells)[chosen]
        by_sentence = np.bincount(places, values[chosen], self._sentences * size).reshape(-1, size)
        sums: NDArray[np.float64] = self._weights @ by_sentence
        return sums


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient; NaN where there is nothing to divide by."""
    quotient = np.full(part.shape, np.nan)
    np.divide(part, whole, out=quotient, where=whole != 0)
    return quotient


def _interval(values: NDArray[np.float64]) -> Interval:
    """Value of the sample, and percentiles of those draws that have one."""
    value, drawn = values[0], values[1:]
    if np.isnan(value):
        return Interval(None, None, None)
    low, high = np.percentile(drawn[~np.isnan(drawn)], _LEVEL)
    return Interval(float(value), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the held-out pairs with its scores."""

    name: str
    sentences: int
    pairs: int
    scores: Mapping[str, Interval]


def slices(scorer: Scorer, countries: Mapping[str, Country]) -> dict[str, list[Slice]]:
    """Score by event type, region, sentence length, number of countries, corpus file and, of several, folder.

    Parameters
    ----------
    scorer : Scorer
        Holds the pairs.
    countries : mapping of str to Country
        The gazetteer's; other actors are a region of their own.

    Returns
    -------
    dict of str to list of Slice
        By name of the factor. Where a factor needs what only the labels know, pairs that they no longer hold are
        left out. A pair counts in the region of its source and in that of its target.
    """
    pairs = scorer.pairs
    regions = [
        {countries[code].region if code in countries else OTHER_ACTORS for code in (one.source, one.target)}
        for one in pairs.predicted
    ]
    actors: dict[str, set[str]] = {}
    for one in pairs.predicted:
        actors.setdefault(one.sentence, set()).update((one.source, one.target))
    factors: dict[str, list[set[str]]] = {
        "event type": _of_known(pairs, lambda _, one: one.event or "none"),
        "region": regions,
        "regions of the pair": [{"within one region" if len(one) == 1 else "across regions"} for one in regions],
        "words in the sentence": _of_known(pairs, lambda sentence, _: _length(sentence.text)),
        "countries in the sentence": [{_crowd(len(actors[one.sentence]))} for one in pairs.predicted],
        "corpus file": _of_known(pairs, lambda sentence, _: sentence.slice),
    }
    if len({known[0].folder for known in pairs.known if known}) > 1:
        factors["labels folder"] = _of_known(pairs, lambda sentence, _: sentence.folder)
    return {factor: _slices(scorer, values) for factor, values in factors.items()}


def _of_known(pairs: Sample, value: Callable[[LabelledSentence, LabelledPair], str]) -> list[set[str]]:
    return [{value(*one)} if one else set() for one in pairs.known]


def _length(text: str) -> str:
    words = len(text.split())
    for low, high in zip((0, *_LENGTHS), _LENGTHS, strict=False):
        if words <= high:
            return f"{low + 1:2}–{high}"
    return f"{_LENGTHS[-1] + 1} and more"


def _crowd(actors: int) -> str:
    return f"{actors}" if actors < _MOST_COUNTRIES else f"{_MOST_COUNTRIES} and more"


def _slices(scorer: Scorer, values: Sequence[set[str]]) -> list[Slice]:
    found = []
    for name in sorted(set().union(*values)):
        chosen = np.array([name in one for one in values])
        sentences = len(np.unique(scorer.pairs.sentence[chosen]))
        found.append(Slice(name.strip(), sentences, int(chosen.sum()), scorer.score(chosen)))
    return found


@dataclass(frozen=True, slots=True)
class Coverage:
    """What remains when pairs below a probability are left without a label."""

    threshold: float
    share: float
    scores: Mapping[str, Interval]
    stances: Interval


def coverage(scorer: Scorer) -> list[Coverage]:
    """Trade coverage for accuracy: a row for each of `THRESHOLDS` that leaves any pair.

    ``stances`` is the share of all pairs with a stance that is still found, with the right side.
    """
    pairs = scorer.pairs
    stance = pairs.right != pairs.classes.index("neutrality")
    rows = []
    for threshold in THRESHOLDS:
        kept = pairs.confidence >= threshold
        if not kept.any():
            break
        found = kept & stance & (pairs.right == pairs.judged)
        share = float(found.sum() / stance.sum()) if stance.any() else None
        rows.append(Coverage(threshold, float(kept.mean()), scorer.score(kept), Interval(share, None, None)))
    return rows


def coverage_curve(pairs: Sample, points: int = 200) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coverage and accuracy at every so-manieth pair, the surest first."""
    order = np.argsort(-pairs.confidence, kind="stable")
    hits = (pairs.right == pairs.judged)[order]
    # The accuracy of a handful is noise.
    first = min(len(hits), max(20, len(hits) // 100))
    places = np.unique(np.linspace(first, len(hits), points).astype(int))
    return places / len(hits), np.cumsum(hits)[places - 1] / places


@dataclass(frozen=True, slots=True)
class Mistake:
    """A pair that was judged wrong; ``known`` is its sentence and pair."""

    prediction: Prediction
    judged: str
    confidence: float
    sentence: LabelledSentence
    event: str | None
    pair: Pair


def worst(pairs: Sample, count: int = 40) -> list[Mistake]:
    """The wrong judgements that were surest, of sentences that the labels still hold; one of each sentence."""
    wrong = np.flatnonzero(pairs.right != pairs.judged)
    order = wrong[np.argsort(-pairs.confidence[wrong], kind="stable")]
    found: dict[str, Mistake] = {}
    for row in order.tolist():
        known, one = pairs.known[row], pairs.predicted[row]
        if known is not None and one.sentence not in found:
            judged = pairs.classes[int(pairs.judged[row])]
            found[one.sentence] = Mistake(
                one, judged, float(pairs.confidence[row]), known[0], known[1].event, known[1].pair
            )
            if len(found) == count:
                break
    return list(found.values())
