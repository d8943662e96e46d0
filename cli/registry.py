"""``country-relations promote``, ``rollback``, ``list``, ``compare`` and ``verify``: which model is served."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.shared import FOLDER

if TYPE_CHECKING:
    from training.registry import Change

_ROOT = click.option("--root", type=FOLDER, help="Folder of the models. Default: model_artifacts/.")


@contextmanager
def _readable() -> Iterator[None]:
    from relations.artifact import ArtifactError  # noqa: PLC0415

    try:
        yield
    except ImportError as error:  # the container image has no training
        raise click.ClickException(f"{error}: run this in a clone, on the folder that the service reads") from None
    except (ArtifactError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _default(root: Path | None) -> Path:
    from relations.artifact import DEFAULT_FOLDER  # noqa: PLC0415

    return root or DEFAULT_FOLDER


def _tell(change: "Change") -> None:
    click.echo(
        f"{change.version} is served from the next start or reload on; until now: {change.previous or 'none'}"
    )


@click.command()
@click.argument("version")
@click.option("--force", "reason", metavar="REASON", help="Overrule the comparison; the reason is written down.")
@_ROOT
def promote(version: str, reason: str | None, root: Path | None) -> None:
    """Serve VERSION from now on.

    Refused where it scores worse than the served version on the held-out sentences that both have judged, passes
    clearly fewer behaviour cases, or lacks a tier.
    """
    if reason is not None and not reason.strip():
        raise click.UsageError("--force needs a reason")
    with _readable():
        from training import registry  # noqa: PLC0415

        _tell(registry.promote(_default(root), version, reason))


@click.command()
@_ROOT
def rollback(root: Path | None) -> None:
    """Serve again what was served before."""
    with _readable():
        from training import registry  # noqa: PLC0415

        _tell(registry.rollback(_default(root)))


@click.command("list")
@_ROOT
def show(root: Path | None) -> None:
    """List all versions; a star marks the one that is served."""
    from relations.artifact import ArtifactError, read_manifest  # noqa: PLC0415
    from relations.registry import served, tiers, versions  # noqa: PLC0415

    folder = _default(root)
    with _readable():
        now = served(folder)
    click.echo(f"  {'version':22} {'tier':8} {'trained':17} {'pairs':>7} {'accuracy':>9} {'macro-F1':>9}")
    for version in versions(folder):
        for tier in tiers(folder, version):
            line = f"{'*' if version == now else ' '} {version:22} {tier:8} "
            try:
                manifest = read_manifest(folder / version / tier)
                scores = manifest.metrics["held_out"]
                line += f"{manifest.trained_at[:16]:17} {scores['pairs']:7,} {scores['accuracy']:9.4f} "
                line += f"{scores['macro_f1']:9.4f}"
            except (ArtifactError, KeyError, TypeError, ValueError) as error:
                line += f"damaged: {error}"
            click.echo(line)


@click.command()
@click.argument("first")
@click.argument("second")
@_ROOT
def compare(first: str, second: str, root: Path | None) -> None:
    """Compare the versions FIRST and SECOND on what both have judged without having seen it."""
    with _readable():
        from training import registry  # noqa: PLC0415

        compared = registry.compare(_default(root), first, second)
    for tier, one in compared.items():
        click.echo(f"{tier}: {one.table((first, second))}")
        for name, cases in (("loses", one.lost), ("gains", one.gained)):
            for case in cases:
                click.echo(f"{second} {name} {case.kind}: {case.text}")


@click.command()
@click.argument("version", required=False)
@_ROOT
def verify(version: str | None, root: Path | None) -> None:
    """Check every digest of VERSION; without VERSION of all versions."""
    from relations.registry import served, versions  # noqa: PLC0415

    folder = _default(root)
    with _readable():
        from training import registry  # noqa: PLC0415

        now = served(folder)
        wrong = {one: registry.verify(folder, one) for one in ([version] if version else versions(folder))}
    for one, faults in wrong.items():
        click.echo(f"{one}  {'damaged' if faults else 'whole'}")
    faults = [fault for found in wrong.values() for fault in found]
    if version is None and now not in wrong:
        faults.append(f"{now or 'no version'} is to be served, but is not in {folder}: promote another one")
    if faults:
        raise click.ClickException("\n".join(faults))


COMMANDS = (promote, rollback, show, compare, verify)
