"""``country-relations report``: the training report and the model card of a version."""

from pathlib import Path

import click

from cli.shared import FOLDER


@click.command()
@click.argument("version", required=False)
@click.option("--out", type=FOLDER, help="Folder to write into. Default: the version's own.")
@click.option("--learning-curve", "learning", is_flag=True,
              help="Fit the fast tier on growing parts of the labels too, which takes minutes.")  # fmt: skip
@click.option("--labels", type=FOLDER, multiple=True,
              help="Folder of labels that it was fitted from beside the shipped ones, or in their place; may be "
                   "repeated.")  # fmt: skip
@click.option("--root", type=FOLDER, help="Folder of the models. Default: model_artifacts/.")
def report(
    version: str | None, out: Path | None, learning: bool, labels: tuple[Path, ...], root: Path | None
) -> None:
    """Write report.html and card.md of VERSION; without VERSION of the one that is served."""
    from relations.artifact import DEFAULT_FOLDER, ArtifactError  # noqa: PLC0415
    from relations.gazetteer import GazetteerError  # noqa: PLC0415
    from relations.registry import resolve, served  # noqa: PLC0415

    try:
        from training import corpus, curves, lexicon_table, sources  # noqa: PLC0415
        from training import report as reporting  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the report needs {error.name}: run  make train  or install the training extra"
        ) from None

    folder = root or DEFAULT_FOLDER
    try:
        version = version or served(folder)
        if version is None:
            raise click.UsageError(f"no version in {folder} is served: name one")
        place = reporting.fitted_from(folder, version, labels)
        if learning:
            fast = resolve(folder, "fast", version)
            with click.progressbar(length=1, label="fitting") as bar:

                def show(done: int, total: int) -> None:
                    bar.length = total
                    bar.update(done - bar.pos)

                curve = curves.draw(fast, place, show)
            reporting.keep(folder, version, {curves.FILE: curve}, out)
        reporting.write(folder, version, place, click.echo, out)
    except (
        ArtifactError,
        GazetteerError,
        OSError,
        corpus.CorpusError,
        lexicon_table.LexiconError,
        sources.SourcesError,
    ) as error:
        raise click.ClickException(str(error)) from None
