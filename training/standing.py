"""The new model beside the one that is served, on held-out sentences that neither has seen, folder by folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from relations import artifact
from relations.artifact import read_manifest
from relations.registry import served, tiers
from training import comparison
from training.corpus import LabelledSentence, text_digest
from training.metrics import Scores, score

ALL = ""
"""Name of what is told of all folders together."""
_MEASURES = (("accuracy", "accuracy"), ("macro-F1", "macro_f1"), ("kappa", "kappa"))


@dataclass(frozen=True, slots=True)
class Judge:
    """A model with what it thinks of some pairs.

    Attributes
    ----------
    version, sha256 : str
        Which model; of one that has no name yet empty.
    classes : sequence of str
        Labels of the columns.
    probabilities : ndarray of shape (n_pairs, n_classes)
        NaN where the model cannot be asked without its having seen the sentence.
    """

    version: str
    sha256: str
    classes: Sequence[str]
    probabilities: NDArray[np.float64]


def served_judge(root: Path, tier: str, tested: Sequence[LabelledSentence]) -> Judge | None:
    """Ask the served version what it thinks of held-out sentences, as one that has not seen them.

    Of those that it held out itself it is fitted on, but its training run kept what its first fit thought of them.
    A held-out sentence that its run did not know was not among its labels: the model itself is asked. (It may know
    a near-duplicate, which is in its favour.)

    Parameters
    ----------
    root : Path
        Holds the versions.
    tier : str
        Which tier.
    tested : sequence of LabelledSentence
        Held out all.

    Returns
    -------
    Judge or None
        None where no version is served, or the served one has no such tier.

    Raises
    ------
    ArtifactError
        If it cannot be read.
    """
    now = served(root)
    if now is None or tier not in tiers(root, now):
        return None
    folder = root / now / tier
    manifest = read_manifest(folder)
    known = comparison.judged(folder)
    held = {sentence for sentence, _, _ in known}
    digests = [text_digest(sentence.text) for sentence in tested]
    pairs = [
        (digest, one.pair) for digest, sentence in zip(digests, tested, strict=True) for one in sentence.pairs
    ]
    found = np.full((len(pairs), len(manifest.classes)), np.nan)
    for row, (digest, pair) in enumerate(pairs):
        found[row] = known.get((digest, pair.source, pair.target), np.nan)
    new = [row for row, (digest, _) in enumerate(pairs) if digest not in held]
    if new:
        model, _ = artifact.load(folder)
        found[new] = model.probabilities([pairs[row][1] for row in new])
    return Judge(now, manifest.sha256, manifest.classes, found)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the new model and the served one do on the held-out sentences of a folder.

    Attributes
    ----------
    name : str
        Of the folder, or `ALL`.
    sentences : int
        Held-out sentences.
    new, served : Scores or None
        On the same pairs; None where there is none, or no served model.
    p_value : float or None
        Of McNemar's exact test, which takes the pairs of a sentence for independent.
    """

    name: str
    sentences: int
    new: Scores | None
    served: Scores | None
    p_value: float | None

    def as_dict(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "sentences": self.sentences,
            "new": self.new and self.new.as_dict(),
            "served": self.served and self.served.as_dict(),
            "p_value": self.p_value and float(f"{self.p_value:.4g}"),
        }


def compare(
    tested: Sequence[LabelledSentence], new: Judge, old: Judge | None, folders: Sequence[str]
) -> list[Standing]:
    """Score both models on all held-out sentences and on those of each folder.

    Parameters
    ----------
    tested : sequence of LabelledSentence
        Held-out sentences, in the order of the judges' rows.
    new : Judge
        The new model's first fit.
    old : Judge or None
        The served model.
    folders : sequence of str
        Names; with a single one there is nothing to tell apart, and only `ALL` comes back.

    Returns
    -------
    list of Standing
        `ALL` first.
    """
    labels = np.array([one.label for sentence in tested for one in sentence.pairs])
    owners = np.array([sentence.folder for sentence in tested for _ in sentence.pairs])
    asked = np.ones(len(labels), dtype=bool)
    if old is not None:
        asked &= ~np.isnan(old.probabilities).any(axis=1)
    found = []
    for name in (ALL, *(folders if len(folders) > 1 else ())):
        rows = asked & np.isin(owners, name) if name != ALL else asked
        count = sum(name in {ALL, sentence.folder} for sentence in tested)
        if not rows.any():
            found.append(Standing(name, count, None, None, None))
            continue
        scores, right = zip(*(_scored(one, rows, labels) for one in (new, old) if one), strict=True)
        only = [int((right[0] & ~other).sum()) for other in right[1:]] + [
            int((~right[0] & other).sum()) for other in right[1:]
        ]
        p_value = None if old is None else float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
        found.append(Standing(name, count, scores[0], scores[1] if old else None, p_value))
    return found


def _scored(one: Judge, rows: NDArray[np.bool_], labels: NDArray[np.str_]) -> tuple[Scores, NDArray[np.bool_]]:
    chances = one.probabilities[rows]
    right = np.asarray(one.classes)[chances.argmax(axis=1)] == labels[rows]
    return score(labels[rows].tolist(), chances, one.classes), right


def table(standings: Sequence[Standing], weights: Mapping[str, float], version: str | None) -> str:
    """For a reader."""
    width = max(10, *(len(one.name) for one in standings))
    both = "".join(f"{name:>18}" for name, _ in _MEASURES)
    sides = "".join(f"{'served':>10}{'new':>8}" for _ in _MEASURES)
    lines = [
        f"{'held-out':{width}}{'weight':>8}{'sentences':>11}{'pairs':>8}{both}{'p':>8}",
        f"{'':{width + 27}}{sides}",
    ]
    for one in standings:
        weight = f"{weights[one.name]:g}" if one.name in weights else ""
        line = f"{one.name or 'all':{width}}{weight:>8}{one.sentences:11,}{one.new.pairs if one.new else 0:8,}"
        for _, measure in _MEASURES:
            for scores, room in ((one.served, 10), (one.new, 8)):
                line += f"{f'{getattr(scores, measure):.4f}' if scores else '–':>{room}}"
        lines.append(f"{line}{'–' if one.p_value is None else f'{one.p_value:.3g}':>8}")
    served_is = f"served: {version}, " if version else "no version is served; "
    lines.append(f"{served_is}p: McNemar's exact test")
    return "\n".join(lines)
