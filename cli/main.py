"""``country-relations``: the commands."""

import csv
import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from relations.analyser import Analyser, Options
    from relations.artifact import Manifest
    from relations.domain import Analysis
    from relations.gazetteer import Gazetteer

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_AS_OF = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    default=None,
    help="Day on which the text was written: who held which office. Default: today.",
)
_MODEL = click.option(
    "--model", "folder", type=_FOLDER, default=None, help="Folder of the model. Default: the one that is shipped."
)


def _day(as_of: dt.datetime | None) -> dt.date:
    return as_of.date() if as_of else dt.datetime.now(dt.UTC).date()


class _Loaded(NamedTuple):
    analyser: "Analyser"
    manifest: "Manifest"
    gazetteer: "Gazetteer"


def _load(folder: Path | None) -> _Loaded:
    from relations import artifact, gazetteer  # noqa: PLC0415
    from relations.analyser import Analyser  # noqa: PLC0415
    from relations.mentions import MentionFinder  # noqa: PLC0415

    try:
        model, manifest = artifact.load(folder or artifact.DEFAULT_FOLDER)
        known = gazetteer.load()
    except (artifact.ArtifactError, gazetteer.GazetteerError, OSError) as error:
        raise click.ClickException(str(error)) from None
    return _Loaded(Analyser(MentionFinder(known), model), manifest, known)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="country-relations")
def main() -> None:
    """Label relations between countries in English news: support, opposition or neutrality."""


@main.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--json", "form", flag_value="json", help="Print the service's answer as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print one row a relation.")
@click.option("--min-probability", type=click.FloatRange(0, 1), default=0.0, help="Abstain below it.")
@click.option("--no-neutral", is_flag=True, help="Leave neutral relations out.")
@click.option("--explain", is_flag=True, help="Show the words that moved each answer.")
@_AS_OF
@_MODEL
def label(
    file: IO[str],
    form: str | None,
    min_probability: float,
    no_neutral: bool,
    explain: bool,
    as_of: dt.datetime | None,
    folder: Path | None,
) -> None:
    """Label the relations in FILE, or in standard input where FILE is -."""
    from relations.analyser import Options, TooManyPairsError  # noqa: PLC0415

    try:
        text = file.read()
    except UnicodeDecodeError as error:
        raise click.ClickException(
            f"{file.name} is not UTF-8 ({error.reason} at byte {error.start}): convert it first"
        ) from None
    if not text.strip():
        raise click.ClickException(f"{file.name} is empty")
    options = Options(_day(as_of), min_probability, not no_neutral, explain)
    loaded = _load(folder)
    try:
        analysis = loaded.analyser.analyse(text, options)
    except TooManyPairsError as error:
        raise click.ClickException(str(error)) from None
    if form == "json":
        click.echo(_served(loaded, analysis, options))
    elif form == "csv":
        _print_csv(analysis)
    else:
        _print_table(analysis, explain=explain)


def _served(loaded: "_Loaded", analysis: "Analysis", options: "Options") -> str:
    """The answer that the service gives to the same text."""
    from service.engine import Engine  # noqa: PLC0415
    from service.relations import answer  # noqa: PLC0415
    from service.schemas import RelationsAnswer  # noqa: PLC0415

    names = {code: country.name for code, country in loaded.gazetteer.countries.items()}
    engine = Engine(loaded.analyser, loaded.manifest, names)
    told = RelationsAnswer().dump(answer(engine, analysis, options, None))
    return json.dumps(told, ensure_ascii=False, indent=2)


def _print_csv(analysis: "Analysis") -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(
        [
            "sentence",
            "start",
            "end",
            "source",
            "target",
            "label",
            "probability",
            "support",
            "opposition",
            "neutrality",
            "text",
        ]
    )
    for one in analysis.sentences:
        for relation in one.relations:
            chances = [f"{relation.probabilities[name]:.4f}" for name in ("support", "opposition", "neutrality")]
            place = (one.sentence.index, one.sentence.start, one.sentence.end)
            judged = (relation.source, relation.target, relation.label or "", f"{relation.probability:.4f}")
            writer.writerow((*place, *judged, *chances, one.sentence.text))


