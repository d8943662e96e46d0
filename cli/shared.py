"""Options and loading that several commands share."""

import datetime as dt
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from relations.analyser import Analyser
    from relations.artifact import Manifest
    from relations.gazetteer import Gazetteer

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
AS_OF = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    default=None,
    help="Day on which the text was written: who held which office. Default: today.",
)
Command = Callable[..., Any]


def _model(command: Command) -> Command:
    @click.option("--model", type=FOLDER, help="Folder of the models, or of one. Default: what is shipped.")
    @click.option("--tier", envvar="COUNTRY_RELATIONS_TIER",
                  help="fast, or context, which is slower and better. Default: as the service.")  # fmt: skip
    @click.option("--version", help="Version of the model. Default: the one that is served.")
    @wraps(command)
    def chosen(*arguments: Any, model: Path | None, tier: str | None, version: str | None, **options: Any) -> Any:
        from relations import artifact, registry  # noqa: PLC0415

        try:
            folder = registry.resolve(model or artifact.DEFAULT_FOLDER, tier or registry.DEFAULT_TIER, version)
        except (artifact.ArtifactError, OSError) as error:
            raise click.ClickException(str(error)) from None
        return command(*arguments, folder=folder, **options)

    return chosen


MODEL = _model
"""Gives a command three options to choose a model by, and its folder as ``folder``."""


def _labels(command: Command) -> Command:
    @click.option("--labels", type=FOLDER, multiple=True,
                  help="Folder of labels, added to the shipped ones; may be repeated. Sentences lie in its "
                       "corpus/*.jsonl; lexicon, gazetteer and behaviour cases are the shipped ones where it has "
                       "none. A sentence that stands in several folders has the labels of the last.")  # fmt: skip
    @click.option("--without-shipped", is_flag=True, help="Leave the shipped sentences out.")
    @wraps(command)
    def chosen(*arguments: Any, labels: tuple[Path, ...], without_shipped: bool, **options: Any) -> Any:
        if without_shipped and not labels:
            raise click.UsageError("--without-shipped needs --labels")
        return command(*arguments, labels=labels, shipped=not without_shipped, **options)

    return chosen


LABELS = _labels
"""Gives a command two options to choose folders of labels by: they come as ``labels`` and ``shipped``."""


def day(as_of: dt.datetime | None) -> dt.date:
    """Give the day that was named, else today."""
    return as_of.date() if as_of else dt.datetime.now(dt.UTC).date()


class Loaded(NamedTuple):
    """All that judging a text needs."""

    analyser: "Analyser"
    manifest: "Manifest"
    gazetteer: "Gazetteer"


def load(folder: Path) -> Loaded:
    """Load a model, chosen by `MODEL`, with the gazetteer."""
    from relations import artifact, gazetteer  # noqa: PLC0415
    from relations.analyser import Analyser  # noqa: PLC0415
    from relations.mentions import MentionFinder  # noqa: PLC0415

    try:
        model, manifest = artifact.load(folder)
        known = gazetteer.load()
    except (artifact.ArtifactError, gazetteer.GazetteerError, OSError) as error:
        raise click.ClickException(str(error)) from None
    return Loaded(Analyser(MentionFinder(known), model), manifest, known)
