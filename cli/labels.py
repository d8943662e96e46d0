"""``country-relations labels``: look after the labelled data, and exchange it with annotation tools."""

import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from cli.corrections import DATABASE, opened
from cli.shared import AS_OF, FILE, FOLDER, MODEL, day, load

if TYPE_CHECKING:
    from relations.gazetteer import Gazetteer
    from service.correction_store import Correction
    from training.annotations import Imported
    from training.corrections import Correction as Accepted
    from training.corrections import Pulled

_T = TypeVar("_T")
_FORMATS = ("label-studio", "doccano", "prodigy", "brat", "table")
_SOURCE = click.Path(exists=True, path_type=Path)
_TARGET = click.Path(path_type=Path)
_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    required=True,
    help="Whose files: JSON of Label Studio, JSONL of doccano or Prodigy, a folder of brat, a table.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FORCE = click.option("--force", is_flag=True, help="Overwrite what is there.")
_PARTLY = 3
"""Exit status where some of a file was refused."""


@contextmanager
def _told() -> Iterator[None]:
    """Show what is wrong with files as a message."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _print_json(content: Any) -> None:
    click.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _watch(sequence: Sequence[_T], what: str) -> Iterable[_T]:
    """Go over a sequence with a progress bar where somebody looks."""
    if not sys.stderr.isatty():
        yield from sequence
        return
    with click.progressbar(sequence, label=what, file=sys.stderr) as bar:
        yield from bar


def _free(path: Path, *, force: bool, remedy: str) -> None:
    taken = any(path.iterdir()) if path.is_dir() else path.exists()
    if taken and not force:
        raise click.ClickException(f"{path} exists: {remedy}")
    if not path.parent.is_dir():
        raise click.ClickException(f"there is no folder {path.parent}: make it first")


def _gazetteer() -> "Gazetteer":
    from relations import gazetteer  # noqa: PLC0415

    with _told():
        return gazetteer.load()


@click.group()
def labels() -> None:
    """Look after the labelled data."""


@labels.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--against", type=FILE, multiple=True,
              help="JSON lines with a text that no label may resemble, such as a test set.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with status 2 where there are warnings.")
@_JSON
@AS_OF
def check(
    folder: Path | None, against: tuple[Path, ...], strict: bool, as_json: bool, as_of: dt.datetime | None
) -> None:
    """Check the corpus, lexicon and gazetteer in FOLDER.

    Bad rows are errors, told with file, line and reason. Near-duplicates, leaks between splits, contradictions,
    mentions that the gazetteer gives to another country, rare labels and damaged text are warnings.
    """
    try:
        from training import checks, corpus  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(f"checking needs {error.name}: install the training extra") from None

    report = checks.check(folder or corpus.DEFAULT_FOLDER, against, day(as_of), _watch)
    errors = [finding.detail for finding in report.of("error")]
    if as_json:
        _print_json(report.as_dict())
    elif errors:
        raise click.ClickException(errors[0] if len(errors) == 1 else str(corpus.CorpusError(errors)))
    else:
        click.echo(report.table())
    if errors:
        sys.exit(1)
    if strict and report.of("warning"):
        sys.exit(2)


@labels.command("import")
@click.argument("file", type=_SOURCE, nargs=-1, required=True, metavar="FILE...")
@_FORMAT
@click.option(
    "--into", type=_TARGET, required=True, help="Corpus file to write, such as labels/corpus/NAME.jsonl."
)
@click.option("--map", "names", multiple=True, metavar="NAME=LABEL",
              help="What a label of the tool means: Verb=support, Hails=support-AGREE, Nippon=JPN.")  # fmt: skip
@click.option("--missing", type=click.Choice(["neutrality", "refuse"]), default="neutrality", show_default=True,
              help="What an ordered pair without a relation is.")  # fmt: skip
@click.option("--annotator", default=None, help="Whose annotations to take, where a text has several.")
@click.option("--split/--no-split", default=True, show_default=True,
              help="Split texts into sentences, or take each as one.")  # fmt: skip
@click.option("--append", is_flag=True, help="Add to the file that is there.")
@_FORCE
@_JSON
@AS_OF
def import_(
    file: tuple[Path, ...],
    form: str,
    into: Path,
    names: tuple[str, ...],
    missing: Literal["neutrality", "refuse"],
    annotator: str | None,
    split: bool,
    append: bool,
    force: bool,
    as_json: bool,
    as_of: dt.datetime | None,
) -> None:
    """Turn annotations in FILE... into rows of the corpus.

    What was changed, left out or refused is told with its place and reason. Exit status 3: some of it was
    refused, the rest is written; 1: nothing is written.
    """
    from relations.mentions import MentionFinder  # noqa: PLC0415
    from training import annotations  # noqa: PLC0415

    if append and force:
        raise click.UsageError("--append adds to the file and --force replaces it: choose one")
    _free(into, force=append or force, remedy="add to it with --append, or replace it with --force")
    meanings = dict(_meaning(one) for one in names)
    known = _gazetteer()
    rules = annotations.Rules(
        frozenset(known.countries), MentionFinder(known), day(as_of), meanings, missing, split, annotator
    )
    with _told():
        beside = [path for path in sorted(into.parent.glob("*.jsonl")) if append or path != into]
        found = (one for path in file for one in annotations.FORMATS[form].read(path))
        imported = annotations.convert(found, rules, annotations.known_rows(beside), into.stem)
        if imported.rows:
            annotations.save(into, imported.rows, append=append)
    if as_json:
        _print_json({"into": str(into) if imported.rows else None, **imported.as_dict()})
    else:
        _print_imported(imported, into)
    if not imported.rows:
        sys.exit(1)
    if imported.of("refused"):
        sys.exit(_PARTLY)


def _meaning(text: str) -> tuple[str, str]:
    name, equals, meaning = text.rpartition("=")
    if not (name and equals and meaning):
        raise click.BadParameter(f"'{text}' is not NAME=LABEL", param_hint="--map")
    return name, meaning


def _print_imported(imported: "Imported", into: Path) -> None:
    counts = imported.counts()
    told = ", ".join(f"{count:,} {label}" for label, count in counts.items())
    where = f" into {into}" if imported.rows else ", nothing written"
    click.echo(f"{len(imported.rows):,} sentences with {sum(counts.values()):,} pairs ({told}){where}")
    if imported.filled:
        click.echo(f"{imported.filled:,} of them neutral, since they have no relation (--missing)")
    for kind in ("changed", "left out", "refused"):
        notes = imported.of(kind)
        if notes:
            click.echo(f"\n{len(notes):,} {kind}:")
        for note in notes:
            click.echo(f"  {note.place}: {note.reason}")


@labels.command()
@click.argument("file", type=FILE, nargs=-1, metavar="FILE...")
@_FORMAT
@click.option("--out", type=_TARGET, required=True, help="File to write; for brat a folder.")
@_FORCE
def export(file: tuple[Path, ...], form: str, out: Path, force: bool) -> None:
    """Write the corpus in FILE..., or all that ships, for an annotation tool.

    Neutral pairs without an event have no relation, but in a table every pair has a row.
    """
    from relations.artifact import write  # noqa: PLC0415
    from training import annotations, corpus  # noqa: PLC0415

    _free(out, force=force, remedy="replace it with --force")
    tool = annotations.FORMATS[form]
    with _told():
        sentences, problems = corpus.scan(
            file or corpus.files(corpus.DEFAULT_FOLDER), frozenset(_gazetteer().countries)
        )
        if problems or not sentences:
            raise corpus.CorpusError(problems or ["no labelled sentence"])
        contents = tool.render(annotations.documents_of(sentences, every_pair=tool.every_pair), out)
        for path, content in contents.items():
            path.parent.mkdir(exist_ok=True)
            write(path, content)
    click.echo(f"{len(sentences):,} sentences in {out}")


@labels.command()
@click.argument("first", type=FILE)
@click.argument("second", type=FILE)
@_JSON
def agree(first: Path, second: Path, as_json: bool) -> None:
    """Compare the labels that two annotators gave the same sentences, in FIRST and in SECOND."""
    from training import agreement  # noqa: PLC0415

    with _told():
        countries = frozenset(_gazetteer().countries)
        result = agreement.compare(agreement.read(first, countries), agreement.read(second, countries))
    if as_json:
        _print_json(result.as_dict())
    else:
        click.echo(result.table())


@labels.command()
@click.argument("file", type=FILE)
@click.option("--count", type=click.IntRange(1), default=50, show_default=True, help="How many sentences.")
@click.option("--out", type=_TARGET, required=True, help="File for Label Studio.")
@_FORCE
@AS_OF
@MODEL
def suggest(file: Path, count: int, out: Path, force: bool, as_of: dt.datetime | None, folder: Path) -> None:
    """Choose the sentences in FILE whose labels would teach most.

    FILE holds a text a line, or objects with a text where its name ends in .jsonl. The model's answers go with the
    sentences as predictions.
    """
    from relations.artifact import write  # noqa: PLC0415
    from training import corpus  # noqa: PLC0415
    from training import suggest as suggesting  # noqa: PLC0415
    from training.formats import label_studio  # noqa: PLC0415

    _free(out, force=force, remedy="replace it with --force")
    loaded = load(folder)
    with _told():
        labelled, _ = corpus.scan(corpus.files(corpus.DEFAULT_FOLDER), frozenset(loaded.gazetteer.countries))
        texts = list(suggesting.read(file))
        done = [sentence.text for sentence in labelled]
        found = suggesting.suggest(loaded.analyser, texts, done, count, day(as_of))
        if not found.chosen:
            raise click.ClickException(f"{file}: no new sentence names two countries")
        model = f"{loaded.manifest.name} {loaded.manifest.sha256[:12]}"
        write(out, label_studio.dump(suggesting.tasks(found.chosen, model)))
    for one in found.chosen:
        click.echo(f"{one.uncertainty:.2f}  {one.text}")
    passed = ", ".join(f"{number:,} {reason}" for reason, number in found.passed_over.items() if number)
    click.echo(f"\n{len(found.chosen):,} sentences in {out}" + (f"; passed over: {passed}" if passed else ""))


@labels.command("pull-corrections")
@DATABASE
@click.option("--into", type=_TARGET, required=True, help="Corpus file, such as labels/corpus/corrections.jsonl.")
@click.option("--tasks", type=_TARGET, default=None, help="File for Label Studio: sentences that need a person.")
@click.option("--min-probability", "least", type=click.FloatRange(0, 1), default=0.9, show_default=True,
              help="From which on the model's label stands for a pair that nobody has corrected.")  # fmt: skip
@_FORCE
@_JSON
@MODEL
def pull_corrections(
    url: str, into: Path, tasks: Path | None, least: float, force: bool, as_json: bool, folder: Path
) -> None:
    """Turn accepted corrections into rows of the corpus.

    The model labels the other pairs of a sentence where it is sure, else the sentence is one to annotate. What was
    pulled before is not pulled again. Exit status 3: some corrections need a person, the rest is written.
    """
    try:
        from training import corrections as pulling  # noqa: PLC0415
        from training import suggest as suggesting  # noqa: PLC0415
        from training.formats import label_studio  # noqa: PLC0415
    except ImportError as error:  # the container image has no training
        raise click.ClickException(f"{error}: run this in a clone") from None
    from relations.artifact import write  # noqa: PLC0415

    _free(into, force=True, remedy="")
    if tasks is not None:
        _free(tasks, force=force, remedy="replace it with --force")
    with opened(url) as store:
        accepted = [_accepted(one) for one in store.find("accepted")]
    loaded = load(folder)
    with _told():
        pulled = pulling.pull(loaded.analyser, accepted, into, least, frozenset(loaded.gazetteer.countries))
        if pulled.rows or pulled.changed:
            pulling.save(into, pulled)
        if tasks is not None and pulled.tasks:
            model = f"{loaded.manifest.name} {loaded.manifest.sha256[:12]}"
            write(tasks, label_studio.dump(suggesting.tasks(pulled.tasks, model)))
    if as_json:
        _print_json({"into": str(into), **pulled.as_dict()})
    else:
        _print_pulled(pulled, into, tasks)
    if pulled.of("to annotate") or pulled.of("to settle"):
        sys.exit(_PARTLY)


def _accepted(one: "Correction") -> "Accepted":
    from training.corrections import Actor, Correction  # noqa: PLC0415

    return Correction(
        one.id,
        one.text,
        Actor(one.source_start, one.source_end, one.source_country),
        Actor(one.target_start, one.target_end, one.target_country),
        one.label,
        one.event,
        one.as_of or one.created_at.date(),
    )


def _print_pulled(pulled: "Pulled", into: Path, tasks: Path | None) -> None:
    from training.corrections import KINDS  # noqa: PLC0415

    click.echo(
        f"{len(pulled.outcomes):,} accepted corrections; {len(pulled.rows):,} new and {len(pulled.changed):,} "
        f"changed rows in {into}"
    )
    where = f" (written to {tasks})" if tasks else " (--tasks FILE writes them for Label Studio)"
    for kind in KINDS:
        found = pulled.of(kind)
        if found:
            click.echo(f"\n{len(found):,} {kind}{where if kind == 'to annotate' else ''}:")
        for one in found:
            click.echo(f"  {one.id}: {one.reason}")