def _print_table(analysis: "Analysis", *, explain: bool) -> None:
    for one in analysis.sentences:
        click.echo(f"{one.sentence.index + 1:3}  {one.sentence.text}")
        if one.skipped:
            click.echo(f"       ({one.skipped.replace('_', ' ')})")
        for relation in one.relations:
            color = {"support": "green", "opposition": "red"}.get(relation.label or "")
            name = click.style(f"{relation.label or 'abstained':11}", fg=color)
            line = f"       {relation.source} → {relation.target}  {name} {relation.probability:.2f}"
            if explain:
                words = sorted(relation.evidence, key=lambda word: -word.weight)
                line += "  " + ", ".join(f"{word.text} {word.weight:+.2f}" for word in words[:5])
            click.echo(line)
    if analysis.dyads:
        click.echo("\n     dyad         support  opposition  neutrality  balance")
    for dyad in analysis.dyads:
        counts = f"{dyad.support:8} {dyad.opposition:11} {dyad.neutrality:11} {dyad.balance:+8.2f}"
        click.echo(f"     {dyad.source} → {dyad.target} {counts}")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
def serve(host: str, port: int) -> None:
    """Start the HTTP service under gunicorn.

    All else is set by environment variables that begin with COUNTRY_RELATIONS_; the README lists them.
    """
    from service.config import ConfigError, Settings  # noqa: PLC0415
    from service.serve import serve as run  # noqa: PLC0415

    try:
        settings = Settings.from_environment(os.environ)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    run(settings, host, port, greet=True)


@main.command()
@click.option("--url", default="http://127.0.0.1:8000/health/ready", show_default=True, help="What to ask.")
def health(url: str) -> None:
    """Ask a running service whether it is ready; exit status 1 where it is not. For container health checks."""
    from http.client import HTTPException  # noqa: PLC0415
    from urllib.request import urlopen  # noqa: PLC0415

    if not url.startswith(("http://", "https://")):
        raise click.UsageError("--url must be an http or https address")
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - the scheme was checked
            click.echo(answer.read().decode())
    except (HTTPException, OSError) as error:
        raise click.ClickException(f"{url}: {error}") from None


@main.command()
@click.option("--labels", type=_FOLDER, default=None, help="Folder of labels. Default: the one that is shipped.")
@click.option("--out", type=_FOLDER, default=None, help="Folder for the model. Default: model_artifacts/.")
@click.option("-C", "--inverse-penalty", "penalty", type=click.FloatRange(min=0, min_open=True), default=None,
              help="Inverse strength of the classifier's penalty.")  # fmt: skip
def train(labels: Path | None, out: Path | None, penalty: float | None) -> None:
    """Fit the model from labels and write it with its manifest."""
    from relations.artifact import DEFAULT_FOLDER  # noqa: PLC0415
    from relations.gazetteer import GazetteerError  # noqa: PLC0415

    try:
        from training import behaviour, corpus, fit, lexicon_table  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"training needs {error.name}: run  make train  or install the training extra"
        ) from None

    parameters = fit.Parameters() if penalty is None else fit.Parameters(C=penalty)
    try:
        _, scores = fit.train(labels or corpus.DEFAULT_FOLDER, out or DEFAULT_FOLDER, parameters, click.echo)
    except (
        corpus.CorpusError,
        lexicon_table.LexiconError,
        behaviour.BehaviourError,
        GazetteerError,
        OSError,
    ) as error:
        raise click.ClickException(str(error)) from None
    click.echo("\non held-out sentences: " + scores.table())


