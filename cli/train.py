"""``country-relations train``: from labels to a new version."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.shared import FOLDER

if TYPE_CHECKING:
    from training.fit import Context

_CHECKPOINT = ".fine-tuning.pt"


@contextmanager
def _bar(root: Path, *, keep: bool, epochs: int | None, seed: int | None) -> Iterator["Context"]:
    """How to make a context tier, with a bar that shows how far it is."""
    from relations import registry  # noqa: PLC0415
    from training.context import Recipe  # noqa: PLC0415
    from training.fit import Context  # noqa: PLC0415

    if keep:
        yield Context(kept=registry.resolve(root, "context"))
        return
    try:
        import torch  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        raise click.ClickException(
            "the context tier is fine-tuned with PyTorch: install it with  make context,  or take the encoder that "
            "is served (--keep-encoder), or fit the fast tier alone (--tier fast)"
        ) from None
    chosen = {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    with click.progressbar(length=1, label="fine-tuning", item_show_func=lambda loss: loss) as bar:

        def show(done: int, total: int, loss: float) -> None:
            bar.length = total
            bar.update(done - bar.pos, f"loss {loss:.3f}")

        yield Context(Recipe(**chosen), checkpoint=root / _CHECKPOINT, progress=show)


@click.command()
@click.option("--labels", type=FOLDER, default=None, help="Folder of labels. Default: the one that is shipped.")
@click.option("--output", "root", type=FOLDER, help="Folder of the models. Default: model_artifacts/.")
@click.option("--version", help="Name of the new version. Default: the day and the model's digest.")
@click.option("--tier", type=click.Choice(["fast", "context"]), default="context", show_default=True,
              help="fast: minutes. context: both tiers, an hour on two cores.")  # fmt: skip
@click.option("--keep-encoder", is_flag=True,
              help="Keep the served context tier's encoder and fit only the classifier over it: minutes, "
                   "without PyTorch.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help="Times that the encoder reads every sentence.")
@click.option("--seed", type=int, help="Of the encoder's order and dropout.")
@click.option("-C", "--inverse-penalty", "penalty", type=click.FloatRange(min=0, min_open=True), default=None,
              help="Inverse strength of the fast classifier's penalty.")  # fmt: skip
def train(
    labels: Path | None,
    root: Path | None,
    version: str | None,
    tier: str,
    keep_encoder: bool,
    epochs: int | None,
    seed: int | None,
    penalty: float | None,
) -> None:
    """Fit a new version of the model from labels.

    What is served stays until the new version is promoted; the very first version is served at once. A fine-tuning
    that was cut short goes on where it was when the command is given again.
    """
    from relations.artifact import DEFAULT_FOLDER, ArtifactError  # noqa: PLC0415
    from relations.gazetteer import GazetteerError  # noqa: PLC0415
    from relations.registry import served  # noqa: PLC0415

    try:
        from training import behaviour, corpus, fit, lexicon_table  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"training needs {error.name}: run  make train  or install the training extra"
        ) from None

    if tier == "fast" and (keep_encoder or epochs or seed is not None):
        raise click.UsageError("the fast tier has no encoder")
    folder = root or DEFAULT_FOLDER
    parameters = fit.Parameters() if penalty is None else fit.Parameters(C=penalty)
    place = labels or corpus.DEFAULT_FOLDER
    try:
        if tier == "fast":
            manifest, scores = fit.train(place, folder, parameters, click.echo, version)
        else:
            with _bar(folder, keep=keep_encoder, epochs=epochs, seed=seed) as context:
                manifest, scores = fit.train(place, folder, parameters, click.echo, version, context)
        first = served(folder) == manifest.version
    except (
        ArtifactError,
        corpus.CorpusError,
        lexicon_table.LexiconError,
        behaviour.BehaviourError,
        GazetteerError,
        OSError,
    ) as error:
        raise click.ClickException(str(error)) from None
    click.echo("\non held-out sentences: " + scores.table())
    if not first:
        where = f" --root {root}" if root else ""
        click.echo(
            f"\nserve it from the next start or reload on:  country-relations promote {manifest.version}{where}"
        )
