"""Scores of probabilities against labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

BINS = 15
"""Bins of confidence, of equal width."""


@dataclass(frozen=True)
class Scores:
    """How well probabilities meet labels.

    Attributes
    ----------
    pairs : int
        How many were scored.
    accuracy, macro_f1, kappa : float
        Of the likeliest label; kappa is Cohen's, 0 where there is but one label.
    stance_accuracy : float or None
        Support against opposition: of the pairs that show either, how many have the likelier of the two right.
    ece : float
        Expected calibration error over 15 bins of equal width.
    per_class : dict
        For each label precision, recall, f1 and support.
    confusion : ndarray of shape (n_classes, n_classes)
        Rows are labels, columns judgements, both in the order of ``classes``.
    classes : list of str
        Labels in the order of the confusion matrix.
    """

    pairs: int
    accuracy: float
    macro_f1: float
    kappa: float
    stance_accuracy: float | None
    ece: float
    per_class: dict[str, dict[str, float]]
    confusion: NDArray[np.int64]
    classes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For a manifest: plain numbers, rounded to four digits."""
        return {
            "pairs": self.pairs,
            "accuracy": round(self.accuracy, 4),
            "macro_f1": round(self.macro_f1, 4),
            "kappa": round(self.kappa, 4),
            "stance_accuracy": None if self.stance_accuracy is None else round(self.stance_accuracy, 4),
            "expected_calibration_error": round(self.ece, 4),
            "per_class": {
                label: {name: round(value, 4) for name, value in values.items()}
                for label, values in self.per_class.items()
            },
            "confusion": self.confusion.tolist(),
        }

    def table(self) -> str:
        """For a reader."""
        lines = [f"{self.pairs} pairs"]
        if self.stance_accuracy is not None:
            lines.append(f"support against opposition   {self.stance_accuracy:.3f}")
        lines += [
            f"accuracy                     {self.accuracy:.3f}",
            f"macro-F1                     {self.macro_f1:.3f}",
            f"Cohen's kappa                {self.kappa:.3f}",
            f"expected calibration error   {self.ece:.3f}",
            "",
            f"{'':12}{'precision':>11}{'recall':>9}{'F1':>8}{'pairs':>8}",
        ]
        lines += [
            f"{label:12}{row['precision']:11.3f}{row['recall']:9.3f}{row['f1']:8.3f}{row['support']:8.0f}"
            for label, row in self.per_class.items()
        ]
        lines += ["", f"{'label / judged':16}" + "".join(f"{label:>12}" for label in self.classes)]
        lines += [
            f"{label:16}" + "".join(f"{count:12d}" for count in row)
            for label, row in zip(self.classes, self.confusion, strict=True)
        ]
        return "\n".join(lines)


def bin_of(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the bin that each probability falls into."""
    bins: NDArray[np.int64] = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return bins


def calibration_error(correct: NDArray[np.bool_], confidence: NDArray[np.float64]) -> float:
    """Expected calibration error: mean distance of accuracy and confidence over 15 bins of equal width.

    Source: Naeini, Cooper and Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    bins = bin_of(confidence)
    return float(
        sum(
            abs(correct[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean()
            for b in np.unique(bins)
        )
    )


def score(labels: Sequence[str], probabilities: NDArray[np.float64], classes: Sequence[str]) -> Scores:
    """Score probabilities.

    Parameters
    ----------
    labels : sequence of str
        The right labels.
    probabilities : ndarray of shape (n_pairs, n_classes)
        Columns in the order of ``classes``.
    classes : sequence of str
        Labels of the columns.

    Returns
    -------
    Scores
    """
    right = np.asarray(labels)
    names = list(classes)
    judged = np.asarray(names)[probabilities.argmax(axis=1)]
    precision, recall, f1, support = precision_recall_fscore_support(
        right, judged, labels=names, zero_division=0.0
    )
    stance = right != "neutrality"
    for_, against = (probabilities[:, names.index(label)] for label in ("support", "opposition"))
    sided = np.where(for_ > against, "support", "opposition")
    return Scores(
        pairs=len(right),
        accuracy=float(accuracy_score(right, judged)),
        macro_f1=float(f1_score(right, judged, labels=names, average="macro", zero_division=0.0)),
        kappa=float(cohen_kappa_score(right, judged)) if len({*right, *judged}) > 1 else 0.0,
        stance_accuracy=float((sided == right)[stance].mean()) if stance.any() else None,
        ece=calibration_error(judged == right, probabilities.max(axis=1)),
        per_class={
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": float(n)}
            for name, p, r, f, n in zip(names, precision, recall, f1, support, strict=True)
        },
        confusion=confusion_matrix(right, judged, labels=names),
        classes=names,
    )
