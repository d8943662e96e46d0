"""The training report and the model card of a version.

``report.html`` is one page that needs nothing else; ``card.md`` follows Mitchell et al. (2019), "Model Cards for
Model Reporting". Both are made from what training left in the version's folder and from the labels; the same of
these, and the same version served, give the same bytes.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from scipy.stats import binomtest

from relations import artifact, gazetteer
from relations.artifact import ArtifactError, Manifest
from relations.gazetteer import Country
from relations.registry import served, tiers, versions
from training import analysis, comparison, corpus, curves, plots, registry, sources
from training.analysis import Coverage, Interval, Mistake, Scorer, Slice
from training.comparison import Comparison, Outcome, Prediction
from training.corpus import LabelledSentence
from training.curves import Point
from training.sources import Sources

CARD_FILE = "card.md"
REPORT_FILE = "report.html"
FEATURES = 25
_MEASURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "kappa": "Cohen's kappa",
    "stance_accuracy": "support against opposition",
    "stance_precision": "precision of stances",
    "stance_recall": "recall of stances",
    "expected_calibration_error": "expected calibration error",
}
_COMPARED = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "kappa": "Cohen's kappa",
    "stance_accuracy": "support against opposition",
    "ece": "expected calibration error",
}


class ReportError(ArtifactError):
    """A report cannot be made; the text names cause and remedy."""


@dataclass(frozen=True, slots=True)
class Data:
    """What the labels hold now.

    Attributes
    ----------
    files, sentences, pairs : int
        How many.
    labels, events : list of (name, pairs)
        The most frequent first.
    sha256 : str
        As a manifest's ``labels_sha256``.
    """

    files: int
    sentences: int
    pairs: int
    labels: list[tuple[str, int]]
    events: list[tuple[str, int]]
    sha256: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How a model does in one kind of behaviour cases; ``rate`` is what it passes, with Wilson's interval."""

    name: str
    cases: int
    passed: int
    rate: Interval
    failed: list[str]


