"""``country-relations``: the commands."""

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from cli.config import config
from cli.corrections import corrections
from cli.keys import keys
from cli.labels import labels
from cli.registry import COMMANDS
from cli.report import report
from cli.shared import AS_OF, FILE, MODEL, Loaded, day, load
from cli.teach import teach
from cli.train import train

if TYPE_CHECKING:
    from relations.analyser import Options
    from relations.domain import Analysis


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="country-relations")
def main() -> None:
    """Label relations between countries in English news: support, opposition or neutrality."""


main.add_command(config)
main.add_command(corrections)
main.add_command(keys)
main.add_command(labels)
main.add_command(report)
main.add_command(teach)
main.add_command(train)
for _command in COMMANDS:
    main.add_command(_command)


@main.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--json", "form", flag_value="json", help="Print the service's answer as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print one row a relation.")
@click.option("--min-probability", type=click.FloatRange(0, 1), default=0.0, help="Abstain below it.")
@click.option("--no-neutral", is_flag=True, help="Leave neutral relations out.")
@click.option("--explain", is_flag=True, help="Show the words that moved each answer.")
@AS_OF
@MODEL
def label(
    file: IO[str],
    form: str | None,
    min_probability: float,
    no_neutral: bool,
    explain: bool,
    as_of: dt.datetime | None,
    folder: Path,
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
    options = Options(day(as_of), min_probability, not no_neutral, explain)
    loaded = load(folder)
    try:
        analysis = loaded.analyser.analyse(text, options)
    except TooManyPairsError as error:
        raise click.ClickException(str(error)) from None
    if form == "json":
        click.echo(_json(_told(loaded, analysis, options, None)))
    elif form == "csv":
        from service import tables  # noqa: PLC0415

        identity = None if file.name == "<stdin>" else file.name
        tables.write(sys.stdout, _told(loaded, analysis, options, identity), text=True)
    else:
        _print_table(analysis, explain=explain)


def _told(loaded: "Loaded", analysis: "Analysis", options: "Options", identity: str | None) -> dict[str, Any]:
    """The answer that the service gives to the same text."""
    from service.engine import Engine  # noqa: PLC0415
    from service.relations import answer  # noqa: PLC0415

    names = {code: country.name for code, country in loaded.gazetteer.countries.items()}
    return answer(Engine(loaded.analyser, loaded.manifest, names), analysis, options, identity)


def _json(told: dict[str, Any]) -> str:
    from service.schemas import RelationsAnswer  # noqa: PLC0415

    return json.dumps(RelationsAnswer().dump(told), ensure_ascii=False, indent=2)


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
@click.option("--pairs", type=FILE, help="JSON lines with text, source and target spans and label.")
@click.option("--documents", type=FILE, help="JSON lines with text and relations; mentions are found too.")
@click.option("--article", type=FILE, help="A text, compared with --gold.")
@click.option("--gold", type=FILE, help="Gold relations of --article, a sentence a line.")
@click.option(
    "--list-extra", is_flag=True, help="With --documents: list countries found beyond the gold relations."
)
@AS_OF
@MODEL
def evaluate(
    pairs: Path | None,
    documents: Path | None,
    article: Path | None,
    gold: Path | None,
    list_extra: bool,
    as_of: dt.datetime | None,
    folder: Path,
) -> None:
    """Measure the model on texts with known answers."""
    if not (pairs or documents or article):
        raise click.UsageError("name what to measure: --pairs, --documents or --article with --gold")
    if (article is None) != (gold is None):
        raise click.UsageError("--article and --gold belong together")
    from training import benchmark  # noqa: PLC0415

    analyser = load(folder).analyser
    on = day(as_of)
    try:
        if pairs:
            click.echo(f"{pairs}: {benchmark.pairs(analyser, pairs).table()}\n")
        if documents:
            result = benchmark.documents(analyser, documents, on)
            click.echo(f"{documents}: {result.scores.table()}\n")
            click.echo(f"countries with a relation that were not found: {len(result.missed)}")
            for text, country in result.missed:
                click.echo(f"  {country}  {text}")
            click.echo(f"countries found beyond the gold relations: {len(result.extra)}")
            if list_extra:
                for text, country, surface in result.extra:
                    click.echo(f"  {country} ({surface})  {text}")
        if article and gold:
            compared = benchmark.article(analyser, article, gold, on)
            click.echo("\n".join(compared.lines))
            click.echo(f"\n{compared.right} of {compared.required} required relations are right")
            click.echo("countries not found: " + (", ".join(compared.missed) or "none"))
    except (benchmark.BenchmarkError, OSError) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@AS_OF
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
    _, grouped = read_mentions(MentionFinder(known), text, day(as_of))
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
