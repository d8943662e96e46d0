"""Fit the model from labels and write it with its manifest."""

import datetime as dt
import hashlib
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from relations import gazetteer
from relations.artifact import ArtifactError, Manifest, current_versions, dump, read_manifest, save
from relations.classifier import Model
from relations.domain import LABELS
from relations.features import PairFeatures
from relations.lexicon import Lexicon
from relations.registry import versions
from training import behaviour, comparison, registry, search, sources, standing
from training.context import STRENGTH, STRENGTHS, Encoder, Recipe, fit_head
from training.corpus import CorpusError, LabelledSentence, held_out, part_of
from training.lexicon_table import compile_lexicon
from training.metrics import Scores, score
from training.sources import Sources
from training.split import Split, split
from training.standing import Judge

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
        Training data; each counts by its weight, for the classifier and for the temperature.
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
    weights = np.array([sentence.weight for sentence in sentences for _ in sentence.pairs])
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
        classifier.fit(features.transform(pairs), labels, None if (weights == 1).all() else weights)
    for one in classifier.calibrated_classifiers_:
        # Eleven bits of a weight say enough, and make the file a third smaller.
        one.estimator.coef_ = one.estimator.coef_.astype(np.float16).astype(np.float64)
    return Model(Pipeline([("features", features), ("classifier", classifier)]))


