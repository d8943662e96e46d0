"""The learning curve: what more labels of the same kind would bring."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from relations import artifact, gazetteer
from relations.artifact import ArtifactError
from relations.domain import LABELS
from relations.lexicon import Lexicon
from training import analysis, comparison, fit, sources
from training.analysis import Interval
from training.corpus import CorpusError, LabelledSentence, part_of
from training.lexicon_table import compile_lexicon
from training.sources import Sources
from training.split import Split, split

FILE = "learning.json"
SHARES = (10, 20, 40, 70, 100)
MEASURES = ("accuracy", "macro_f1", "kappa")
_FEWEST = 25
"""Sentences: calibration needs some of each label in each of its parts."""


@dataclass(frozen=True, slots=True)
class Point:
    """A fit on a part of the training sentences.

    Attributes
    ----------
    share : int
        Per cent of the sentences that training fits on to be scored.
    sentences, pairs : int
        How many were fitted on.
    scores : dict of str to Interval
        Each of `MEASURES`, on the held-out pairs.
    """

    share: int
    sentences: int
    pairs: int
    scores: dict[str, Interval]


class CurveError(ArtifactError):
    """A learning curve cannot be drawn or read; the text names cause and remedy."""


def draw(folder: Path, labels: Path | Sources, progress: Callable[[int, int], None]) -> bytes:
    """Draw the curve of a version from the labels that it was fitted from, as `dump` writes it.

    Parameters
    ----------
    folder : Path
        A fast tier, as `relations.registry.resolve` finds it.
    labels : Path or Sources
        As of `training.fit.train`.
    progress : callable
        As of `learn`.

    Returns
    -------
    bytes

    Raises
    ------
    CurveError
        If the labels have changed since the version was fitted.
    ArtifactError
        If the model cannot be trusted or opened.
    CorpusError, LexiconError, GazetteerError
        If the labels are bad or too few.
    """
    model, manifest = artifact.load(folder)
    chosen = sources.of(labels)
    if manifest.labels_sha256 != chosen.digest():
        raise CurveError(
            f"{chosen} has changed since {manifest.version} was fitted: train a version from it first"
        )
    sentences, _ = sources.read(chosen, frozenset(gazetteer.load(chosen.gazetteer).countries))
    linear = model.pipeline.named_steps["classifier"].calibrated_classifiers_[0].estimator
    parameters = fit.Parameters(C=linear.C, min_df=model.pipeline.named_steps["features"].min_df)
    points = learn(split(sentences), compile_lexicon(chosen.lexicon), parameters, progress)
    return dump(points, manifest.labels_sha256, parameters)


def learn(
    parts: Split,
    lexicon: Lexicon,
    parameters: fit.Parameters,
    progress: Callable[[int, int], None],
    jobs: int = 2,
) -> list[Point]:
    """Fit the fast tier on growing parts of the labels, each of which holds the ones before.

    A sentence's part, too, is decided by its text alone.

    Parameters
    ----------
    parts : Split
        What is fitted on and what is held out.
    lexicon : Lexicon
        Compiled lexicon.
    parameters : Parameters
        As the model was fitted with.
    progress : callable
        Told after each fit how many sentences have been fitted on, and how many will be.
    jobs : int
        Fits at a time, each in a process of its own.

    Returns
    -------
    list of Point
        The smallest first. A part that is too small, or lacks a label, is left out.

    Raises
    ------
    CorpusError
        If even the whole is too small.
    """
    # Which are held out is decided by the last digit; this takes the next two.
    growing = {share: [one for one in parts.kept if part_of(one, 1000) // 10 < share] for share in SHARES}
    usable = [(share, part) for share, part in growing.items() if _usable(part)]
    if not usable or not parts.tested:
        raise CorpusError(["too few sentences for a learning curve"])
    total = sum(len(part) for _, part in usable)
    done, points = 0, []
    # The largest first, so that they end together.
    tasks = (delayed(_point)(share, part, parts.tested, lexicon, parameters) for share, part in reversed(usable))
    for point in Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks):
        done += point.sentences
        progress(done, total)
        points.append(point)
    return sorted(points, key=lambda point: point.share)


def _usable(part: Sequence[LabelledSentence]) -> bool:
    labels = {one.label for sentence in part for one in sentence.pairs}
    return len(part) >= _FEWEST and labels.issuperset(LABELS)


def _point(
    share: int,
    part: Sequence[LabelledSentence],
    tested: Sequence[LabelledSentence],
    lexicon: Lexicon,
    parameters: fit.Parameters,
) -> Point:
    model = fit.fit(part, lexicon, parameters)
    probabilities = model.probabilities([one.pair for sentence in tested for one in sentence.pairs])
    judged = analysis.sample(comparison.predictions(tested, probabilities.tolist()), model.classes, tested)
    scores = analysis.Scorer(judged).score(judged.all)
    pairs = sum(len(sentence.pairs) for sentence in part)
    return Point(share, len(part), pairs, {name: scores[name] for name in MEASURES})


def dump(points: Sequence[Point], labels_sha256: str, parameters: fit.Parameters) -> bytes:
    """Write a curve as JSON; the same curve gives the same bytes."""
    told = {
        "labels_sha256": labels_sha256,
        "parameters": asdict(parameters),
        "points": [
            {
                "share": point.share,
                "sentences": point.sentences,
                "pairs": point.pairs,
                "scores": {name: score.as_list() for name, score in point.scores.items()},
            }
            for point in points
        ],
    }
    return (json.dumps(told, indent=2) + "\n").encode()


def load(content: bytes) -> list[Point]:
    """Read what `dump` wrote.

    Raises
    ------
    CurveError
        If it is damaged.
    """
    try:
        points: list[dict[str, Any]] = json.loads(content)["points"]
        return [
            Point(
                one["share"],
                one["sentences"],
                one["pairs"],
                {name: Interval(*score) for name, score in one["scores"].items()},
            )
            for one in points
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise CurveError(f"{FILE} is damaged ({error!r}): draw it again by --learning-curve") from None