@main.command()
@click.option("--pairs", type=_FILE, help="JSON lines with text, source and target spans and label.")
@click.option("--documents", type=_FILE, help="JSON lines with text and relations; mentions are found too.")
@click.option("--article", type=_FILE, help="A text, compared with --gold.")
@click.option("--gold", type=_FILE, help="Gold relations of --article, a sentence a line.")
@click.option(
    "--list-extra", is_flag=True, help="With --documents: list countries found beyond the gold relations."
)
@_AS_OF
@_MODEL
def evaluate(
    pairs: Path | None,
    documents: Path | None,
    article: Path | None,
    gold: Path | None,
    list_extra: bool,
    as_of: dt.datetime | None,
    folder: Path | None,
) -> None:
    """Measure the model on texts with known answers."""
    if not (pairs or documents or article):
        raise click.UsageError("name what to measure: --pairs, --documents or --article with --gold")
    if (article is None) != (gold is None):
        raise click.UsageError("--article and --gold belong together")
    from training import benchmark  # noqa: PLC0415

    analyser = _load(folder).analyser
    day = _day(as_of)
    try:
        if pairs:
            click.echo(f"{pairs}: {benchmark.pairs(analyser, pairs).table()}\n")
        if documents:
            result = benchmark.documents(analyser, documents, day)
            click.echo(f"{documents}: {result.scores.table()}\n")
            click.echo(f"countries with a relation that were not found: {len(result.missed)}")
            for text, country in result.missed:
                click.echo(f"  {country}  {text}")
            click.echo(f"countries found beyond the gold relations: {len(result.extra)}")
            if list_extra:
                for text, country, surface in result.extra:
                    click.echo(f"  {country} ({surface})  {text}")
        if article and gold:
            compared = benchmark.article(analyser, article, gold, day)
            click.echo("\n".join(compared.lines))
            click.echo(f"\n{compared.right} of {compared.required} required relations are right")
            click.echo("countries not found: " + (", ".join(compared.missed) or "none"))
    except (benchmark.BenchmarkError, OSError) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_AS_OF
def countries(text: str | None, as_json: bool, as_of: dt.datetime | None) -> None:
    """Show the countries that TEXT mentions; without TEXT list the gazetteer."""
    from dataclasses import asdict  # noqa: PLC0415

    from relations import gazetteer  # noqa: PLC0415
    from relations.mentions import MentionFinder  # noqa: PLC0415
    from relations.reading import read_mentions  # noqa: PLC0415

    try:
        known = gazetteer.load()
    except (gazetteer.GazetteerError, OSError) as error:
        raise click.ClickException(str(error)) from None
    if text is None:
        rows = [known.countries[code] for code in sorted(known.countries)]
        if as_json:
            click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2))
            return
        click.echo(f"{'code':5} {'COW':7} {'FIPS':6} {'name':32} capital")
        for row in rows:
            note = "" if row.party else "  (territory)"
            click.echo(f"{row.code:5} {row.cow:7} {row.fips:6} {row.name:32} {', '.join(row.capitals)}{note}")
        return
    _, grouped = read_mentions(MentionFinder(known), text, _day(as_of))
    mentions = [mention for group in grouped for mention in group]
    if as_json:
        click.echo(json.dumps([asdict(mention) for mention in mentions], ensure_ascii=False, indent=2))
        return
    if not mentions:
        click.echo("no country is mentioned", err=True)
    for mention in mentions:
        note = " (uncertain)" if mention.ambiguous else ""
        note += f" (refers to {mention.refers_to})" if mention.refers_to else ""
        click.echo(
            f"{mention.start:5}–{mention.end:<5} {mention.country}  {mention.kind:10}  {mention.text}  "
            f"= {known.countries[mention.country].name}{note}"
        )


@main.group()
def labels() -> None:
    """Look after the labelled data."""


@labels.command()
@click.argument("folder", type=_FOLDER, required=False)
def check(folder: Path | None) -> None:
    """Check the corpus, lexicon and gazetteer in FOLDER; name file, line and reason of what is bad."""
    from relations import gazetteer  # noqa: PLC0415

    try:
        from training import corpus  # noqa: PLC0415
        from training.lexicon_table import LexiconError, read  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(f"checking needs {error.name}: install the training extra") from None

    place = folder or corpus.DEFAULT_FOLDER
    try:
        known = gazetteer.load(place / "gazetteer")
        sentences = corpus.read(place, frozenset(known.countries))
        entries = read(place / "lexicon.tsv")
    except (gazetteer.GazetteerError, corpus.CorpusError, LexiconError, OSError) as error:
        raise click.ClickException(str(error)) from None
    pairs = sum(len(sentence.pairs) for sentence in sentences)
    click.echo(
        f"{len(sentences):,} sentences with {pairs:,} pairs, {len(entries):,} lexicon entries, "
        f"{len(known.names):,} names, {len(known.leaders):,} terms of office: no bad row"
    )
