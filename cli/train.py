"""``country-relations train``: from labels to a new version."""

import importlib.util
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.shared import FOLDER, LABELS

if TYPE_CHECKING:
    from training.fit import Context

_CHECKPOINT = ".fine-tuning.pt"


@contextmanager
def fine_tuning() -> Iterator[Callable[[int, int, float], None]]:
    """Give what a fine-tuning tells how far it is, with a bar that shows it, or in a log a line every 5 %."""
    terminal = sys.stdout.isatty()
    with click.progressbar(length=1, label="fine-tuning", item_show_func=lambda told: told) as bar:

        def show(done: int, total: int, loss: float) -> None:
            bar.length = total
            told = "the teacher reads" if math.isnan(loss) else f"loss {loss:.3f}"
            if not terminal and 20 * done // total > 20 * bar.pos // total:
                click.echo(f"{100 * done // total} %: {told}")
            bar.update(done - bar.pos, told)

        yield show


def need_torch(remedy: str) -> None:
    """Raise a `click.ClickException` that names a remedy where PyTorch is missing."""
    if importlib.util.find_spec("torch") is None:
        raise click.ClickException(f"the context tier is fine-tuned with PyTorch: {remedy}")


@contextmanager
def _bar(
    root: Path, *, keep: bool, adapt: bool, teacher: Path | None, recipe: dict[str, float | None]
) -> Iterator["Context"]:
    """How to make a context tier, with a bar that shows how far it is."""
    from relations import registry  # noqa: PLC0415
    from training.context import ADAPTING, Recipe  # noqa: PLC0415
    from training.fit import Context  # noqa: PLC0415

    if keep:
        yield Context(kept=registry.resolve(root, "context"))
        return
    need_torch(
        "install it with  make context,  or take the encoder that is served (--keep-encoder), or fit the fast "
        "tier alone (--tier fast)"
    )
    chosen: dict[str, Any] = {name: value for name, value in recipe.items() if value is not None}
    start = registry.resolve(root, "context") if adapt else None
    with fine_tuning() as show:
        whole = replace(ADAPTING if adapt else Recipe(), **chosen)
        yield Context(whole, start=start, teacher=teacher, checkpoint=root / _CHECKPOINT, progress=show)


