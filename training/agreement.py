"""How far two annotators agree."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from relations.domain import LABELS
from training.corpus import CorpusError, LabelledSentence, scan

_Pair = tuple[str, str, str]
"""Text, source and target."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A pair that two annotators label differently."""

    text: str
    source: str
    target: str
    first: str
    second: str


@dataclass(frozen=True)
class Agreement:
    """Result of `compare`.

    Attributes
    ----------
    pairs : int
        That both have.
    percent : float
        Share of equal labels, from 0 to 1.
    kappa : float or None
        Cohen's; None where both use one label throughout.
    alpha : float or None
        Krippendorff's for nominal data; None where only one label is used.
    per_label : dict of str to (float or None)
        Specific agreement: twice the pairs that both give the label, by all that either gives it.
    confusion : ndarray of shape (n_labels, n_labels)
        Rows are the first annotator's labels, in the order of `LABELS`.
    disputes : list of Dispute
        In the order of the first file.
    unmatched : tuple of list
        Pairs that only the first has, and that only the second has.
    """

    pairs: int
    percent: float
    kappa: float | None
    alpha: float | None
    per_label: dict[str, float | None]
    confusion: NDArray[np.int64]
    disputes: list[Dispute]
    unmatched: tuple[list[_Pair], list[_Pair]]

    def as_dict(self) -> dict[str, Any]:
        """For programs; numbers are rounded to four digits."""
        only = [
            [{"text": text, "source": source, "target": target} for text, source, target in pairs]
            for pairs in self.unmatched
        ]
        return {
            "pairs": self.pairs,
            "agreement": round(self.percent, 4),
            "cohen_kappa": _rounded(self.kappa),
            "krippendorff_alpha": _rounded(self.alpha),
            "per_label": {label: _rounded(value) for label, value in self.per_label.items()},
            "labels": list(LABELS),
            "confusion": self.confusion.tolist(),
            "disputes": [
                {name: getattr(one, name) for name in ("text", "source", "target", "first", "second")}
                for one in self.disputes
            ],
            "only_first": only[0],
            "only_second": only[1],
        }

    def table(self) -> str:
        """For a reader."""
        lines = [
            f"{self.pairs:,} pairs that both have",
            f"agreement             {self.percent:.3f}",
            f"Cohen's kappa         {_shown(self.kappa)}",
            f"Krippendorff's alpha  {_shown(self.alpha)}",
            "",
            f"{'first / second':16}" + "".join(f"{label:>12}" for label in LABELS) + f"{'agreement':>12}",
        ]
        lines += [
            f"{label:16}" + "".join(f"{count:12,}" for count in row) + f"{_shown(self.per_label[label]):>12}"
            for label, row in zip(LABELS, self.confusion.tolist(), strict=True)
        ]
        if self.disputes:
            lines += ["", f"{len(self.disputes):,} disputed:"]
        text = None
        for one in self.disputes:
            if one.text != text:
                text = one.text
                lines.append(f"  {text}")
            lines.append(f"    {one.source} → {one.target}  {one.first} / {one.second}")
        for which, pairs in zip(("first", "second"), self.unmatched, strict=True):
            if pairs:
                lines += ["", f"{len(pairs):,} pairs that only the {which} has:"]
                lines += [f"  {source} → {target}  {text}" for text, source, target in pairs]
        return "\n".join(lines)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def read(path: Path, countries: frozenset[str]) -> list[LabelledSentence]:
    """Read one annotator's rows.

    Raises
    ------
    CorpusError
        If a row is bad, or there is none.
    """
    sentences, problems = scan([path], countries)
    if problems or not sentences:
        raise CorpusError(problems or [f"{path}: no labelled sentence"])
    return sentences


def compare(first: Sequence[LabelledSentence], second: Sequence[LabelledSentence]) -> Agreement:
    """Compare two annotators' labels, matched by text and pair.

    Raises
    ------
    ValueError
        If they have no pair in common.
    """
    ours, theirs = _labels(first), _labels(second)
    common = [pair for pair in ours if pair in theirs]
    if not common:
        raise ValueError("the two have no sentence and pair in common: the texts must be the same to the letter")
    labels = [(ours[pair], theirs[pair]) for pair in common]
    confusion = confusion_matrix(*zip(*labels, strict=True), labels=list(LABELS))
    given = confusion.sum(axis=0) + confusion.sum(axis=1)
    return Agreement(
        pairs=len(common),
        percent=sum(one == other for one, other in labels) / len(common),
        kappa=cohen_kappa(confusion),
        alpha=krippendorff_alpha(labels),
        per_label={
            label: 2 * int(confusion[index, index]) / int(given[index]) if given[index] else None
            for index, label in enumerate(LABELS)
        },
        confusion=confusion,
        disputes=[Dispute(*pair, ours[pair], theirs[pair]) for pair in common if ours[pair] != theirs[pair]],
        unmatched=([pair for pair in ours if pair not in theirs], [pair for pair in theirs if pair not in ours]),
    )


def _labels(sentences: Sequence[LabelledSentence]) -> dict[_Pair, str]:
    return {
        (sentence.text, one.pair.source, one.pair.target): one.label
        for sentence in sentences
        for one in sentence.pairs
    }


def cohen_kappa(confusion: NDArray[np.int64]) -> float | None:
    """Cohen's kappa of a table of counts; None where chance alone would agree always.

    Source: Cohen (1960), "A coefficient of agreement for nominal scales".
    """
    total = int(confusion.sum())
    chance = int(confusion.sum(axis=0) @ confusion.sum(axis=1))
    if chance == total**2:
        return None
    return (total * int(np.trace(confusion)) - chance) / (total**2 - chance)


def krippendorff_alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for nominal data.

    Parameters
    ----------
    units : sequence of sequence
        The labels that each unit was given, by however many annotators; a unit with fewer than two counts nothing.

    Returns
    -------
    float or None
        1 - observed / expected disagreement; None where only one label occurs.

    Source: Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability".
    """
    values: Counter[Hashable] = Counter()
    observed = 0.0
    for unit in units:
        counts = Counter(unit)
        size = counts.total()
        if size > 1:
            values.update(counts)
            observed += (size**2 - sum(count**2 for count in counts.values())) / (size - 1)
    total = values.total()
    expected = total**2 - sum(count**2 for count in values.values())
    return None if not expected else 1 - (total - 1) * observed / expected
