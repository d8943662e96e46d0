"""Fit the model from labels and write it with its manifest."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from relations import gazetteer
from relations.artifact import Manifest, current_versions, dump, save
from relations.classifier import Model
from relations.domain import LABELS
from relations.features import PairFeatures
from relations.lexicon import Lexicon
from training import behaviour
from training.corpus import CorpusError, LabelledSentence, digest, held_out, part_of, read
from training.lexicon_table import compile_lexicon
from training.metrics import Scores, score

CALIBRATION_FOLDS = 3
MAX_ITERATIONS = 2000


@dataclass(frozen=True, slots=True)
class Parameters:
    """What can be chosen in a fit.

    Attributes
    ----------
    C : float
        Inverse strength of the L2 penalty.
    min_df : int
        A feature that fewer training pairs have is dropped.
    """

    C: float = 1.5
    min_df: int = 3


def fit(sentences: Sequence[LabelledSentence], lexicon: Lexicon, parameters: Parameters) -> Model:
    """Fit features, classifier and calibration.

    The temperature is found on cross-fitted decisions: each sentence is judged by a classifier that has not
    seen it.

    Parameters
    ----------
    sentences : sequence of LabelledSentence
        Training data.
    lexicon : Lexicon
        Compiled lexicon.
    parameters : Parameters
        What can be chosen.

    Returns
    -------
    Model
    """
    pairs = [labelled.pair for sentence in sentences for labelled in sentence.pairs]
    labels = np.array([labelled.label for sentence in sentences for labelled in sentence.pairs])
    parts = np.array([part_of(sentence, CALIBRATION_FOLDS) for sentence in sentences for _ in sentence.pairs])
    features = PairFeatures(lexicon, min_df=parameters.min_df).fit(pairs)
    classifier = CalibratedClassifierCV(
        LogisticRegression(C=parameters.C, max_iter=MAX_ITERATIONS),
        method="temperature",
        cv=_folds(parts),
        ensemble=False,
        n_jobs=1,
    )
    # In one thread: how BLAS divides a sum among several decides its last bits.
    with threadpool_limits(1):
        classifier.fit(features.transform(pairs), labels)
    return Model(Pipeline([("features", features), ("classifier", classifier)]))


def _folds(parts: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    return [(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in np.unique(parts)]


def evaluate(model: Model, sentences: Sequence[LabelledSentence]) -> Scores:
    """Score a model on labelled sentences."""
    pairs = [labelled for sentence in sentences for labelled in sentence.pairs]
    probabilities = model.probabilities([labelled.pair for labelled in pairs])
    return score([labelled.label for labelled in pairs], probabilities, model.classes)


def train(
    labels: Path, folder: Path, parameters: Parameters, say: Callable[[str], None]
) -> tuple[Manifest, Scores]:
    """Train from a labels folder into an artifact folder.

    One sentence in ten is held out, chosen by its text alone. A first fit on the others is scored on them; the
    model that is written is fitted on all.

    Parameters
    ----------
    labels : Path
        Holds lexicon.tsv, corpus/ and gazetteer/.
    folder : Path
        Where model.joblib and manifest.json go.
    parameters : Parameters
        What can be chosen.
    say : callable
        Told in a line what happens.

    Returns
    -------
    manifest : Manifest
    scores : Scores
        On the held-out sentences.

    Raises
    ------
    CorpusError, LexiconError, GazetteerError
        If labelled data is bad; nothing is written then.
    """
    say("reading and checking labels")
    known = gazetteer.load(labels / "gazetteer")
    sentences = read(labels, frozenset(known.countries))
    lexicon = compile_lexicon(labels / "lexicon.tsv")
    kept = [sentence for sentence in sentences if not held_out(sentence)]
    tested = [sentence for sentence in sentences if held_out(sentence)]
    if not kept or not tested:
        raise CorpusError([f"{labels}: too few sentences to hold one in ten out"])
    lacking = set(LABELS) - {labelled.label for sentence in kept for labelled in sentence.pairs}
    if lacking:
        raise CorpusError([f"{labels}: too few sentences: no pair to fit on is {', '.join(sorted(lacking))}"])
    say(f"fitting on {len(kept):,} sentences to score {len(tested):,} held out")
    scores = evaluate(fit(kept, lexicon, parameters), tested)
    say(f"fitting on all {len(sentences):,} sentences")
    model = fit(sentences, lexicon, parameters)
    behaviours = behaviour.run(model, labels / behaviour.FILE) if (labels / behaviour.FILE).exists() else []
    if behaviours:
        say("\n" + behaviour.table(behaviours) + "\n")
    content, sha256 = dump(model)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    manifest = Manifest(
        name="country-relations",
        version=version("country-relations"),
        tier="fast",
        sha256=sha256,
        labels_sha256=digest(labels),
        classes=model.classes,
        metrics={
            "held_out": scores.as_dict(),
            "sentences": len(sentences),
            "behaviour": {one.kind: round(one.rate, 4) for one in behaviours},
        },
        versions=current_versions(),
        trained_at=now.isoformat(),
    )
    save(folder, content, manifest)
    say(f"wrote {len(content) / 1e6:.1f} MB to {folder}, sha256 {sha256}")
    return manifest, scores