@contextmanager
def _search_bar(*, wanted: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Give what a search tells how far it is, with a bar that shows it; None where none is wanted."""
    if not wanted:
        yield None
        return
    with ExitStack() as stack:
        bars: list[Any] = []

        def show(done: int, total: int) -> None:
            if not bars:
                bars.append(stack.enter_context(click.progressbar(length=total, label="searching")))
            bars[0].update(done - bars[0].pos)
            if done == total:
                stack.close()

        yield show


def _weight(text: str) -> tuple[str, float]:
    folder, _, number = text.rpartition("=")
    try:
        return folder, float(number)
    except ValueError:
        raise click.BadParameter(f"'{text}' is not FOLDER=NUMBER", param_hint="--weight") from None


def _has_context(root: Path) -> bool:
    from relations.registry import served, tiers  # noqa: PLC0415

    now = served(root)
    return now is not None and "context" in tiers(root, now)


@click.command()
@LABELS
@click.option("--weight", "weights", multiple=True, metavar="FOLDER=NUMBER",
              help="How much a folder's sentences count in fitting: 2 as if each stood there twice. "
                   "The shipped folder is called 'shipped'.")  # fmt: skip
@click.option("--output", "root", type=FOLDER, help="Folder of the models. Default: model_artifacts/.")
@click.option("--version", help="Name of the new version. Default: the day and the model's digest.")
@click.option("--tier", type=click.Choice(["fast", "context"]),
              help="fast: minutes. context: both tiers, an hour or two. Default: context; with --quick what "
                   "is served.")  # fmt: skip
@click.option("--quick", is_flag=True,
              help="A minute or two: the fast tier as it was fitted to be scored, so that the held-out tenth "
                   "teaches it nothing, and the context tier with the encoder that is served.")  # fmt: skip
@click.option("--search", "searched", is_flag=True,
              help="First try 15 pairs of -C and min_df by cross-validation on the sentences that are not held "
                   "out, and 5 penalties of the context tier's classifier: some ten minutes.")  # fmt: skip
@click.option("--keep-encoder", is_flag=True,
              help="Keep the served context tier's encoder and fit only the classifier over it: minutes, "
                   "without PyTorch.")  # fmt: skip
@click.option("--adapt-encoder", is_flag=True,
              help="Go on from the served context tier's encoder in place of the pretrained one: it reads the "
                   "sentences that are new to it, and a tenth of the others beside them, twice. Minutes for some "
                   "hundred sentences.")  # fmt: skip
@click.option(
    "--replay",
    type=click.FloatRange(0, 1),
    help="With --adapt-encoder: share of the sentences it knows that it reads again in an epoch.",
)
@click.option(
    "--learning-rate", type=click.FloatRange(0, 0.01, min_open=True), help="Of the encoder's uppermost layer."
)
@click.option("--teacher", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Learn from the answers of a teacher, too, which  country-relations teach  makes.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help="Times that the encoder reads every sentence.")
@click.option("--seed", type=int, help="Of the order in which the encoder reads, and of its dropout.")
@click.option("-C", "--inverse-penalty", "penalty", type=click.FloatRange(min=0, min_open=True), default=None,
              help="Inverse strength of the fast classifier's penalty.")  # fmt: skip
def train(
    labels: tuple[Path, ...],
    shipped: bool,
    weights: tuple[str, ...],
    root: Path | None,
    version: str | None,
    tier: str | None,
    quick: bool,
    searched: bool,
    keep_encoder: bool,
    adapt_encoder: bool,
    replay: float | None,
    learning_rate: float | None,
    teacher: Path | None,
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
        from training import behaviour, corpus, fit, lexicon_table, report, sources, tracking  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"training needs {error.name}: run  make train  or install the training extra"
        ) from None

    recipe = {"epochs": epochs, "seed": seed, "learning_rate": learning_rate, "replay": replay}
    fine_tuned = adapt_encoder or teacher is not None or any(value is not None for value in recipe.values())
    if tier == "fast" and (keep_encoder or fine_tuned):
        raise click.UsageError("the fast tier has no encoder")
    if (quick or keep_encoder) and fine_tuned:
        raise click.UsageError(
            f"{'--quick' if quick else '--keep-encoder'} keeps the encoder: --adapt-encoder, --teacher, --epochs, "
            "--seed, --learning-rate and --replay are for fine-tuning one"
        )
    if replay is not None and not adapt_encoder:
        raise click.UsageError("--replay is for --adapt-encoder: an encoder that starts anew knows no sentence")
    if searched and penalty is not None:
        raise click.UsageError("--search finds the penalty that -C would set: choose one")
    folder = root or DEFAULT_FOLDER
    parameters = fit.Parameters() if penalty is None else fit.Parameters(C=penalty)
    try:
        tracked = tracking.wanted()
        place = sources.choose(labels, dict(map(_weight, weights)), shipped=shipped)
        with (
            _search_bar(wanted=searched) as searching,
            _bar(folder, keep=keep_encoder or quick, adapt=adapt_encoder, teacher=teacher, recipe=recipe)
            if tier == "context" or (tier is None and (not quick or _has_context(folder)))
            else nullcontext() as context,
        ):
            manifest, scores = fit.train(
                place, folder, parameters, click.echo, version, context, quick=quick, searching=searching
            )
        report.write(folder, manifest.version, place, click.echo)
        first = served(folder) == manifest.version
    except (
        ArtifactError,
        tracking.TrackingError,
        corpus.CorpusError,
        sources.SourcesError,
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
    if tracked:
        try:
            tracking.log(folder, manifest.version, click.echo)
        except tracking.TrackingError as error:
            raise click.ClickException(str(error)) from None