@dataclass(frozen=True, slots=True)
class Rivalry:
    """A comparison with the version in service; ``rows`` are score, served, this, difference."""

    version: str
    compared: Comparison
    rows: list[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class Tier:
    """All that the report tells of one tier.

    Attributes
    ----------
    name : str
        Of the tier.
    manifest : Manifest
        What training wrote.
    sentences, pairs, unknown : int
        Held-out sentences and pairs, and how many pairs the labels no longer hold.
    signature : str
        What makes the scores reproducible.
    scores : dict of str to Interval
        As `training.analysis.Scorer.score` gives them.
    confusion : list of (label, list of int)
        A row a right label, in the order of the manifest's classes.
    slices : dict of str to list of Slice
        By factor.
    coverage : list of Coverage
        By threshold.
    kinds : list of Kind
        Behaviour cases.
    worst : list of (Mistake, list of (text, role))
        With the sentence in pieces: role is source, target, other or empty.
    features : dict of str to list of (feature, weight)
        For each label; empty where the tier has no named features.
    figures : dict of str to str
        SVG elements by name.
    rivalry : Rivalry or None
        How it compares with the version in service.
    alone : str
        Why it is not compared with any.
    """

    name: str
    manifest: Manifest
    sentences: int
    pairs: int
    unknown: int
    signature: str
    scores: dict[str, Interval]
    confusion: list[tuple[str, list[int]]]
    slices: dict[str, list[Slice]]
    coverage: list[Coverage]
    kinds: list[Kind]
    worst: list[tuple[Mistake, list[tuple[str, str]]]]
    features: dict[str, list[tuple[str, float]]]
    figures: dict[str, str]
    rivalry: Rivalry | None
    alone: str


def write(
    root: Path, version: str, labels: Path | Sources, say: Callable[[str], None], out: Path | None = None
) -> list[Path]:
    """Write the report and the card of a version.

    Parameters
    ----------
    root : Path
        Holds the versions, as `relations.registry` says.
    version : str
        Which.
    labels : Path or Sources
        What it was fitted from, as of `training.fit.train`.
    say : callable
        Told in a line what was written.
    out : Path, optional
        Folder to write into; without it the version's own, whose digests are brought up to date.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ArtifactError
        If there is no such version, or what training left of it cannot be read.
    CorpusError, GazetteerError
        If the labels are bad.
    """
    chosen = sources.of(labels)
    known = gazetteer.load(chosen.gazetteer)
    sentences, _ = sources.read(chosen, frozenset(known.countries))
    curve = _curve(out or root / version) or _curve(root / version)
    files = render(root, version, describe(chosen, sentences), sentences, known.countries, curve)
    written = keep(root, version, files, out)
    say("wrote " + " and ".join(str(path) for path in written))
    return written


def keep(root: Path, version: str, files: dict[str, bytes], out: Path | None = None) -> list[Path]:
    """Add files to a version, or write them into another folder instead."""
    if out is None:
        registry.amend(root, version, files)
    else:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            artifact.write(out / name, content)
    return [(out or root / version) / name for name in files]


def fitted_from(root: Path, version: str, named: Sequence[Path]) -> Sources:
    """Give the labels that a version was fitted from, as far as they can be found.

    Parameters
    ----------
    root : Path
        Holds the versions.
    version : str
        Which; its manifest says whether the shipped labels were among them, and what each folder weighed.
    named : sequence of Path
        Folders of labels other than the shipped one.

    Returns
    -------
    Sources

    Raises
    ------
    ArtifactError
        If there is no such version.
    SourcesError
        If a folder is not there.
    """
    known = artifact.read_manifest(root / version / _tiers(root, version)[0]).metrics.get("folders", {})
    names = {path.resolve().name for path in named} | {sources.SHIPPED}
    shipped = sources.SHIPPED in known or not named
    weights = {name: told["weight"] for name, told in known.items() if name in names}
    return sources.choose(named, weights, shipped=shipped)


def describe(chosen: Sources, sentences: Sequence[LabelledSentence]) -> Data:
    """Count what the labels hold."""
    pairs = [one for sentence in sentences for one in sentence.pairs]
    return Data(
        files=sum(len(corpus.files(folder.path)) for folder in chosen.folders),
        sentences=len(sentences),
        pairs=len(pairs),
        labels=_counted(one.label for one in pairs),
        events=_counted(one.event or "none" for one in pairs),
        sha256=chosen.digest(),
    )


def _counted(names: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(names).items(), key=lambda one: (-one[1], one[0]))


def render(
    root: Path,
    version: str,
    data: Data,
    sentences: Sequence[LabelledSentence],
    countries: dict[str, Country],
    curve: Sequence[Point],
) -> dict[str, bytes]:
    """Make report and card.

    Parameters
    ----------
    root : Path
        Holds the versions.
    version : str
        Which.
    data : Data
        As `describe` counts it.
    sentences : sequence of LabelledSentence
        The labels.
    countries : dict of str to Country
        The gazetteer's.
    curve : sequence of Point
        The learning curve; empty where none was drawn.

    Returns
    -------
    dict of str to bytes
        Content by name of the file.

    Raises
    ------
    ArtifactError
        If there is no such version, or what training left of it cannot be read.
    """
    told = {
        "version": version,
        "data": data,
        "measures": _MEASURES,
        "curve": curve,
        "learning": _learning(curve) if curve else "",
        "tiers": [_tier(root, version, tier, sentences, countries) for tier in _tiers(root, version)],
        "resamples": analysis.RESAMPLES,
    }
    environment = _environment()
    return {
        CARD_FILE: environment.get_template("card.md.j2").render(told).encode(),
        REPORT_FILE: environment.get_template("report.html.j2").render(told).encode(),
    }


def _tiers(root: Path, version: str) -> list[str]:
    found = tiers(root, version)
    if not found:
        raise ReportError(f"no version {version} in {root}; there is {', '.join(versions(root)) or 'none'}")
    return found


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    return environment


def _curve(folder: Path) -> list[Point]:
    path = folder / curves.FILE
    return curves.load(path.read_bytes()) if path.exists() else []


def _learning(curve: Sequence[Point]) -> str:
    return plots.learning(
        "learning",
        [point.sentences for point in curve],
        [(_MEASURES[name], [point.scores[name] for point in curve]) for name in curves.MEASURES],
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _tier(
    root: Path, version: str, tier: str, sentences: Sequence[LabelledSentence], countries: dict[str, Country]
) -> Tier:
    folder = root / version / tier
    manifest = artifact.read_manifest(folder)
    try:
        predicted = [Prediction(**row) for row in _rows(folder / comparison.HELD_OUT_FILE)]
        behaved = [Outcome(**row) for row in _rows(folder / comparison.BEHAVIOUR_FILE)]
    except (OSError, EOFError, TypeError, ValueError) as error:
        raise ReportError(
            f"what is known of the model in {folder} cannot be read ({error}): train it again"
        ) from None
    if not predicted:
        raise ReportError(f"{folder} holds no held-out judgement: train it again")
    pairs = analysis.sample(predicted, manifest.classes, sentences)
    scorer = Scorer(pairs)
    scores = scorer.score(pairs.all)
    by_factor = analysis.slices(scorer, countries)
    covered = analysis.coverage(scorer)
    rivalry, alone = _rivalry(root, version, tier)
    size = len(pairs.classes)
    confusion = np.bincount(pairs.right * size + pairs.judged, minlength=size * size).reshape(size, size)
    return Tier(
        name=tier,
        manifest=manifest,
        sentences=len(set(pairs.sentence.tolist())),
        pairs=len(predicted),
        unknown=sum(one is None for one in pairs.known),
        signature=_signature(manifest, len(set(pairs.sentence.tolist())), len(predicted)),
        scores=scores,
        confusion=list(zip(pairs.classes, confusion.tolist(), strict=True)),
        slices=by_factor,
        coverage=covered,
        kinds=_kinds(behaved),
        worst=[(one, _pieces(one)) for one in analysis.worst(pairs)],
        features=_weights(folder, manifest),
        figures={
            "reliability": plots.reliability(f"{tier}-reliability", scorer.reliability()),
            "coverage": plots.coverage(
                f"{tier}-coverage",
                analysis.coverage_curve(pairs),
                [
                    (row.threshold, row.share, row.scores["accuracy"])
                    for row in covered
                    if row.threshold > pairs.confidence.min()
                ],
            ),
            "slices": plots.forest(
                f"{tier}-slices",
                [
                    (f"{factor}: {one.name}", one.scores["accuracy"])
                    for factor, found in by_factor.items()
                    for one in found
                ],
                scores["accuracy"],
            ),
        },
        rivalry=rivalry,
        alone=alone,
    )


def _signature(manifest: Manifest, sentences: int, pairs: int) -> str:
    """What must be the same for the scores to be the same; in the manner of sacrebleu's signatures."""
    parts = {
        "data": manifest.labels_sha256[:12],
        "split": "sha256(text)%10=0",
        "sentences": sentences,
        "pairs": pairs,
        "ci": f"sentence-bootstrap-{analysis.RESAMPLES}",
        "seed": analysis.SEED,
        "model": manifest.sha256[:12],
        "tier": manifest.tier,
        **manifest.versions,
        "country-relations": installed("country-relations"),
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def _kinds(behaved: Sequence[Outcome]) -> list[Kind]:
    kinds = []
    for name in dict.fromkeys(one.kind for one in behaved):
        cases = [one for one in behaved if one.kind == name]
        passed = sum(one.passed for one in cases)
        low, high = binomtest(passed, len(cases)).proportion_ci(method="wilson")
        failed = [f"{one.text} ({one.expected})" for one in cases if not one.passed]
        kinds.append(
            Kind(name, len(cases), passed, Interval(passed / len(cases), float(low), float(high)), failed)
        )
    return kinds


def _weights(folder: Path, manifest: Manifest) -> dict[str, list[tuple[str, float]]]:
    """The features that speak most for each label; only those of the fast tier have names."""
    if manifest.tier != "fast":
        return {}
    pipeline = artifact.load(folder)[0].pipeline
    linear = pipeline.named_steps["classifier"].calibrated_classifiers_[0].estimator
    names = [name for vocabulary in pipeline.named_steps["features"].vocabulary_ for name in vocabulary]
    return {
        label: [(names[column], float(row[column])) for column in np.argsort(-row, kind="stable")[:FEATURES]]
        for label, row in zip(manifest.classes, linear.coef_, strict=True)
    }


def _pieces(mistake: Mistake) -> list[tuple[str, str]]:
    """Cut a sentence at its actors."""
    text, place = mistake.pair.text, 0
    roles = {mistake.pair.source: "source", mistake.pair.target: "target"}
    pieces = []
    for start, end, actor in mistake.pair.actors:
        pieces += [(text[place:start], ""), (text[start:end], roles.get(actor, "other"))]
        place = end
    return [*pieces, (text[place:], "")]


def _rivalry(root: Path, version: str, tier: str) -> tuple[Rivalry | None, str]:
    """Compare with what is served; where that cannot be done, say why."""
    now = served(root)
    if now is None or now == version:
        return None, "This is the version in service." if now else "No version is in service."
    if tier not in tiers(root, now):
        return None, f"The version in service, {now}, has no {tier} tier."
    try:
        compared = comparison.compare(root / now / tier, root / version / tier)
    except ArtifactError as error:
        return None, f"It is not compared with the version in service: {error}."
    rows = []
    for name, shown in _COMPARED.items():
        old, new = (getattr(scores, name) for scores in compared.scores)
        known = old is not None and new is not None
        rows.append((shown, _four(old), _four(new), f"{new - old:+.4f}" if known else "–"))
    return Rivalry(now, compared, rows), ""


def _four(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
