"""``country-relations teach``: a large encoder for small ones to learn from."""

from pathlib import Path

import click

from cli.shared import LABELS
from cli.train import fine_tuning, need_torch


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@LABELS
def teach(file: Path, labels: tuple[Path, ...], shipped: bool) -> None:
    """Fine-tune a teacher and write it to FILE, for  train --teacher FILE.

    It is an encoder of twelve layers of 768 numbers (MPNet), too large and slow to serve, which judges better than
    the one that is served; that one can learn from its answers, doubts included. It learns from the sentences that
    train  fine-tunes on: for an hour on two cores with bfloat16, for many without. Needs what  make context
    installs, and 16 GiB of memory. Cut short, it goes on when the command is given again.
    """
    if file.exists():
        raise click.ClickException(f"{file} is there already: remove it or name another file")
    need_torch("install it with  make context")
    from relations.gazetteer import GazetteerError  # noqa: PLC0415
    from training import corpus, fit, sources  # noqa: PLC0415
    from training.context import TEACHING  # noqa: PLC0415

    try:
        place = sources.choose(labels, {}, shipped=shipped)
        with fine_tuning() as show:
            scores = fit.teach(place, file, TEACHING, click.echo, show)
    except (corpus.CorpusError, sources.SourcesError, GazetteerError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo("\non held-out sentences: " + scores.table())
