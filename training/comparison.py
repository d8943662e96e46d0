"""What a training run leaves behind to compare it by, and the comparison of two models.

Every model that is kept is fitted on all sentences, so no sentence is left on which two of them could be compared.
But each training run first fits on nine sentences in ten and judges the tenth. Which those are is decided by the
text alone: a sentence that is held out in two runs was seen by neither of the two first fits. Their judgements of
it are kept beside the models, and two models are compared on the pairs for which both have one. Where a label was
corrected between the runs, the corrected one counts for both.
"""

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from relations.artifact import ArtifactError, Manifest, read_manifest, write
from training.behaviour import Case, KindResult
from training.corpus import LabelledSentence, text_digest
from training.metrics import Scores, score

HELD_OUT_FILE = "held_out.jsonl.gz"
BEHAVIOUR_FILE = "behaviour.jsonl.gz"
MARGIN = 0.02
"""Share of the common behaviour cases by which a new model may pass fewer than the served one."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model judged of one pair of a sentence that it had not seen.

    Attributes
    ----------
    sentence : str
        Digest of the sentence's text.
    source, target : str
        Who is judged towards whom.
    label : str
        The right label.
    probabilities : list of float
        In the order of the manifest's classes.
    """

    sentence: str
    source: str
    target: str
    label: str
    probabilities: list[float]

    @property
    def pair(self) -> tuple[str, str, str]:
        """The same in every run for the same pair of the same sentence."""
        return self.sentence, self.source, self.target


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a model passed a behaviour case; ``text`` and ``expected`` make the case."""

    kind: str
    text: str
    expected: str
    passed: bool


def predictions(
    sentences: Sequence[LabelledSentence], probabilities: Iterable[Sequence[float]]
) -> list[Prediction]:
    """Join sentences with the probabilities of their pairs, one row a pair, in order."""
    pairs = [(sentence, one) for sentence in sentences for one in sentence.pairs]
    return [
        Prediction(
            text_digest(sentence.text),
            one.pair.source,
            one.pair.target,
            one.label,
            [round(float(value), 6) for value in row],
        )
        for (sentence, one), row in zip(pairs, probabilities, strict=True)
    ]


def outcomes(cases: Sequence[Case], results: Sequence[KindResult]) -> list[Outcome]:
    """Say of each case whether it was passed."""
    failed = {failure.case.sentence.place for result in results for failure in result.failures}
    return [
        Outcome(
            case.kind,
            case.sentence.text,
            "; ".join(f"{source}>{target} {label}" for (source, target), label in sorted(case.expected.items())),
            case.sentence.place not in failed,
        )
        for case in cases
    ]


def save(folder: Path, predicted: Sequence[Prediction], behaved: Sequence[Outcome]) -> None:
    """Write both beside a model; the same rows give the same bytes."""
    files: tuple[tuple[str, Sequence[Prediction | Outcome]], ...] = (
        (HELD_OUT_FILE, predicted),
        (BEHAVIOUR_FILE, behaved),
    )
    for name, rows in files:
        lines = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
        write(folder / name, gzip.compress(lines.encode(), mtime=0))


@dataclass(frozen=True, slots=True)
class _Record:
    """What is known of one model."""

    manifest: Manifest
    predicted: dict[tuple[str, str, str], Prediction]
    behaved: dict[tuple[str, str], Outcome]


def _record(folder: Path) -> _Record:
    try:
        predicted = [Prediction(**row) for row in _rows(folder / HELD_OUT_FILE)]
        behaved = [Outcome(**row) for row in _rows(folder / BEHAVIOUR_FILE)]
    except (OSError, EOFError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"what is known of the model in {folder} cannot be read ({error}): train it again to compare it"
        ) from None
    return _Record(
        read_manifest(folder),
        {one.pair: one for one in predicted},
        {(one.text, one.expected): one for one in behaved},
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def judged(folder: Path) -> dict[tuple[str, str, str], list[float]]:
    """What a training run kept of the held-out pairs: probabilities by `Prediction.pair`.

    Raises
    ------
    ArtifactError
        If it is missing or damaged.
    """
    return {pair: one.probabilities for pair, one in _record(folder).predicted.items()}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on what both have judged.

    Attributes
    ----------
    scores : tuple of (Scores, Scores)
        On the common held-out pairs.
    only_first, only_second : int
        How many of those pairs only the first or only the second has right.
    p_value : float
        Of McNemar's exact test: how often models that are equally good would differ so much. It takes the pairs
        of a sentence for independent, which makes it somewhat too small.
    passed : tuple of (int, int)
        How many of the common behaviour cases each passes.
    cases : int
        How many there are.
    lost, gained : tuple of Outcome
        Cases that only the first passes, and those that only the second passes.
    """

    scores: tuple[Scores, Scores]
    only_first: int
    only_second: int
    p_value: float
    passed: tuple[int, int]
    cases: int
    lost: tuple[Outcome, ...]
    gained: tuple[Outcome, ...]

    def objections(self) -> list[str]:
        """Why the second must not take the first's place, a line each; empty where it may."""
        found = []
        old, new = (one.macro_f1 for one in self.scores)
        if new < old:
            found.append(
                f"macro-F1 falls from {old:.4f} to {new:.4f} on {self.scores[0].pairs:,} common held-out pairs "
                f"(McNemar's p {self.p_value:.3g})"
            )
        before, after = self.passed
        if before - after > MARGIN * self.cases:
            found.append(
                f"of {self.cases} common behaviour cases it passes {after} instead of {before}; among those lost: "
                + " | ".join(f"{one.kind}: {one.text}" for one in self.lost[:3])
            )
        return found

    def table(self, names: tuple[str, str]) -> str:
        """For a reader."""
        first, second = self.scores
        width = max(12, *(len(name) + 2 for name in names))
        rows = [
            ("", *names),
            ("accuracy", _shown(first.accuracy), _shown(second.accuracy)),
            ("macro-F1", _shown(first.macro_f1), _shown(second.macro_f1)),
            ("Cohen's kappa", _shown(first.kappa), _shown(second.kappa)),
            ("support against opposition", _shown(first.stance_accuracy), _shown(second.stance_accuracy)),
            ("expected calibration error", _shown(first.ece), _shown(second.ece)),
            ("pairs that only it has right", str(self.only_first), str(self.only_second)),
            (f"passed of {self.cases} behaviour cases", *map(str, self.passed)),
        ]
        return "\n".join(
            [
                f"{first.pairs:,} held-out pairs and {self.cases} behaviour cases in common",
                *(f"{name:32}{one:>{width}}{other:>{width}}" for name, one, other in rows),
                f"McNemar's exact p {self.p_value:.4g}",
            ]
        )


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def compare(first: Path, second: Path) -> Comparison:
    """Compare the models of two tier folders.

    Parameters
    ----------
    first, second : Path
        Folders with a manifest and what `save` wrote.

    Returns
    -------
    Comparison

    Raises
    ------
    ArtifactError
        If the files are missing or damaged, or the two have no held-out pair in common.

    References
    ----------
    McNemar (1947), "Note on the sampling error of the difference between correlated proportions or percentages".
    """
    records = _record(first), _record(second)
    newer = max(records, key=lambda one: one.manifest.trained_at)
    pairs = sorted(records[0].predicted.keys() & records[1].predicted.keys())
    if not pairs:
        raise ArtifactError(f"{first} and {second} have no held-out pair in common: their labels differ too much")
    labels = [newer.predicted[pair].label for pair in pairs]
    chances = [np.array([record.predicted[pair].probabilities for pair in pairs]) for record in records]
    classes = [record.manifest.classes for record in records]
    right = [np.array(names)[rows.argmax(axis=1)] == labels for names, rows in zip(classes, chances, strict=True)]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    discordant = only_first + only_second
    cases = records[0].behaved.keys() & records[1].behaved.keys()
    passed = [sum(record.behaved[case].passed for case in cases) for record in records]
    return Comparison(
        scores=(score(labels, chances[0], classes[0]), score(labels, chances[1], classes[1])),
        only_first=only_first,
        only_second=only_second,
        p_value=float(binomtest(only_first, discordant).pvalue) if discordant else 1.0,
        passed=(passed[0], passed[1]),
        cases=len(cases),
        lost=_only(*records),
        gained=_only(*reversed(records)),
    )


def _only(one: _Record, other: _Record) -> tuple[Outcome, ...]:
    """The common cases that one model passes and the other does not."""
    return tuple(
        outcome
        for case, outcome in one.behaved.items()
        if outcome.passed and case in other.behaved and not other.behaved[case].passed
    )