def _folds(parts: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    return [(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in np.unique(parts)]


def _probabilities(model: Model, sentences: Sequence[LabelledSentence]) -> NDArray[np.float64]:
    return model.probabilities([labelled.pair for sentence in sentences for labelled in sentence.pairs])


def _score(sentences: Sequence[LabelledSentence], probabilities: NDArray[np.float64], model: Model) -> Scores:
    labels = [labelled.label for sentence in sentences for labelled in sentence.pairs]
    return score(labels, probabilities, model.classes)


def evaluate(model: Model, sentences: Sequence[LabelledSentence]) -> Scores:
    """Score a model on labelled sentences."""
    return _score(sentences, _probabilities(model, sentences), model)


@dataclass(frozen=True, slots=True)
class Context:
    """How to make a context tier.

    Attributes
    ----------
    recipe : Recipe
        How to fine-tune.
    kept : Path or None
        Folder of a context tier whose encoder is kept, so that only the classifier over it is fitted: seconds
        in place of an hour, and no PyTorch.
    start : Path or None
        Folder of a context tier whose encoder the fine-tuning goes on from, in place of the pretrained weights.
    teacher : Path or None
        File of `training.encoder.save_teacher`: whose answers the fine-tuning learns from beside the labels.
    checkpoint : Path or None
        Where a fine-tuning that was cut short leaves its state.
    progress : callable
        Told after each step of fine-tuning: steps done, steps in all, mean loss of late.
    strengths : tuple of float
        Inverse strengths of the penalty of the classifier over it; of several the best is chosen.
    """

    recipe: Recipe = field(default_factory=Recipe)
    kept: Path | None = None
    start: Path | None = None
    teacher: Path | None = None
    checkpoint: Path | None = None
    progress: Callable[[int, int, float], None] = lambda done, total, loss: None  # noqa: ARG005
    strengths: tuple[float, ...] = (STRENGTH,)


@dataclass(frozen=True, slots=True)
class _Tier:
    """A fitted tier with what it judged of sentences that it had not seen."""

    name: str
    model: Model
    tested: list[LabelledSentence]
    probabilities: NDArray[np.float64]
    files: dict[str, bytes]
    fitting: dict[str, Any]
    libraries: tuple[str, ...]


def train(
    labels: Path | Sources,
    root: Path,
    parameters: Parameters,
    say: Callable[[str], None],
    version: str | None = None,
    context: Context | None = None,
    *,
    quick: bool = False,
    searching: Callable[[int, int], None] | None = None,
) -> tuple[Manifest, Scores]:
    """Train a new version from labels. Only the very first one is served at once; later ones wait.

    One sentence in ten is held out, chosen by its text alone. A first fit on the others is scored on them, beside
    the served version and for each folder of labels; the fast tier that is written is fitted on all. The context
    tier is fine-tuned on the nine in ten, and the classifier over it fitted on the rest, for whose scores it is
    cross-fitted.

    Parameters
    ----------
    labels : Path or Sources
        A labels folder, or what `training.sources.choose` makes of several.
    root : Path
        Holds the versions, as `relations.registry` says.
    parameters : Parameters
        What can be chosen.
    say : callable
        Told in a line what happens.
    version : str, optional
        Name of the new version; without it the day and the beginning of the model's digest. Without it, too, a
        model that has been trained before on the same day is not written again.
    context : Context, optional
        Adds a context tier.
    quick : bool
        Write the first fit, and save the second: half of the time for a tenth of the labels.
    searching : callable, optional
        Makes a search for ``parameters`` and for the context tier's strength, and is told how many fits of the
        former are done, and how many there are.

    Returns
    -------
    manifest : Manifest
        Of the best tier; its ``version`` is the name.
    scores : Scores
        On the held-out sentences.

    Raises
    ------
    CorpusError, LexiconError, GazetteerError, BehaviourError
        If labelled data is bad; nothing is written then.
    SourcesError
        If the folder is not there.
    RegistryError
        If the name is bad or taken.
    ArtifactError
        If the encoder to keep is none.
    """
    if version is not None:
        registry.check_free(root, version)
    chosen = sources.of(labels)
    say("reading and checking labels")
    sentences = _read(chosen, say)
    lexicon = compile_lexicon(chosen.lexicon)
    cases = behaviour.read(chosen.behaviour)
    parts = _split(chosen, sentences, say)
    fitting: dict[str, Any] = {}
    if searching is not None:
        say(f"searching for parameters on {len(parts.kept):,} sentences")
        tries = search.search(parts, lexicon, searching)
        say(f"\n{search.table(tries)}\n")
        best = search.best(tries).parameters
        parameters = Parameters(C=best["C"], min_df=int(best["min_df"]))
        context = context and replace(context, strengths=STRENGTHS)
        fitting["search"] = search.as_dict(tries)
    say(f"fitting on {len(parts.kept):,} sentences to score {len(parts.tested):,} held out")
    first = fit(parts.kept, lexicon, parameters)
    if not quick:
        say(f"fitting on all {len(sentences):,} sentences")
    fitted = parts.kept if quick else sentences
    fitting = asdict(parameters) | {"quick": quick, "sentences": len(fitted)} | fitting
    model = first if quick else fit(fitted, lexicon, parameters)
    built = [_Tier("fast", model, parts.tested, _probabilities(first, parts.tested), {}, fitting, ())]
    if context is not None:
        built.append(_with_context(context, first, parts, sentences, say))
    labels_sha256 = chosen.digest()
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    dumped = [dump(tier.model) for tier in built]
    name = version or f"{now:%Y-%m-%d}-{dumped[-1][1][:8]}"
    manifests, behaviours, scores = [], [], []
    for tier, (_, sha256) in zip(built, dumped, strict=True):
        scores.append(_score(tier.tested, tier.probabilities, tier.model))
        behaviours.append(behaviour.run(tier.model, cases))
        say(f"\n{tier.name} tier\n{behaviour.table(behaviours[-1])}\n")
        manifests.append(
            Manifest(
                name="country-relations",
                version=name,
                tier=tier.name,
                sha256=sha256,
                labels_sha256=labels_sha256,
                classes=tier.model.classes,
                metrics={
                    "held_out": scores[-1].as_dict(),
                    "sentences": len(sentences),
                    "set_aside": len(parts.aside),
                    "folders": _folders(chosen, sentences),
                    "standing": _stand(tier, root, chosen, say),
                    "behaviour": {one.kind: round(one.rate, 4) for one in behaviours[-1]},
                    "fitting": tier.fitting,
                },
                versions=current_versions(*tier.libraries),
                trained_at=now.isoformat(),
                files={file: hashlib.sha256(content).hexdigest() for file, content in tier.files.items()},
            )
        )
    if version is None and name in versions(root):
        say(f"{name} is in {root} already: the same labels gave the same model, sha256 {manifests[-1].sha256}")
        return manifests[-1], scores[-1]

    def build(folder: Path) -> None:
        for tier, (content, _), manifest, behaved in zip(built, dumped, manifests, behaviours, strict=True):
            save(folder / tier.name, content, manifest, tier.files)
            comparison.save(
                folder / tier.name,
                comparison.predictions(tier.tested, tier.probabilities),
                comparison.outcomes(cases, behaved),
            )

    registry.publish(root, name, build)
    if context is not None and context.checkpoint is not None:
        context.checkpoint.unlink(missing_ok=True)
    for manifest in manifests:
        say(f"wrote the {manifest.tier} tier to {root / name}, sha256 {manifest.sha256}")
    return manifests[-1], scores[-1]


def teach(
    labels: Path | Sources,
    path: Path,
    recipe: Recipe,
    say: Callable[[str], None],
    progress: Callable[[int, int, float], None],
) -> Scores:
    """Fine-tune a teacher on the sentences that `train` would fine-tune an encoder on, and write it.

    Parameters
    ----------
    labels : Path or Sources
        As of `train`.
    path : Path
        File to write. Beside it lies, until it is done, the state of a fine-tuning that was cut short.
    recipe : Recipe
        How to fine-tune.
    say : callable
        Told in a line what happens.
    progress : callable
        As of `Context`.

    Returns
    -------
    Scores
        On the held-out sentences.

    Raises
    ------
    CorpusError, GazetteerError
        If labelled data is bad; nothing is written then.
    SourcesError
        If the folder is not there.
    """
    from training import encoder as network  # noqa: PLC0415 - needs PyTorch

    chosen = sources.of(labels)
    say("reading and checking labels")
    parts = _split(chosen, _read(chosen, say), say)
    checkpoint = path.with_name(f"{path.name}.part")
    say(f"fine-tuning a teacher on {len(parts.kept):,} sentences")
    made = network.fine_tune(parts.kept, recipe, progress, checkpoint)
    network.save_teacher(made, recipe, path)
    checkpoint.unlink(missing_ok=True)
    return network.judge(made, parts.tested)


def _read(chosen: Sources, say: Callable[[str], None]) -> list[LabelledSentence]:
    known = gazetteer.load(chosen.gazetteer)
    sentences, replaced = sources.read(chosen, frozenset(known.countries))
    if len(chosen.folders) > 1:
        for folder, told in _folders(chosen, sentences).items():
            say(f"{folder}: {told['sentences']:,} sentences of weight {told['weight']:g}")
        say(f"lexicon {chosen.lexicon}, gazetteer {chosen.gazetteer}")
    if replaced:
        say(f"{replaced:,} sentences stand in several folders: the labels of the last one count")
    return sentences


def _folders(chosen: Sources, sentences: Sequence[LabelledSentence]) -> dict[str, dict[str, Any]]:
    counts = Counter(sentence.folder for sentence in sentences)
    return {one.name: {"sentences": counts[one.name], "weight": one.weight} for one in chosen.folders}


def _split(chosen: Sources, sentences: Sequence[LabelledSentence], say: Callable[[str], None]) -> Split:
    parts = split(sentences)
    if not parts.kept or not parts.tested:
        raise CorpusError([f"{chosen}: too few sentences to hold one in ten out"])
    lacking = set(LABELS) - {labelled.label for sentence in parts.kept for labelled in sentence.pairs}
    if lacking:
        raise CorpusError([f"{chosen}: too few sentences: no pair to fit on is {', '.join(sorted(lacking))}"])
    if parts.aside:
        say(f"{len(parts.aside):,} sentences are near-duplicates of held-out ones: not fitted on to be scored")
    return parts


def _stand(tier: _Tier, root: Path, chosen: Sources, say: Callable[[str], None]) -> dict[str, Any]:
    """Tell how the new model and the served one do, and give it for the manifest."""
    try:
        old = standing.served_judge(root, tier.name, tier.tested)
    except ArtifactError as error:
        say(f"not compared with the served model: {error}")
        old = None
    new = Judge("", "", tier.model.classes, tier.probabilities)
    weights = {folder.name: folder.weight for folder in chosen.folders}
    found = standing.compare(tier.tested, new, old, list(weights))
    say(standing.table(found, weights, old.version if old else None))
    whole, *others = found
    return {
        "served": old and {"version": old.version, "sha256": old.sha256},
        "all": whole.as_dict(),
        "folders": {one.name: one.as_dict() for one in others},
    }


def _with_context(
    options: Context,
    first: Model,
    parts: Split,
    sentences: Sequence[LabelledSentence],
    say: Callable[[str], None],
) -> _Tier:
    fitting: dict[str, Any]
    if options.kept is not None:
        say(f"keeping the encoder of {options.kept}")
        encoder = Encoder.read(options.kept)
        kept = read_manifest(options.kept)
        fitting = {"encoder": kept.sha256, "encoder_fitting": kept.metrics.get("fitting", {})}
        libraries: tuple[str, ...] = ("onnxruntime", "tokenizers")
    else:
        from training import encoder as network  # noqa: PLC0415 - needs PyTorch

        start = None
        if options.start is not None:
            say(f"going on from the encoder of {options.start}")
            start = Encoder.read(options.start)
        teacher = None
        if options.teacher is not None:
            say(f"learning from the answers of {options.teacher}, too")
            teacher = network.load_teacher(options.teacher)
        say(f"fine-tuning the encoder on {len(parts.kept):,} sentences")
        made = network.fine_tune(
            parts.kept,
            options.recipe,
            options.progress,
            checkpoint=options.checkpoint,
            start=start,
            teacher=teacher,
        )
        encoder = network.export(made, first, parts.kept, start)
        fitting = asdict(options.recipe) | {"bfloat16": network.half_precision(), "machine": platform.machine()}
        if options.start is not None:
            fitting["start"] = read_manifest(options.start).sha256
        if options.teacher is not None:
            fitting["teacher"] = hashlib.sha256(options.teacher.read_bytes()).hexdigest()
        libraries = ("onnxruntime", "tokenizers", "torch")
    head = fit_head(encoder, sentences, options.recipe.threads, options.strengths, parts.heads)
    say(f"fitted the classifier over it on {len(head.fresh):,} sentences that it had not seen")
    if head.tries:
        say(f"\n{search.table(head.tries)}\n")
        fitting |= search.best(head.tries).parameters | {"search": search.as_dict(head.tries)}
    rows = np.array([held_out(sentence) for sentence in head.fresh for _ in sentence.pairs])
    tested = [sentence for sentence in head.fresh if held_out(sentence)]
    return _Tier("context", head.model, tested, head.probabilities[rows], encoder.files, fitting, libraries)
